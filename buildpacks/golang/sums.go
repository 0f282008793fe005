package golang

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// sums are the modules of a go.sum: those of which the files are known, and
// those of which go.mod is, as "path version".
type sums struct {
	// name is the file's, "" when there is none.
	name       string
	zips, mods map[string]bool
	// versions are those of which the files are known, by module path.
	versions map[string][]string
}

// readSums reads all go.sum files.
func (p *project) readSums() error {
	p.sums = sums{zips: map[string]bool{}, mods: map[string]bool{}, versions: map[string][]string{}}
	names := []string{}
	for _, m := range p.modules {
		names = append(names, m.name(sumFile))
	}
	if p.work != nil {
		names = append(names, path.Join(p.workDir, workSumFile))
	}
	for _, name := range names {
		there, err := appfile.Exists(p.dir, name)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		data, err := appfile.Read(p.dir, name)
		if err != nil {
			return err
		}
		if err := p.sums.add(name, data); err != nil {
			return err
		}
	}
	return nil
}

// add reads a go.sum: lines of a module path, a version and a checksum (Go
// Modules Reference, "go.sum files").
func (s *sums) add(name string, data []byte) error {
	s.name = name
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 || !strings.HasPrefix(fields[2], "h1:") {
			return appfile.Error("%s, line %d is not one of a module, its version and a checksum\nmake the file again and commit it:\n"+
				"  rm %s\n  go mod tidy\n  git add %s", name, number, name, name)
		}
		if version, isMod := strings.CutSuffix(fields[1], "/go.mod"); isMod {
			s.mods[fields[0]+" "+version] = true
			continue
		}
		if key := fields[0] + " " + fields[1]; !s.zips[key] {
			s.zips[key] = true
			s.versions[fields[0]] = append(s.versions[fields[0]], fields[1])
		}
	}
	return lines.Err()
}

// inStep refuses go.mod and go.sum that do not hold what the packages to build
// need. It is what the go command would find out with -mod=readonly, as far as
// that can be known before anything is downloaded.
func (p project) inStep(s source) error {
	lines := append(p.missingRequirements(s), p.missingSums(s)...)
	if len(lines) == 0 {
		return nil
	}
	dirs := []string{}
	for _, m := range p.modules {
		if m.dir != "" {
			dirs = append(dirs, m.dir)
		}
	}
	tidy := "  go mod tidy\n  git add " + modFile + " " + sumFile
	if len(dirs) > 0 {
		tidy = "  (cd DIRECTORY && go mod tidy)    # in " + strings.Join(dirs, ", ") + "\n  git add -A"
	}
	what := modFile + " and " + sumFile + " are out of step with the source"
	why := "The build downloads what is locked there and nothing else."
	if p.sums.name == "" {
		what = "there is no " + sumFile
		why = "Without its checksums nobody can tell whether a module is the one that you tested."
	}
	const most = 10
	if extra := len(lines) - most; extra > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", extra))
	}
	return appfile.Error("%s\n  %s\n%s Update them and commit them:\n%s\n  git commit -m \"Lock the versions of modules\"",
		what, strings.Join(lines, "\n  "), why, tidy)
}

// missingRequirements are imports that no module of a go.mod provides.
func (p project) missingRequirements(s source) []string {
	var lines []string
	for _, i := range s.foreign {
		if !strings.Contains(strings.SplitN(i.path, "/", 2)[0], ".") {
			// The standard library's, or its absence is for the compiler to say.
			continue
		}
		if len(p.providers(i.path)) == 0 {
			lines = append(lines, fmt.Sprintf("%s imports %s, which no module in %s provides", i.by, i.path, modFile))
		}
	}
	return lines
}

// required is a module version that a go.mod asks for.
type required struct{ path, version, file string }

// requirements are the require lines of all main modules.
func (p project) requirements() []required {
	var all []required
	for _, m := range p.modules {
		for _, r := range m.file.Require {
			if !p.isMain(r.Mod.Path) {
				all = append(all, required{r.Mod.Path, r.Mod.Version, m.name(modFile)})
			}
		}
	}
	return all
}

// providers are the required modules in which a package may be, the likeliest
// first: those whose path the import path begins with.
func (p project) providers(importPath string) []required {
	var found []required
	for _, r := range p.requirements() {
		if within(r.path, importPath) {
			found = append(found, r)
		}
	}
	for _, r := range p.replacements() {
		if dir, local := r.local(); local && within(r.Old.Path, importPath) {
			found = append(found, required{r.Old.Path, r.Old.Version, dir})
		}
	}
	slices.SortStableFunc(found, func(a, b required) int { return len(b.path) - len(a.path) })
	return found
}

// within tells whether an import path is that of a module or below it.
func within(modulePath, importPath string) bool {
	return importPath == modulePath || strings.HasPrefix(importPath, modulePath+"/")
}

// missingSums are modules that go.sum should have and has not.
func (p project) missingSums(s source) []string {
	var lines []string
	said := map[string]bool{}
	say := func(r required) {
		// What replaces a module is what is downloaded.
		name, version := r.path, r.version
		if by, is := p.replaced(name, version); is {
			name, version = by.New.Path, by.New.Version
		}
		key := name + " " + version
		if said[key] {
			return
		}
		said[key] = true
		line := fmt.Sprintf("%s asks for %s %s", r.file, name, version)
		if has := p.sums.versions[name]; len(has) > 0 {
			line += ", " + sumFile + " has " + strings.Join(has, ", ")
		} else if p.sums.name != "" {
			line += ", " + sumFile + " has nothing of it"
		}
		lines = append(lines, line)
	}
	for _, r := range p.requirements() {
		if !p.known(r, p.sums.mods) && !p.known(r, p.sums.zips) {
			say(r)
		}
	}
	for _, i := range s.foreign {
		providers := p.providers(i.path)
		if len(providers) > 0 && !slices.ContainsFunc(providers, func(r required) bool { return p.known(r, p.sums.zips) }) {
			say(providers[0])
		}
	}
	return lines
}

// known tells whether go.sum has a module, or needs not have it. In a workspace
// another module may raise the version, which only the go command knows.
func (p project) known(r required, has map[string]bool) bool {
	name, version := r.path, r.version
	if by, is := p.replaced(name, version); is {
		if _, local := by.local(); local {
			return true
		}
		name, version = by.New.Path, by.New.Version
	}
	if len(p.modules) > 1 && len(p.sums.versions[name]) > 0 {
		return true
	}
	return has[name+" "+version]
}

// commandName is the name that the go command gives to a command of an import
// path: the last part that is no major version.
func commandName(importPath string) string {
	base := path.Base(importPath)
	if base != importPath && majorVersion(base) {
		base = path.Base(path.Dir(importPath))
	}
	return base
}

// majorVersion tells whether a part of an import path is v2 or later.
func majorVersion(part string) bool {
	digits, is := strings.CutPrefix(part, "v")
	return is && digits != "" && digits != "1" && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}
