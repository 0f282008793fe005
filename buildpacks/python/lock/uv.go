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

// UVFile is uv's lock file.
const UVFile = "uv.lock"

// UVLock is the command that makes a uv.lock.
const UVLock = "uv lock"

type uvLock struct {
	Version  int         `toml:"version"`
	Packages []uvPackage `toml:"package"`
}

type uvPackage struct {
	Name         string              `toml:"name"`
	Version      string              `toml:"version"`
	Source       uvSource            `toml:"source"`
	Dependencies []uvEdge            `toml:"dependencies"`
	Optional     map[string][]uvEdge `toml:"optional-dependencies"`
	SDist        *hashed             `toml:"sdist"`
	Wheels       []hashed            `toml:"wheels"`
	Metadata     struct {
		Requires []uvRequirement `toml:"requires-dist"`
	} `toml:"metadata"`
	// Markers say for which environments this version of several is.
	Markers []string `toml:"resolution-markers"`
}

type uvSource struct {
	Registry     string `toml:"registry"`
	Git          string `toml:"git"`
	URL          string `toml:"url"`
	Path         string `toml:"path"`
	Directory    string `toml:"directory"`
	Editable     string `toml:"editable"`
	Virtual      string `toml:"virtual"`
	Subdirectory string `toml:"subdirectory"`
}

type uvEdge struct {
	Name    string   `toml:"name"`
	Version string   `toml:"version"`
	Marker  string   `toml:"marker"`
	Extra   []string `toml:"extra"`
}

type uvRequirement struct {
	Name      string   `toml:"name"`
	Extras    []string `toml:"extras"`
	Specifier string   `toml:"specifier"`
	Marker    string   `toml:"marker"`
}

// ReadUV reads the uv.lock of an app. Manifest is its pyproject.toml.
func ReadUV(dir string, manifest map[string]any) (File, error) {
	data, err := appfile.ReadMerged(dir, UVFile, "make it again from pyproject.toml:\n  git checkout --theirs uv.lock\n  "+UVLock+"\n  git add uv.lock")
	if err != nil {
		return File{}, err
	}
	var l uvLock
	if err := appfile.TOML(UVFile, data, &l); err != nil {
		return File{}, err
	}
	if l.Version != 1 {
		return File{}, unreadable(UVFile, "it is no lock file of uv in the form 1", UVLock)
	}
	if err := l.inStep(manifest); err != nil {
		return File{}, err
	}
	return File{Name: UVFile, packages: func(e pep508.Environment) ([]Package, error) { return l.packages(e, manifest) }}, nil
}

// root is the app itself among the packages.
func (l uvLock) root(manifest map[string]any) (uvPackage, bool) {
	name := pep508.Normal(text(inTable(manifest, "project", "name")))
	for _, p := range l.Packages {
		if p.Source.Virtual == "." || p.Source.Editable == "." {
			return p, pep508.Normal(p.Name) == name
		}
	}
	return uvPackage{}, false
}

// inStep compares what the app requires now with what it did when it was
// locked.
func (l uvLock) inStep(manifest map[string]any) error {
	if _, is := manifest["project"].(map[string]any); !is {
		return nil
	}
	root, found := l.root(manifest)
	if !found {
		return outOfStep(UVFile, Pyproject, "it does not have the app "+text(inTable(manifest, "project", "name")), UVLock)
	}
	now, err := requirementsOf(Pyproject, "project.dependencies", words(inTable(manifest, "project", "dependencies")))
	if err != nil {
		return err
	}
	for extra, wants := range table(inTable(manifest, "project", "optional-dependencies")) {
		more, err := requirementsOf(Pyproject, "project.optional-dependencies."+extra, words(wants))
		if err != nil {
			return err
		}
		now = append(now, more...)
	}
	sources := table(inTable(manifest, "tool", "uv", "sources"))
	sourced := map[string]bool{}
	for name := range sources {
		sourced[pep508.Normal(name)] = true
	}
	say := func(name string, extras []string, specifiers string) string {
		name, extras = pep508.Normal(name), slices.Clone(extras)
		slices.Sort(extras)
		if len(extras) > 0 {
			name += "[" + strings.Join(extras, ",") + "]"
		}
		if !sourced[pep508.Normal(nameOf(name))] {
			// What comes from a source has no version there.
			name += specifiers
		}
		return name
	}
	wanted, locked := map[string]bool{}, map[string]bool{}
	for _, r := range now {
		wanted[say(r.Name, r.Extras, r.Wanted.String())] = true
	}
	for _, r := range root.Metadata.Requires {
		specifiers, err := pep508.ParseSpecifiers(r.Specifier)
		if err != nil {
			return appfile.Error("%s: %s: %w", UVFile, r.Name, err)
		}
		locked[say(r.Name, r.Extras, specifiers.String())] = true
	}
	if maps.Equal(wanted, locked) {
		return nil
	}
	var differ []string
	for _, name := range sortedKeys(wanted) {
		if !locked[name] {
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 {
		return outOfStep(UVFile, Pyproject, "it was made without "+sayList(differ), UVLock)
	}
	for _, name := range sortedKeys(locked) {
		if !wanted[name] {
			differ = append(differ, name)
		}
	}
	return outOfStep(UVFile, Pyproject, "it has "+sayList(differ)+", which is not wanted any more", UVLock)
}

func (l uvLock) packages(e pep508.Environment, manifest map[string]any) ([]Package, error) {
	g := graph{name: UVFile, nodes: map[string][]*graphNode{}}
	for _, p := range l.Packages {
		n, err := p.node()
		if err != nil {
			return nil, err
		}
		g.add(n)
	}
	var roots []edge
	if root, found := l.root(manifest); found {
		roots = []edge{{name: pep508.Normal(root.Name)}}
	} else {
		// A workspace without a project of its own is all of its members.
		for _, p := range l.Packages {
			if p.Source.Virtual+p.Source.Editable != "" {
				roots = append(roots, edge{name: pep508.Normal(p.Name)})
			}
		}
	}
	return g.walk(e, roots)
}

func (p uvPackage) node() (*graphNode, error) {
	n := &graphNode{extras: map[string][]edge{}}
	var err error
	if n.edges, err = uvEdges(p.Name, p.Dependencies); err != nil {
		return nil, err
	}
	for extra, edges := range p.Optional {
		if n.extras[pep508.Normal(extra)], err = uvEdges(p.Name, edges); err != nil {
			return nil, err
		}
	}
	condition := ""
	if len(p.Markers) > 0 {
		condition = "(" + strings.Join(p.Markers, ") or (") + ")"
	}
	if n.fits, err = marker(UVFile, p.Name, condition); err != nil {
		return nil, err
	}
	files := slices.Clone(p.Wheels)
	if p.SDist != nil {
		files = append(files, *p.SDist)
	}
	n.pkg = Package{Name: pep508.Normal(p.Name), Version: p.Version, Kind: Registry, Hashes: sums(files), Subdirectory: p.Source.Subdirectory}
	s := p.Source
	local := s.Path + s.Directory + s.Editable + s.Virtual
	switch {
	case s.Git != "":
		n.pkg.Kind = Git
		address, err := url.Parse(s.Git)
		if err != nil || address.Fragment == "" {
			return nil, unreadable(UVFile, "it has no commit of "+p.Name, UVLock)
		}
		n.pkg.Revision, n.pkg.Subdirectory = address.Fragment, address.Query().Get("subdirectory")
		address.Fragment, address.RawQuery = "", ""
		n.pkg.URL = address.String()
	case s.URL != "":
		n.pkg.Kind, n.pkg.URL = URL, s.URL
	case local != "":
		n.pkg.Kind, n.pkg.Editable, n.left = Path, s.Editable != "", s.Virtual != ""
		n.pkg.Path, err = pathOf(UVFile, p.Name, path.Clean(local))
	default:
		n.pkg.Index = foreign(s.Registry)
	}
	return n, err
}

func uvEdges(of string, edges []uvEdge) ([]edge, error) {
	var all []edge
	for _, one := range edges {
		m, err := marker(UVFile, of, one.Marker)
		if err != nil {
			return nil, err
		}
		e := edge{name: pep508.Normal(one.Name), extras: one.Extra, marker: m}
		if one.Version != "" {
			e.allows = func(version string) bool { return version == one.Version }
		}
		all = append(all, e)
	}
	return all, nil
}
