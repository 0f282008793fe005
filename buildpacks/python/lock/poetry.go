package lock

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// Pyproject is the manifest of Poetry, uv and PDM.
const Pyproject = "pyproject.toml"

// PoetryFile is Poetry's lock file.
const PoetryFile = "poetry.lock"

// PoetryLock is the command that makes a poetry.lock.
const PoetryLock = "poetry lock"

// poetryLock is a poetry.lock, of any version.
type poetryLock struct {
	Packages []poetryPackage `toml:"package"`
	Metadata struct {
		LockVersion string `toml:"lock-version"`
		ContentHash string `toml:"content-hash"`
		// Files are the checksums of older lock files.
		Files map[string][]hashed `toml:"files"`
	} `toml:"metadata"`
}

type poetryPackage struct {
	Name     string   `toml:"name"`
	Version  string   `toml:"version"`
	Optional bool     `toml:"optional"`
	Groups   []string `toml:"groups"`
	// Markers are one text, or one for each group.
	Markers      any                 `toml:"markers"`
	Files        []hashed            `toml:"files"`
	Dependencies map[string]any      `toml:"dependencies"`
	Extras       map[string][]string `toml:"extras"`
	Python       string              `toml:"python-versions"`
	Develop      bool                `toml:"develop"`
	Source       struct {
		Type         string `toml:"type"`
		URL          string `toml:"url"`
		Resolved     string `toml:"resolved_reference"`
		Subdirectory string `toml:"subdirectory"`
	} `toml:"source"`
}

// ReadPoetry reads the poetry.lock of an app in its directory. Manifest is its pyproject.toml.
func ReadPoetry(at Place, manifest map[string]any) (File, error) {
	data, err := appfile.ReadMerged(at.App, PoetryFile, "make it again from pyproject.toml:\n  git checkout --theirs poetry.lock\n  "+PoetryLock+"\n  git add poetry.lock")
	if err != nil {
		return File{}, err
	}
	var l poetryLock
	if err := appfile.TOML(PoetryFile, data, &l); err != nil {
		return File{}, err
	}
	if l.Metadata.ContentHash == "" || l.Metadata.LockVersion == "" {
		return File{}, unreadable(PoetryFile, "it is not a lock file of Poetry", PoetryLock)
	}
	if major, _, _ := strings.Cut(l.Metadata.LockVersion, "."); major != "1" && major != "2" {
		return File{}, appfile.Error("%s has the form %s, which this version of slugc does not know: expected 1 or 2", PoetryFile, l.Metadata.LockVersion)
	}
	if !slices.Contains(poetrySums(manifest), l.Metadata.ContentHash) {
		return File{}, outOfStep(PoetryFile, Pyproject, "its dependencies were changed after it was made", PoetryLock)
	}
	return File{Name: PoetryFile, place: at, packages: func(e pep508.Environment) ([]Package, error) { return l.packages(e, manifest) }}, nil
}

// poetrySums are the checksums that versions of Poetry make of a manifest
// (poetry.packages.locker.Locker): before 2.3 without dependency-groups, before
// 2.0 without [project].
func poetrySums(manifest map[string]any) []string {
	return []string{poetrySum(manifest, true, true), poetrySum(manifest, true, false), poetrySum(manifest, false, false)}
}

func poetrySum(manifest map[string]any, withProject, withGroups bool) string {
	project, groups := map[string]any{}, map[string]any{}
	if withProject {
		for _, key := range []string{"requires-python", "dependencies", "optional-dependencies"} {
			if v, set := table(manifest["project"])[key]; set {
				project[key] = v
			}
		}
	}
	if withGroups {
		groups = table(manifest["dependency-groups"])
	}
	settings, legacy := table(inTable(manifest, "tool", "poetry")), map[string]any{}
	for _, key := range []string{"dependencies", "source", "extras", "dev-dependencies", "group"} {
		v, set := settings[key]
		if !set && (key == "group" || len(project) > 0 || len(groups) > 0) {
			continue
		}
		legacy[key] = v
	}
	relevant := map[string]any{}
	if len(project) > 0 {
		relevant["project"] = project
	}
	if len(groups) > 0 {
		relevant["dependency-groups"] = groups
	}
	if len(relevant) == 0 {
		return sumOf(dumps(legacy, ", ", ": "))
	}
	relevant["tool"] = map[string]any{"poetry": legacy}
	return sumOf(dumps(relevant, ", ", ": "))
}

func (l poetryLock) packages(e pep508.Environment, manifest map[string]any) ([]Package, error) {
	grouped := slices.ContainsFunc(l.Packages, func(p poetryPackage) bool { return len(p.Groups) > 0 })
	if !grouped {
		return l.walk(e, manifest)
	}
	var all []Package
	for _, p := range l.Packages {
		if !slices.Contains(p.Groups, "main") {
			continue
		}
		condition := text(p.Markers)
		if byGroup, is := p.Markers.(map[string]any); is {
			condition = text(byGroup["main"])
		}
		m, err := marker(PoetryFile, p.Name, condition)
		if err != nil {
			return nil, err
		}
		if !m.Holds(e) {
			continue
		}
		pkg, err := l.pkg(p)
		if err != nil {
			return nil, err
		}
		all = append(all, pkg)
	}
	return all, nil
}

// pkg is one package of the lock file.
func (l poetryLock) pkg(p poetryPackage) (Package, error) {
	pkg := Package{Name: pep508.Normal(p.Name), Version: p.Version, Kind: Registry, Hashes: sums(p.Files), Subdirectory: p.Source.Subdirectory}
	if len(pkg.Hashes) == 0 {
		pkg.Hashes = sums(l.Metadata.Files[p.Name])
	}
	switch p.Source.Type {
	case "":
	case "legacy":
		pkg.Index = foreign(p.Source.URL)
	case "git":
		pkg.Kind, pkg.URL, pkg.Revision = Git, p.Source.URL, p.Source.Resolved
		if pkg.Revision == "" {
			return pkg, unreadable(PoetryFile, "it has no commit of "+p.Name, PoetryLock)
		}
	case "url":
		pkg.Kind, pkg.URL = URL, p.Source.URL
	case "file", "directory":
		pkg.Kind, pkg.Path, pkg.Editable = Path, p.Source.URL, p.Develop
	default:
		return pkg, appfile.Error("%s: %s comes from a source of the type %q\nslugc knows registries, git, url, file and directory", PoetryFile, p.Name, p.Source.Type)
	}
	return pkg, nil
}

// walk reads a lock file that does not say which package belongs to which group,
// as Poetry before 2.0 made it.
func (l poetryLock) walk(e pep508.Environment, manifest map[string]any) ([]Package, error) {
	g := graph{name: PoetryFile, nodes: map[string][]*graphNode{}}
	for _, p := range l.Packages {
		pkg, err := l.pkg(p)
		if err != nil {
			return nil, err
		}
		n := &graphNode{pkg: pkg, extras: map[string][]edge{}}
		byName := map[string][]edge{}
		for _, name := range sortedKeys(p.Dependencies) {
			edges, optional, err := poetryEdges(PoetryFile, name, p.Dependencies[name])
			if err != nil {
				return nil, err
			}
			byName[pep508.Normal(name)] = edges
			if !optional {
				n.edges = append(n.edges, edges...)
			}
		}
		for extra, wants := range p.Extras {
			for _, want := range wants {
				name := pep508.Normal(nameOf(want))
				n.extras[pep508.Normal(extra)] = append(n.extras[pep508.Normal(extra)], byName[name]...)
			}
		}
		g.add(n)
	}
	roots, err := poetryRoots(manifest)
	if err != nil {
		return nil, err
	}
	return g.walk(e, roots)
}

var leadingName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._-]+`) })

// nameOf is the name at the beginning of a requirement.
func nameOf(requirement string) string {
	return leadingName().FindString(strings.TrimSpace(requirement))
}

// poetryRoots are the dependencies of the app itself.
func poetryRoots(manifest map[string]any) ([]edge, error) {
	var roots []edge
	if stated := words(inTable(manifest, "project", "dependencies")); len(stated) > 0 {
		requirements, err := requirementsOf(Pyproject, "project.dependencies", stated)
		if err != nil {
			return nil, err
		}
		for _, r := range requirements {
			roots = append(roots, edgeOf(r))
		}
		return roots, nil
	}
	wanted := table(inTable(manifest, "tool", "poetry", "dependencies"))
	for _, name := range sortedKeys(wanted) {
		if pep508.Normal(name) == "python" {
			continue
		}
		edges, optional, err := poetryEdges(Pyproject, name, wanted[name])
		if err != nil {
			return nil, err
		}
		if !optional {
			roots = append(roots, edges...)
		}
	}
	return roots, nil
}

// poetryEdges reads a dependency as Poetry writes it: a constraint, a table, or
// several of them for different environments.
func poetryEdges(file, name string, v any) (edges []edge, optional bool, err error) {
	alternatives := list(v)
	if alternatives == nil {
		alternatives = []any{v}
	}
	for _, one := range alternatives {
		e := edge{name: pep508.Normal(name)}
		constraint := text(one)
		conditions := []string{}
		if t, is := one.(map[string]any); is {
			constraint = text(t["version"])
			e.extras = words(t["extras"])
			if set, is := t["optional"].(bool); is {
				optional = optional || set
			}
			if condition := text(t["markers"]); condition != "" {
				conditions = append(conditions, "("+condition+")")
			}
			if platform := text(t["platform"]); platform != "" {
				conditions = append(conditions, "sys_platform == '"+platform+"'")
			}
			if python := text(t["python"]); python != "" {
				condition, err := pythonMarker(python)
				if err != nil {
					return nil, false, appfile.Error("%s: python of %s: %w", file, name, err)
				}
				conditions = append(conditions, condition)
			}
		}
		if e.marker, err = marker(file, name, strings.Join(slices.DeleteFunc(conditions, func(c string) bool { return c == "" }), " and ")); err != nil {
			return nil, false, err
		}
		if constraint != "" {
			specifiers, err := pep508.ParsePoetry(constraint)
			if err != nil {
				return nil, false, appfile.Error("%s: %s: %w", file, name, err)
			}
			e.allows = allows(specifiers...)
		}
		edges = append(edges, e)
	}
	return edges, optional, nil
}

// pythonMarker is a constraint on the version of Python as a marker.
func pythonMarker(constraint string) (string, error) {
	alternatives, err := pep508.ParsePoetry(constraint)
	if err != nil {
		return "", err
	}
	var all []string
	for _, specifiers := range alternatives {
		var parts []string
		for clause := range strings.SplitSeq(specifiers.String(), ",") {
			if clause == "" {
				return "", nil
			}
			number := strings.TrimLeft(clause, "<>=!~")
			operator := clause[:len(clause)-len(number)]
			if operator == "==" && !strings.HasSuffix(number, "*") && strings.Count(number, ".") < 2 {
				number += ".*"
			}
			parts = append(parts, "python_full_version "+operator+" '"+number+"'")
		}
		all = append(all, "("+strings.Join(parts, " and ")+")")
	}
	return "(" + strings.Join(all, " or ") + ")", nil
}
