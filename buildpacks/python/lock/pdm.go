package lock

import (
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// PDMFile is PDM's lock file.
const PDMFile = "pdm.lock"

// PDMLock is the command that makes a pdm.lock.
const PDMLock = "pdm lock"

type pdmLock struct {
	Packages []pdmPackage `toml:"package"`
	Metadata struct {
		LockVersion string   `toml:"lock_version"`
		ContentHash string   `toml:"content_hash"`
		Strategy    []string `toml:"strategy"`
		// Files are the checksums of older lock files.
		Files map[string][]hashed `toml:"files"`
	} `toml:"metadata"`
}

type pdmPackage struct {
	Name         string   `toml:"name"`
	Version      string   `toml:"version"`
	Extras       []string `toml:"extras"`
	Groups       []string `toml:"groups"`
	Marker       string   `toml:"marker"`
	Python       string   `toml:"requires_python"`
	Dependencies []string `toml:"dependencies"`
	Files        []hashed `toml:"files"`
	Git          string   `toml:"git"`
	Revision     string   `toml:"revision"`
	Subdirectory string   `toml:"subdirectory"`
	URL          string   `toml:"url"`
	Path         string   `toml:"path"`
	Editable     bool     `toml:"editable"`
}

// ReadPDM reads the pdm.lock of an app in its directory. Manifest is its pyproject.toml.
func ReadPDM(at Place, manifest map[string]any) (File, error) {
	data, err := appfile.ReadMerged(at.App, PDMFile, "make it again from pyproject.toml:\n  git checkout --theirs pdm.lock\n  "+PDMLock+"\n  git add pdm.lock")
	if err != nil {
		return File{}, err
	}
	var l pdmLock
	if err := appfile.TOML(PDMFile, data, &l); err != nil {
		return File{}, err
	}
	algorithm, sum, found := strings.Cut(l.Metadata.ContentHash, ":")
	if !found || l.Metadata.LockVersion == "" {
		return File{}, unreadable(PDMFile, "it is not a lock file of PDM", PDMLock)
	}
	if major, _, _ := strings.Cut(l.Metadata.LockVersion, "."); major != "4" {
		return File{}, unreadable(PDMFile, "it has the form "+l.Metadata.LockVersion+", and slugc knows 4", PDMLock)
	}
	if algorithm == "sha256" && !slices.Contains(pdmSums(manifest), sum) {
		return File{}, outOfStep(PDMFile, Pyproject, "its dependencies were changed after it was made", PDMLock)
	}
	return File{Name: PDMFile, place: at, packages: func(e pep508.Environment) ([]Package, error) { return l.packages(e, manifest) }}, nil
}

// pdmSums are the checksums that versions of PDM make of a manifest
// (pdm.project.project_file.PyProject.content_hash). Older ones know no
// dependency-groups, and of the resolution only the overrides.
func pdmSums(manifest map[string]any) []string {
	project, settings := table(manifest["project"]), table(inTable(manifest, "tool", "pdm"))
	var all []string
	for _, withGroups := range []bool{true, false} {
		dev := map[string]any{}
		if withGroups {
			for name, wanted := range table(manifest["dependency-groups"]) {
				dev[pep508.Normal(name)] = wanted
			}
		}
		for name, wanted := range table(settings["dev-dependencies"]) {
			name = pep508.Normal(name)
			dev[name] = append(slices.Clone(list(dev[name])), list(wanted)...)
		}
		parts := map[string]any{
			"sources":               orElse(settings["source"], []any{}),
			"dependencies":          orElse(project["dependencies"], []any{}),
			"dev-dependencies":      dev,
			"optional-dependencies": orElse(project["optional-dependencies"], map[string]any{}),
			"requires-python":       orElse(project["requires-python"], ""),
		}
		resolution := table(settings["resolution"])
		for name, value := range map[string]any{"resolution": resolution, "overrides": table(resolution["overrides"])} {
			parts[name] = value
			all = append(all, sumOf(dumps(parts, ", ", ": ")))
			delete(parts, name)
		}
	}
	return all
}

func orElse(v, other any) any {
	if v == nil {
		return other
	}
	return v
}

func (l pdmLock) packages(e pep508.Environment, manifest map[string]any) ([]Package, error) {
	if !slices.Contains(l.Metadata.Strategy, "inherit_metadata") {
		return l.walk(e, manifest)
	}
	var all []Package
	for _, p := range l.Packages {
		// A package with extras stands there a second time, without them.
		if len(p.Extras) > 0 || !slices.Contains(p.Groups, "default") {
			continue
		}
		m, err := marker(PDMFile, p.Name, p.Marker)
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

func (l pdmLock) pkg(p pdmPackage) (Package, error) {
	pkg := Package{Name: pep508.Normal(p.Name), Version: p.Version, Kind: Registry, Hashes: sums(p.Files), Subdirectory: p.Subdirectory, Editable: p.Editable}
	if len(pkg.Hashes) == 0 {
		pkg.Hashes = sums(l.Metadata.Files[p.Name+" "+p.Version])
	}
	switch {
	case p.Git != "":
		pkg.Kind, pkg.URL, pkg.Revision, pkg.Editable = Git, p.Git, p.Revision, false
		if p.Revision == "" {
			return pkg, unreadable(PDMFile, "it has no commit of "+p.Name, PDMLock)
		}
	case p.Path != "":
		pkg.Kind, pkg.Path = Path, p.Path
	case p.URL != "":
		pkg.Kind, pkg.URL = URL, p.URL
	}
	return pkg, nil
}

// walk reads a lock file that does not say which package belongs to which group.
func (l pdmLock) walk(e pep508.Environment, manifest map[string]any) ([]Package, error) {
	g := graph{name: PDMFile, nodes: map[string][]*graphNode{}}
	var withExtras []pdmPackage
	edges := func(p pdmPackage) ([]edge, error) {
		requirements, err := requirementsOf(PDMFile, p.Name, p.Dependencies)
		var all []edge
		for _, r := range requirements {
			all = append(all, edgeOf(r))
		}
		return all, err
	}
	for _, p := range l.Packages {
		if len(p.Extras) > 0 {
			withExtras = append(withExtras, p)
			continue
		}
		pkg, err := l.pkg(p)
		if err != nil {
			return nil, err
		}
		n := &graphNode{pkg: pkg, extras: map[string][]edge{}}
		if n.edges, err = edges(p); err != nil {
			return nil, err
		}
		g.add(n)
	}
	for _, p := range withExtras {
		wants, err := edges(p)
		if err != nil {
			return nil, err
		}
		for _, n := range g.nodes[pep508.Normal(p.Name)] {
			for _, extra := range p.Extras {
				if n.pkg.Version == p.Version {
					n.extras[pep508.Normal(extra)] = append(n.extras[pep508.Normal(extra)], wants...)
				}
			}
		}
	}
	requirements, err := requirementsOf(Pyproject, "project.dependencies", words(inTable(manifest, "project", "dependencies")))
	if err != nil {
		return nil, err
	}
	var roots []edge
	for _, r := range requirements {
		roots = append(roots, edgeOf(r))
	}
	return g.walk(e, roots)
}
