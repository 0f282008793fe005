package apt

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The files in which an app names packages.
const (
	aptFile     = "Aptfile"
	projectFile = "project.toml"
)

// list is what an app asks for.
type list struct {
	// packages are relations as Debian writes them: "jq", "jq (= 1.7.1-6)".
	packages []string
	// env are variables that packages need, with {install_dir} for the layer.
	env map[string]string
	// files have them.
	files []string
	// passed are wishes that have no meaning here.
	passed []string
}

// read reads what an app asks for. It has no files where the app asks for
// nothing.
func read(dir string) (list, error) {
	l := list{env: map[string]string{}}
	data, err := appfile.Read(dir, aptFile)
	switch {
	case err == nil:
		l.files = append(l.files, aptFile)
		if err := l.readApt(string(data)); err != nil {
			return list{}, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return list{}, err
	}
	data, err = appfile.Read(dir, projectFile)
	switch {
	case err == nil:
		if err := l.readProject(data); err != nil {
			return list{}, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return list{}, err
	}
	slices.Sort(l.packages)
	l.packages = slices.Compact(l.packages)
	return l, nil
}

// readApt reads an Aptfile: names with blanks or line ends between, and comments
// behind #.
func (l *list) readApt(text string) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if rest, is := strings.CutPrefix(strings.TrimSpace(line), ":repo:"); is {
			return appfile.Error("line %d of %s asks for packages of another archive: %s\n"+
				"slugc installs packages that the archives of the stack have signed, since others may not go with it.\n"+
				"Remove the line, and name packages that are in Debian", n, aptFile, strings.TrimSpace(rest))
		}
		for word := range strings.FieldsSeq(line) {
			one, err := relation(word)
			if err != nil {
				return appfile.Error("line %d of %s: %w", n, aptFile, err)
			}
			l.packages = append(l.packages, one)
		}
	}
	return nil
}

var packageName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]+)(?:=([A-Za-z0-9.+~:-]+))?$`)
})

// relation is a package as a person names it for apt-get, as Debian writes it.
func relation(word string) (string, error) {
	if strings.Contains(word, "://") || strings.HasSuffix(word, ".deb") {
		return "", fmt.Errorf("%s is a file, and nobody has signed it\n"+
			"slugc installs packages that the archives of the stack have signed. Name the package alone, if Debian has it", word)
	}
	match := packageName().FindStringSubmatch(word)
	if match == nil {
		return "", fmt.Errorf("%q is no name of a package\nexpected a name in small letters, digits and + - . as \"apt-get install\" takes it, or NAME=VERSION", word)
	}
	if match[2] == "" {
		return match[1], nil
	}
	return match[1] + " (= " + match[2] + ")", nil
}

// debPackages is the table of project.toml.
type debPackages struct {
	Install []any `toml:"install"`
	Sources []any `toml:"sources"`
}

// readProject reads [com.heroku.buildpacks.deb-packages] of project.toml.
func (l *list) readProject(data []byte) error {
	var doc struct {
		Com struct {
			Heroku struct {
				Buildpacks struct {
					Packages *debPackages `toml:"deb-packages"`
				} `toml:"buildpacks"`
			} `toml:"heroku"`
		} `toml:"com"`
	}
	if err := appfile.TOML(projectFile, data, &doc); err != nil {
		return err
	}
	found := doc.Com.Heroku.Buildpacks.Packages
	if found == nil {
		return nil
	}
	const table = "[com.heroku.buildpacks.deb-packages] of " + projectFile
	if len(found.Sources) > 0 {
		return appfile.Error("%s has sources, which are archives of somebody else\n"+
			"slugc installs packages that the archives of the stack have signed. Remove them, and name packages that are in Debian", table)
	}
	l.files = append(l.files, projectFile)
	for _, one := range found.Install {
		name, is := one.(string)
		fields, isTable := one.(map[string]any)
		if isTable {
			name, is = fields["name"].(string)
		}
		if !is {
			return appfile.Error("install in %s: expected names of packages, or tables with name, found %v", table, one)
		}
		wanted, err := relation(name)
		if err != nil {
			return appfile.Error("install in %s: %w", table, err)
		}
		l.packages = append(l.packages, wanted)
		if err := l.readEnv(name, fields["env"]); err != nil {
			return appfile.Error("install in %s: %w", table, err)
		}
		for _, key := range []string{"skip_dependencies", "force"} {
			if fields[key] == true {
				l.passed = append(l.passed, name+": "+key)
			}
		}
	}
	return nil
}

// readEnv reads the variables of a package.
func (l *list) readEnv(name string, value any) error {
	if value == nil {
		return nil
	}
	variables, is := value.(map[string]any)
	if !is {
		return fmt.Errorf("env of %s: expected a table of variables", name)
	}
	for variable, value := range variables {
		text, is := value.(string)
		if !is || variable == "" || strings.ContainsAny(variable, "=/\x00") {
			return fmt.Errorf("env of %s: expected variables with texts, found %s = %v", name, variable, value)
		}
		l.env[variable] = text
	}
	return nil
}
