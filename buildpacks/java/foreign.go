package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// foreignManifests are the files of apps in other languages.
var foreignManifests = []string{"package.json", "go.mod", "pyproject.toml", "requirements.txt", "Pipfile", "Gemfile", "Cargo.toml", "composer.json"}

// foreign are the directories of the source that are apps in other languages, and
// that no file of the build names: they are none of its business. One that has
// Java in it, or in which modules are, is not among them.
func (b *build) foreign(source string) ([]string, error) {
	if source == "" || source == b.App {
		return nil, nil
	}
	text, err := b.app.buildTexts(source)
	if err != nil {
		return nil, err
	}
	var all []string
	var look func(dir string) error
	look = func(dir string) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		manifest := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return slices.Contains(foreignManifests, e.Name()) })
		if manifest && dir != source && !b.app.isIn(dir) && !namesDirectory(text, filepath.Base(dir)) {
			all = append(all, dir)
			return nil
		}
		for _, e := range entries {
			below := filepath.Join(dir, e.Name())
			if !e.IsDir() || below == b.App || strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules" {
				continue
			}
			if err := look(below); err != nil {
				return err
			}
		}
		return nil
	}
	if err := look(source); err != nil {
		return nil, fmt.Errorf("reading the source around the app: %w", err)
	}
	return all, nil
}

// isIn tells whether a directory has something of the build in it.
func (a app) isIn(dir string) bool {
	for _, module := range append(slices.Concat(a.modules, a.others), a.root, a.member) {
		if layer.Within(dir, filepath.Join(a.dir, module)) {
			return true
		}
	}
	found, err := appfile.Found(dir, slices.Concat([]string{pomFile}, gradleBuilds, gradleSettings)...)
	return err != nil || len(found) > 0
}

// buildTexts are the texts in which the build of the app may name directories.
func (a app) buildTexts(source string) (string, error) {
	var all strings.Builder
	for _, module := range append(slices.Clone(a.modules), a.root) {
		for _, name := range slices.Concat([]string{pomFile, "gradle.properties", ".mvn/maven.config", ".mvn/jvm.config"}, gradleBuilds, gradleSettings) {
			data, err := os.ReadFile(filepath.Join(a.dir, module, name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("reading the files of the build: %w", err)
			}
			all.Write(data)
		}
	}
	// Parents need not be modules.
	p, dir := a.poms[a.member], a.ownDir()
	for range maxParents {
		file, there := p.parentFile(dir, source)
		if !there {
			break
		}
		name, err := filepath.Rel(a.ownDir(), file)
		if err != nil {
			return "", err
		}
		data, err := appfile.Read(a.ownDir(), filepath.ToSlash(name))
		if err != nil {
			return "", err
		}
		all.Write(data)
		if p, err = parsePOM(filepath.ToSlash(name), data); err != nil {
			return "", err
		}
		dir = filepath.Dir(file)
	}
	return all.String() + a.builds.shared, nil
}

// maxParents bounds the parents of a pom, which may go in a circle.
const maxParents = 50

// linked are the directories and files outside of the modules that are built, to
// which symbolic links in them lead.
func (a app) linked() ([]string, error) {
	var targets []string
	for _, module := range append(slices.Clone(a.modules), a.member) {
		if module == a.root && module != a.member {
			continue // all of the build is below it
		}
		err := filepath.WalkDir(filepath.Join(a.dir, module), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Type()&fs.ModeSymlink == 0 {
				return err
			}
			if target, err := filepath.EvalSymlinks(name); err == nil {
				targets = append(targets, target)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("looking for links in the app: %w", err)
		}
	}
	return targets, nil
}

// namesDirectory tells whether a text may name a directory, by its last name.
func namesDirectory(text, name string) bool {
	return regexp.MustCompile(`[^A-Za-z0-9_.-]` + regexp.QuoteMeta(name) + `[^A-Za-z0-9_.-]`).MatchString(text)
}
