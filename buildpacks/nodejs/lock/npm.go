package lock

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// NPM is a lock file of npm.
type NPM struct {
	name string
	// packages are the packages by where they go: "" is the app,
	// "node_modules/a" a package, "packages/b" a workspace. Version 1 has none.
	packages map[string]locked
	// dependencies are the packages of version 1, by name.
	dependencies map[string]locked
}

// locked is one package of a lock file.
type locked struct {
	// Name is there when it is another one than the place's.
	Name      string `json:"name"`
	Version   string `json:"version"`
	Resolved  string `json:"resolved"`
	Integrity string `json:"integrity"`
	// Link says that it is a directory of the app, Resolved.
	Link             bool `json:"link"`
	InBundle         bool `json:"inBundle"`
	Bundled          bool `json:"bundled"`
	Dev              bool `json:"dev"`
	DevOptional      bool `json:"devOptional"`
	Optional         bool `json:"optional"`
	HasInstallScript bool `json:"hasInstallScript"`
	// Deprecated is what its author says against it.
	Deprecated reason `json:"deprecated"`
	// OS, CPU and Libc are what it is for.
	OS   choices `json:"os"`
	CPU  choices `json:"cpu"`
	Libc choices `json:"libc"`

	// What a directory of the app wanted when the lock file was made. In
	// version 1, "dependencies" are packages instead.
	RawDependencies      json.RawMessage `json:"dependencies"`
	DevDependencies      Words           `json:"devDependencies"`
	OptionalDependencies Words           `json:"optionalDependencies"`
	PeerDependencies     Words           `json:"peerDependencies"`
}

// reason is a text, or what old tools wrote in the place of one.
type reason string

// UnmarshalJSON implements json.Unmarshaler.
func (r *reason) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*r = reason(text)
	}
	return nil
}

// ReadNPM reads a lock file of npm, which name is: NPMFile or ShrinkwrapFile. Its
// errors are the author's.
func ReadNPM(name string, data []byte) (*NPM, error) {
	var doc struct {
		Version      int               `json:"lockfileVersion"`
		Packages     map[string]locked `json:"packages"`
		Dependencies map[string]locked `json:"dependencies"`
	}
	if err := appfile.JSON(name, data, &doc); err != nil {
		return nil, err
	}
	if doc.Version < 1 || doc.Packages == nil && doc.Dependencies == nil && doc.Version > 1 {
		return nil, appfile.Error("%s is not a lock file of npm\nexpected \"lockfileVersion\" and \"packages\" in it\nmake it again:\n  rm %s\n  npm install --package-lock-only\n  git add %s", name, name, name)
	}
	return &NPM{name: name, packages: doc.Packages, dependencies: doc.Dependencies}, nil
}

// Name is the file, in the app's root.
func (l *NPM) Name() string { return l.name }

// Form is "": every npm reads every form.
func (l *NPM) Form() string { return "" }

// all are the packages with their places. Those of version 1 that lie within
// others are left out.
func (l *NPM) all() map[string]locked {
	if l.packages != nil {
		return l.packages
	}
	packages := map[string]locked{}
	for name, p := range l.dependencies {
		packages["node_modules/"+name] = p
	}
	return packages
}

// find is the package that a directory of the app gets for a name.
func (l *NPM) find(dir, name string) (locked, bool) {
	packages := l.all()
	place, found := nearest(packages, dir, name)
	p := packages[place]
	if target, linked := packages[p.Resolved]; p.Link && linked {
		return target, true
	}
	return p, found
}

// nearest is the place of the package that a place gets for a name: the nearest
// one upwards.
func nearest(packages map[string]locked, dir, name string) (place string, found bool) {
	for {
		place = path.Join(dir, "node_modules", name)
		if _, found := packages[place]; found {
			return place, true
		}
		if dir == "" || dir == "." || dir == "/" {
			return "", false
		}
		if dir = path.Dir(dir); dir == "." {
			dir = ""
		}
	}
}

// Reached are the places of what some directories of the app need, "" for its root, for
// their development too, and of what that needs. Version 1 does not say.
func (l *NPM) Reached(from ...string) map[string]bool {
	places := map[string]bool{}
	for queue := from; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		p := l.packages[at]
		if places[at] {
			continue
		}
		places[at] = true
		if p.Link {
			queue = append(queue, path.Clean(p.Resolved))
			continue
		}
		var dependencies Words
		if json.Unmarshal(p.RawDependencies, &dependencies) != nil {
			dependencies = nil
		}
		for _, specs := range []Words{dependencies, p.OptionalDependencies, p.PeerDependencies, p.DevDependencies} {
			for name := range specs {
				if place, found := nearest(l.packages, at, name); found {
					queue = append(queue, place)
				}
			}
		}
	}
	return places
}

// Workspaces are the directories of the app that the lock file links, sorted.
func (l *NPM) Workspaces() []string {
	dirs := map[string]bool{}
	for _, p := range l.packages {
		if p.Link && p.Resolved != "" {
			dirs[path.Clean(p.Resolved)] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// HasDev tells whether there are packages that only development needs.
func (l *NPM) HasDev() bool {
	for _, p := range l.all() {
		if p.Dev || p.DevOptional {
			return true
		}
	}
	return false
}

// MayCompile tells whether a package may compile native code when it is
// installed. Version 1 does not say.
func (l *NPM) MayCompile() bool {
	if l.packages == nil {
		return len(l.dependencies) > 0
	}
	for _, p := range l.packages {
		if p.HasInstallScript {
			return true
		}
	}
	return false
}

// recorded is what a directory of the app wanted of a package when the lock
// file was made.
func (l *NPM) recorded(dir, name string) (spec string, found bool) {
	p, found := l.packages[dir]
	if !found {
		return "", false
	}
	var dependencies Words
	if json.Unmarshal(p.RawDependencies, &dependencies) != nil {
		dependencies = nil
	}
	for _, specs := range []Words{p.OptionalDependencies, dependencies, p.DevDependencies} {
		if spec, found := specs[name]; found {
			return spec, true
		}
	}
	return "", false
}

// Differences are the dependencies of a directory of the app that the lock
// file does not meet, a line each. Like npm ci it asks whether the locked
// version is one that is wanted, not whether the texts are equal; what only npm
// can tell (tags, addresses, overrides) is left to npm.
func (l *NPM) Differences(dir string, m Manifest) []string {
	var lines []string
	for _, w := range m.Wants() {
		p, found := l.find(dir, w.Name)
		switch {
		case !found && w.Optional:
		case !found:
			lines = append(lines, fmt.Sprintf("%s: %s wants %s, %s does not have it", w.Name, path.Join(dir, ManifestFile), w.Spec, l.name))
		case !l.meets(dir, w, p) && len(m.Overrides) == 0:
			lines = append(lines, fmt.Sprintf("%s: %s wants %s, %s has %s", w.Name, path.Join(dir, ManifestFile), w.Spec, l.name, p.Version))
		}
	}
	return lines
}

func (l *NPM) meets(dir string, w Wanted, p locked) bool {
	if spec, found := l.recorded(dir, w.Name); found && spec == w.Spec {
		return true
	}
	spec := strings.TrimSpace(w.Spec)
	if alias, found := strings.CutPrefix(spec, "npm:"); found {
		at := strings.LastIndexByte(alias, '@')
		if at <= 0 {
			return true
		}
		spec = alias[at+1:]
	}
	r, err := npm.ParseRange(spec)
	if err != nil || npm.Major(p.Version) < 0 || p.Link {
		return true
	}
	return r.Allows(p.Version)
}

// Packages are those of a registry, an archive or a repository, and directories of the
// app.
func (l *NPM) Packages() []Package {
	var all []Package
	for place, p := range l.all() {
		name := p.Name
		if at := strings.LastIndex("/"+place, "/node_modules/"); name == "" && at >= 0 {
			name = place[at+len("node_modules/"):]
		}
		all = append(all, Package{Name: name, Version: p.Version, Integrity: p.Integrity})
	}
	return all
}

// Deprecated are those that processes may need. Directories of the app, which have what
// their own package.json says, are none of them.
func (l *NPM) Deprecated() []Deprecation {
	var all []Deprecation
	for place, p := range l.all() {
		at := strings.LastIndex("/"+place, "/node_modules/")
		if p.Deprecated == "" || p.Dev || at < 0 {
			continue
		}
		name := p.Name
		if name == "" {
			name = place[at+len("node_modules/"):]
		}
		all = append(all, Deprecation{name, p.Version, oneLine(string(p.Deprecated))})
	}
	return all
}

// Fetchable are the packages that a registry has, as far as they go to a target, by
// place. CPU is that of the target, as Node.js calls it, and dev tells whether what only
// development needs is among them. One without an address has none in Dist.Tarball.
// Version 1 has none.
func (l *NPM) Fetchable(cpu string, dev bool) map[string]npm.Manifest {
	packages := map[string]npm.Manifest{}
	for place, p := range l.packages {
		at := strings.LastIndex("/"+place, "/node_modules/")
		if at < 0 || p.Link || p.InBundle || p.Bundled || p.Integrity == "" || p.Dev && !dev ||
			!p.OS.allow("linux") || !p.CPU.allow(cpu) || !p.Libc.allow("glibc") {
			continue
		}
		if p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://") && !strings.HasPrefix(p.Resolved, "http://") {
			continue
		}
		name := p.Name
		if name == "" {
			name = place[at+len("/node_modules/")-1:]
		}
		packages[place] = npm.Manifest{Name: name, Version: p.Version, Dist: npm.Dist{Tarball: p.Resolved, Integrity: p.Integrity}}
	}
	return packages
}

// choices are the values of "os", "cpu" or "libc" that a package is for.
type choices []string

// UnmarshalJSON implements json.Unmarshaler.
func (c *choices) UnmarshalJSON(data []byte) error {
	*c = nil
	var one string
	if json.Unmarshal(data, &one) == nil {
		*c = choices{one}
		return nil
	}
	var several []string
	if json.Unmarshal(data, &several) == nil {
		*c = several
	}
	return nil
}

// allow tells whether a value is among the choices: none means any, and
// "!value" excludes it (package.json, "os").
func (c choices) allow(value string) bool {
	if len(c) == 0 || slices.Contains(c, value) || slices.Contains(c, "any") {
		return true
	}
	excludes := false
	for _, choice := range c {
		if choice == "!"+value {
			return false
		}
		excludes = excludes || strings.HasPrefix(choice, "!")
	}
	return excludes
}
