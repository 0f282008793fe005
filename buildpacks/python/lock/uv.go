package lock

import (
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/python/pep508"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// UVFile is uv's lock file.
const UVFile = "uv.lock"

// UVLock is the command that makes a uv.lock.
const UVLock = "uv lock"

type uvLock struct {
	// file is its path from the app, and place where it is.
	file     string
	place    Place
	Version  int         `toml:"version"`
	Python   string      `toml:"requires-python"`
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

// ReadUV reads the uv.lock of an app, or of the workspace of which the app is a
// member. Manifest is the app's pyproject.toml.
func ReadUV(at Place, manifest map[string]any) (File, error) {
	file := at.name(UVFile)
	data, err := appfile.ReadMerged(at.App, file, appfile.Merge("make it again from pyproject.toml:\n  git checkout --theirs "+file+"\n  "+UVLock+"\n  git add "+file))
	if err != nil {
		return File{}, err
	}
	l := uvLock{file: file, place: at}
	if err := appfile.TOML(file, data, &l); err != nil {
		return File{}, err
	}
	if l.Version != 1 {
		return File{}, unreadable(file, "it is not a lock file of uv in the form 1", UVLock)
	}
	if err := l.inStep(manifest); err != nil {
		return File{}, err
	}
	return File{Name: file, Python: l.Python, place: at, packages: func(e pep508.Environment) ([]Package, error) { return l.packages(e, manifest) }}, nil
}

// root is the app itself among the packages.
func (l uvLock) root(manifest map[string]any) (uvPackage, bool) {
	name, member := pep508.Normal(text(inTable(manifest, "project", "name"))), l.place.member()
	for _, p := range l.Packages {
		if p.Source.Virtual == member || p.Source.Editable == member {
			return p, pep508.Normal(p.Name) == name
		}
	}
	return uvPackage{}, false
}

// inStep compares what the app and the members of its workspace that it depends
// on require now with what they did when they were locked.
func (l uvLock) inStep(manifest map[string]any) error {
	if _, is := manifest["project"].(map[string]any); !is {
		return nil
	}
	root, found := l.root(manifest)
	if !found {
		return outOfStep(l.file, Pyproject, "it does not have the app "+text(inTable(manifest, "project", "name")), UVLock)
	}
	top := manifest
	if l.place.member() != "." {
		var err error
		if top, err = readManifest(l.place.App, l.place.name(Pyproject)); err != nil {
			return err
		}
	}
	shared := table(inTable(top, "tool", "uv", "sources"))
	if err := l.memberInStep(root, Pyproject, manifest, shared); err != nil {
		return err
	}
	for _, member := range l.members(root) {
		file := l.place.name(path.Join(member.Source.Editable+member.Source.Virtual, Pyproject))
		there, err := appfile.Exists(l.place.App, file)
		if err != nil {
			return err
		}
		if !there {
			continue // of a directory that is described in another way, or that is outside
		}
		own, err := readManifest(l.place.App, file)
		if err != nil {
			return err
		}
		if err := l.memberInStep(member, file, own, shared); err != nil {
			return err
		}
	}
	return nil
}

func readManifest(dir, name string) (map[string]any, error) {
	doc := map[string]any{}
	data, err := appfile.Read(dir, name)
	if err != nil {
		return nil, err
	}
	return doc, appfile.TOML(name, data, &doc)
}

// members are the directories of the source that a package needs, itself or
// through others of them.
func (l uvLock) members(root uvPackage) []uvPackage {
	var found []uvPackage
	seen := map[string]bool{root.Name: true}
	for queue := []uvPackage{root}; len(queue) > 0; queue = queue[1:] {
		for _, wanted := range queue[0].Dependencies {
			for _, p := range l.Packages {
				if p.Name == wanted.Name && !seen[p.Name] && p.Source.Editable+p.Source.Virtual != "" {
					seen[p.Name] = true
					found, queue = append(found, p), append(queue, p)
				}
			}
		}
	}
	return found
}

// memberInStep compares one manifest with what is locked of it. Shared are the
// sources of the workspace, which count for all members.
func (l uvLock) memberInStep(locked uvPackage, file string, manifest, shared map[string]any) error {
	if slices.Contains(words(inTable(manifest, "project", "dynamic")), "dependencies") {
		return nil // a build backend says them
	}
	now, err := projectRequirements(file, manifest)
	if err != nil {
		return err
	}
	sourced := map[string]bool{}
	for _, sources := range []map[string]any{shared, table(inTable(manifest, "tool", "uv", "sources"))} {
		for name := range sources {
			sourced[pep508.Normal(name)] = true
		}
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
	wants, has := map[string]bool{}, map[string]bool{}
	for _, r := range now {
		wants[say(r.Name, r.Extras, r.Wanted.String())] = true
	}
	for _, r := range locked.Metadata.Requires {
		specifiers, err := pep508.ParseSpecifiers(r.Specifier)
		if err != nil {
			return appfile.Error("%s: %s: %w", l.file, r.Name, err)
		}
		has[say(r.Name, r.Extras, specifiers.String())] = true
	}
	if maps.Equal(wants, has) {
		return nil
	}
	var differ []string
	for _, name := range sortedKeys(wants) {
		if !has[name] {
			differ = append(differ, name)
		}
	}
	if len(differ) > 0 {
		return outOfStep(l.file, file, "it was made without "+report.Some(differ, 5), UVLock)
	}
	for _, name := range sortedKeys(has) {
		if !wants[name] {
			differ = append(differ, name)
		}
	}
	return outOfStep(l.file, file, "it has "+report.Some(differ, 5)+", which is not wanted any more", UVLock)
}

// projectRequirements are all that a project requires, its extras too.
func projectRequirements(file string, manifest map[string]any) ([]pep508.Requirement, error) {
	all, err := requirementsOf(file, "project.dependencies", words(inTable(manifest, "project", "dependencies")))
	if err != nil {
		return nil, err
	}
	for extra, wants := range table(inTable(manifest, "project", "optional-dependencies")) {
		more, err := requirementsOf(file, "project.optional-dependencies."+extra, words(wants))
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func (l uvLock) packages(e pep508.Environment, manifest map[string]any) ([]Package, error) {
	g := graph{name: l.file, nodes: map[string][]*graphNode{}}
	for _, p := range l.Packages {
		n, err := p.node(l.file)
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

func (p uvPackage) node(file string) (*graphNode, error) {
	n := &graphNode{extras: map[string][]edge{}}
	var err error
	if n.edges, err = uvEdges(file, p.Name, p.Dependencies); err != nil {
		return nil, err
	}
	for extra, edges := range p.Optional {
		if n.extras[pep508.Normal(extra)], err = uvEdges(file, p.Name, edges); err != nil {
			return nil, err
		}
	}
	condition := ""
	if len(p.Markers) > 0 {
		condition = "(" + strings.Join(p.Markers, ") or (") + ")"
	}
	if n.fits, err = marker(file, p.Name, condition); err != nil {
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
			return nil, unreadable(file, "it has no commit of "+p.Name, UVLock)
		}
		n.pkg.Revision, n.pkg.Subdirectory = address.Fragment, address.Query().Get("subdirectory")
		address.Fragment, address.RawQuery = "", ""
		n.pkg.URL = address.String()
	case s.URL != "":
		n.pkg.Kind, n.pkg.URL = URL, s.URL
	case local != "":
		n.pkg.Kind, n.pkg.Editable, n.left = Path, s.Editable != "", s.Virtual != ""
		n.pkg.Path = path.Clean(local)
	default:
		n.pkg.Index = foreign(s.Registry)
	}
	return n, err
}

func uvEdges(file, of string, edges []uvEdge) ([]edge, error) {
	var all []edge
	for _, one := range edges {
		m, err := marker(file, of, one.Marker)
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
