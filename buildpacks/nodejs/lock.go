package nodejs

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

// The lock files that npm reads (package-lock.json(5), npm-shrinkwrap.json(5)).
const (
	lockFile       = "package-lock.json"
	shrinkwrapFile = "npm-shrinkwrap.json"
)

// lock is a lock file of npm.
type lock struct {
	// Name is the file, "" when there is none.
	Name    string `json:"-"`
	Version int    `json:"lockfileVersion"`
	// Packages are the packages by where they go: "" is the app,
	// "node_modules/a" a package, "packages/b" a workspace. Version 1 has none.
	Packages map[string]locked `json:"packages"`
	// Dependencies are the packages of version 1, by name.
	Dependencies map[string]locked `json:"dependencies"`
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
	DevDependencies      words           `json:"devDependencies"`
	OptionalDependencies words           `json:"optionalDependencies"`
	PeerDependencies     words           `json:"peerDependencies"`
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

func (l lock) file() string { return l.Name }

// readLock reads a lock file of npm.
func readLock(name string, data []byte) (lock, error) {
	var l lock
	if err := appfile.JSON(name, data, &l); err != nil {
		return lock{}, err
	}
	l.Name = name
	if l.Version < 1 || l.Packages == nil && l.Dependencies == nil && l.Version > 1 {
		return lock{}, appfile.Error("%s is not a lock file of npm\nexpected \"lockfileVersion\" and \"packages\" in it\nmake it again:\n  rm %s\n  npm install --package-lock-only\n  git add %s", name, name, name)
	}
	return l, nil
}

// all are the packages with their places. Those of version 1 that lie within
// others are left out.
func (l lock) all() map[string]locked {
	if l.Packages != nil {
		return l.Packages
	}
	packages := map[string]locked{}
	for name, p := range l.Dependencies {
		packages["node_modules/"+name] = p
	}
	return packages
}

// find is the package that a directory of the app gets for a name.
func (l lock) find(dir, name string) (locked, bool) {
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
		if dir == "" || dir == "." {
			return "", false
		}
		if dir = path.Dir(dir); dir == "." {
			dir = ""
		}
	}
}

// reached are the places of what some directories of the app need, for their
// development too, and of what that needs.
func (l lock) reached(from ...string) map[string]bool {
	places := map[string]bool{}
	for queue := from; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		p := l.Packages[at]
		if places[at] {
			continue
		}
		places[at] = true
		if p.Link {
			queue = append(queue, path.Clean(p.Resolved))
			continue
		}
		var dependencies words
		if json.Unmarshal(p.RawDependencies, &dependencies) != nil {
			dependencies = nil
		}
		for _, specs := range []words{dependencies, p.OptionalDependencies, p.PeerDependencies, p.DevDependencies} {
			for name := range specs {
				if place, found := nearest(l.Packages, at, name); found {
					queue = append(queue, place)
				}
			}
		}
	}
	return places
}

// workspaces are the directories of the app that the lock file links, sorted.
func (l lock) workspaces() []string {
	dirs := map[string]bool{}
	for _, p := range l.Packages {
		if p.Link && p.Resolved != "" {
			dirs[path.Clean(p.Resolved)] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// hasDev tells whether there are packages that only development needs.
func (l lock) hasDev() bool {
	for _, p := range l.all() {
		if p.Dev || p.DevOptional {
			return true
		}
	}
	return false
}

// mayCompile tells whether a package may compile native code when it is
// installed. Version 1 does not say.
func (l lock) mayCompile() bool {
	if l.Packages == nil {
		return len(l.Dependencies) > 0
	}
	for _, p := range l.Packages {
		if p.HasInstallScript {
			return true
		}
	}
	return false
}

// recorded is what a directory of the app wanted of a package when the lock
// file was made.
func (l lock) recorded(dir, name string) (spec string, found bool) {
	p, found := l.Packages[dir]
	if !found {
		return "", false
	}
	var dependencies words
	if json.Unmarshal(p.RawDependencies, &dependencies) != nil {
		dependencies = nil
	}
	for _, specs := range []words{p.OptionalDependencies, dependencies, p.DevDependencies} {
		if spec, found := specs[name]; found {
			return spec, true
		}
	}
	return "", false
}

// differences are the dependencies of a directory of the app that the lock
// file does not meet, a line each. Like npm ci it asks whether the locked
// version is one that is wanted, not whether the texts are equal; what only npm
// can tell (tags, addresses, overrides) is left to npm.
func (l lock) differences(dir string, m manifest) []string {
	var lines []string
	for _, w := range m.wants() {
		p, found := l.find(dir, w.name)
		switch {
		case !found && w.optional:
		case !found:
			lines = append(lines, fmt.Sprintf("%s: %s wants %s, %s does not have it", w.name, path.Join(dir, manifestFile), w.spec, l.Name))
		case !l.meets(dir, w, p) && len(m.Overrides) == 0:
			lines = append(lines, fmt.Sprintf("%s: %s wants %s, %s has %s", w.name, path.Join(dir, manifestFile), w.spec, l.Name, p.Version))
		}
	}
	return lines
}

func (l lock) meets(dir string, w wanted, p locked) bool {
	if spec, found := l.recorded(dir, w.name); found && spec == w.spec {
		return true
	}
	spec := strings.TrimSpace(w.spec)
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
