package lock

import (
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// Kind is where a package comes from.
type Kind string

// The kinds. Registry packages have checksums, URLs may have them.
const (
	Registry Kind = "registry"
	URL      Kind = "url"
	Git      Kind = "git"
	Path     Kind = "path"
)

// Package is one package to install.
type Package struct {
	// Name is in its normal form (PEP 503).
	Name, Version string
	Kind          Kind
	// Hashes are checksums of its files: "sha256:...".
	Hashes []string
	// Index is the registry that a lock file names for it, "" for the usual one.
	Index string
	// URL is the address of a file or of a git repository, and Revision the
	// commit of that.
	URL, Revision string
	// Subdirectory is where the package lies in the repository or archive.
	Subdirectory string
	// Path is a file or directory of the source, by its path from the app, and
	// Editable says that Python shall read a directory where it lies.
	Path     string
	Editable bool
	// Extras are its extras that are wanted.
	Extras []string
}

// Requirement is the package as a line of a requirements file, without
// checksums. App is the directory of the app.
func (p Package) Requirement(app string) string {
	name := p.Name
	if len(p.Extras) > 0 {
		name += "[" + strings.Join(p.Extras, ",") + "]"
	}
	fragment := ""
	if p.Subdirectory != "" {
		fragment = "#subdirectory=" + p.Subdirectory
	}
	switch p.Kind {
	case URL:
		return name + " @ " + p.URL + fragment
	case Git:
		return name + " @ git+" + p.URL + "@" + p.Revision + fragment
	case Path:
		if p.Editable {
			return "-e " + path.Join(app, p.Path)
		}
		return name + " @ file://" + (&url.URL{Path: path.Join(app, p.Path)}).EscapedPath()
	}
	return name + "==" + p.Version
}

// File is a lock file that fits the manifest beside it.
type File struct {
	// Name is the file's, by its path from the app.
	Name string
	// Python is what it says of the Pythons that will do, "" when it does not.
	Python string
	place  Place
	// packages are those for an environment.
	packages func(pep508.Environment) ([]Package, error)
}

// Packages are what is to be installed, sorted by name.
func (f File) Packages(e pep508.Environment) ([]Package, error) {
	all, err := f.packages(e)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Package) int { return strings.Compare(a.Name+" "+a.Version, b.Name+" "+b.Version) })
	for i, p := range all {
		if p.Kind == Path {
			if all[i].Path, err = f.place.reach(f.Name, p.Name, p.Path); err != nil {
				return nil, err
			}
		}
		if p.Kind == Registry && len(p.Hashes) == 0 {
			return nil, appfile.Error("%s has no checksum of %s %s\nwithout one nobody can tell whether it is the package that you tried. Make the lock file again", f.Name, p.Name, p.Version)
		}
		if i > 0 && all[i-1].Name == p.Name {
			return nil, appfile.Error("%s has two versions of %s for one interpreter: %s and %s\nmake the lock file again", f.Name, p.Name, all[i-1].Version, p.Version)
		}
	}
	return all, nil
}

// outOfStep is the error of a lock file that was made from something else than
// what stands in its manifest.
func outOfStep(lock, manifest, why, command string) error {
	return appfile.Error("%s is out of step with %s\n%s. Update it and commit it:\n  %s\n  git add %s", lock, manifest, why, command, lock)
}

// unreadable is the error of a lock file that is not one.
func unreadable(lock, why, command string) error {
	return appfile.Error("%s cannot be used: %s\nmake it again and commit it:\n  rm %s\n  %s\n  git add %s", lock, why, lock, command, lock)
}

// edge is one package's wish for another one.
type edge struct {
	name   string
	extras []string
	marker pep508.Marker
	// allows tells whether a version will do; nil takes any.
	allows func(version string) bool
}

// graph is a lock file that says what each package needs.
type graph struct {
	name  string
	nodes map[string][]*graphNode
}

type graphNode struct {
	pkg   Package
	edges []edge
	// extras are what is needed for an extra.
	extras map[string][]edge
	// fits is a condition on the package itself.
	fits pep508.Marker
	// left tells that it is not itself installed.
	left bool
}

func (g graph) add(n *graphNode) { g.nodes[n.pkg.Name] = append(g.nodes[n.pkg.Name], n) }

// walk collects what can be reached from some wishes.
func (g graph) walk(e pep508.Environment, roots []edge) ([]Package, error) {
	type visit struct {
		node  *graphNode
		extra string
	}
	seen := map[visit]bool{}
	var found []*graphNode
	// Wishes of an extra may say so in their marker.
	type want struct {
		edge
		of string
	}
	var queue []want
	push := func(edges []edge, extra string) {
		for _, one := range edges {
			queue = append(queue, want{one, extra})
		}
	}
	push(roots, "")
	for len(queue) > 0 {
		wish := queue[0]
		queue = queue[1:]
		if !wish.marker.Holds(e.With(wish.of)) {
			continue
		}
		node, err := g.find(e, wish.edge)
		if err != nil {
			return nil, err
		}
		for _, extra := range append([]string{""}, wish.extras...) {
			extra = pep508.Normal(extra)
			here := visit{node, extra}
			if seen[here] {
				continue
			}
			seen[here] = true
			if extra == "" {
				found = append(found, node)
				push(node.edges, "")
			} else {
				push(node.extras[extra], extra)
			}
		}
	}
	var all []Package
	for _, node := range found {
		if !node.left {
			all = append(all, node.pkg)
		}
	}
	return all, nil
}

// find is the package for a wish.
func (g graph) find(e pep508.Environment, wish edge) (*graphNode, error) {
	for _, n := range g.nodes[wish.name] {
		if n.fits.Holds(e) && (wish.allows == nil || wish.allows(n.pkg.Version)) {
			return n, nil
		}
	}
	var there []string
	for _, n := range g.nodes[wish.name] {
		there = append(there, n.pkg.Version)
	}
	if len(there) == 0 {
		return nil, appfile.Error("%s does not have the package %s, which another one in it needs\nmake the lock file again", g.name, wish.name)
	}
	return nil, appfile.Error("%s has %s %s, but not the version that another package in it needs\nmake the lock file again", g.name, wish.name, strings.Join(there, ", "))
}

// allows is an edge's condition of specifiers.
func allows(alternatives ...pep508.Specifiers) func(string) bool {
	return func(text string) bool {
		v, err := pep508.ParseVersion(text)
		if err != nil {
			// What is no version of PEP 440 cannot be compared.
			return true
		}
		return slices.ContainsFunc(alternatives, func(s pep508.Specifiers) bool { return s.Allow(v) })
	}
}

// edgeOf is the wish of a requirement.
func edgeOf(r pep508.Requirement) edge {
	e := edge{name: r.Name, extras: r.Extras, marker: r.Marker}
	if len(r.Wanted) > 0 && r.URL == "" {
		// A locked prerelease was chosen on purpose.
		e.allows = allows(r.Wanted)
	}
	return e
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// marker reads a marker of a lock file.
func marker(file, subject, text string) (pep508.Marker, error) {
	m, err := pep508.ParseMarker(text)
	if err != nil {
		return m, appfile.Error("%s: %s: %w", file, subject, err)
	}
	return m, nil
}

// hashes are the checksums of files.
type hashed struct {
	File string `toml:"file"`
	URL  string `toml:"url"`
	Path string `toml:"path"`
	Hash string `toml:"hash"`
}

func sums(files []hashed) []string {
	var all []string
	for _, f := range files {
		if f.Hash != "" {
			all = append(all, f.Hash)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// words joins what may be one text or several.
func words(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			if text, is := one.(string); is {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// text is a value that should be a text.
func text(v any) string {
	s, is := v.(string)
	if !is {
		return ""
	}
	return s
}

// list are the entries of an array of tables, or of other values.
func list(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case []map[string]any:
		all := make([]any, len(v))
		for i, one := range v {
			all[i] = one
		}
		return all
	}
	return nil
}

// table is a value that should be a table.
func table(v any) map[string]any {
	m, is := v.(map[string]any)
	if !is {
		return map[string]any{}
	}
	return m
}

// inTable is a value at a place in nested tables.
func inTable(v any, keys ...string) any {
	for _, key := range keys {
		v = table(v)[key]
	}
	return v
}

// requirementsOf reads a list of requirements.
func requirementsOf(file, where string, texts []string) ([]pep508.Requirement, error) {
	var all []pep508.Requirement
	for _, one := range texts {
		r, err := pep508.ParseRequirement(one)
		if err != nil {
			return nil, appfile.Error("%s: %s: %w", file, where, err)
		}
		all = append(all, r)
	}
	return all, nil
}
