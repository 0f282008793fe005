package lock

import (
	"slices"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// The files of Pipenv.
const (
	Pipfile     = "Pipfile"
	PipfileLock = "Pipfile.lock"
)

// PipenvLock is the command that makes a Pipfile.lock.
const PipenvLock = "pipenv lock"

// pipfileLock is a Pipfile.lock.
type pipfileLock struct {
	Meta struct {
		Hash struct {
			SHA256 string `json:"sha256"`
		} `json:"hash"`
		Spec    int `json:"pipfile-spec"`
		Sources []struct {
			Name string `json:"name"`
			URL  string `json:"url"`
		} `json:"sources"`
		Requires struct {
			PythonVersion     string `json:"python_version"`
			PythonFullVersion string `json:"python_full_version"`
		} `json:"requires"`
	} `json:"_meta"`
	Default map[string]pipfilePackage `json:"default"`
	// manifest is the Pipfile.
	manifest map[string]any
}

type pipfilePackage struct {
	Version      string   `json:"version"`
	Hashes       []string `json:"hashes"`
	Markers      string   `json:"markers"`
	Index        string   `json:"index"`
	Extras       []string `json:"extras"`
	Git          string   `json:"git"`
	Ref          string   `json:"ref"`
	Subdirectory string   `json:"subdirectory"`
	Path         string   `json:"path"`
	File         string   `json:"file"`
	URL          string   `json:"url"`
	Editable     bool     `json:"editable"`
	// Other kinds of repositories are not read.
	HG  string `json:"hg"`
	SVN string `json:"svn"`
	BZR string `json:"bzr"`
}

// ReadPipenv reads the Pipfile.lock of an app in its directory.
func ReadPipenv(at Place) (File, error) {
	data, err := appfile.ReadMerged(at.App, PipfileLock, "make it again from Pipfile:\n  git checkout --theirs Pipfile.lock\n  "+PipenvLock+"\n  git add Pipfile.lock")
	if err != nil {
		return File{}, err
	}
	var l pipfileLock
	if err := appfile.JSON(PipfileLock, data, &l); err != nil {
		return File{}, err
	}
	if l.Meta.Hash.SHA256 == "" || l.Default == nil {
		return File{}, unreadable(PipfileLock, "it is not a lock file of Pipenv", PipenvLock)
	}
	there, err := appfile.Exists(at.App, Pipfile)
	if err != nil {
		return File{}, err
	}
	if there {
		if l.manifest, err = readPipfile(at.App); err != nil {
			return File{}, err
		}
		if pipfileSum(l.manifest) != l.Meta.Hash.SHA256 {
			return File{}, outOfStep(PipfileLock, Pipfile, "it was made from another Pipfile", PipenvLock)
		}
	}
	return File{Name: PipfileLock, place: at, packages: l.packages}, nil
}

func readPipfile(dir string) (map[string]any, error) {
	data, err := appfile.Read(dir, Pipfile)
	if err != nil {
		return nil, err
	}
	doc := map[string]any{}
	return doc, appfile.TOML(Pipfile, data, &doc)
}

// pipfileSum is the checksum that Pipenv makes of a Pipfile
// (plette.Pipfile.get_hash).
func pipfileSum(doc map[string]any) string {
	sources, named := doc["source"]
	if !named {
		sources = []any{map[string]any{"name": "pypi", "url": simple(purl.DefaultRegistry("pypi")), "verify_ssl": true}}
	}
	hashedParts := map[string]any{
		"_meta":   map[string]any{"sources": sources, "requires": table(doc["requires"])},
		"default": table(doc["packages"]),
		"develop": table(doc["dev-packages"]),
	}
	for name, section := range doc {
		switch name {
		case "source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop":
		default:
			hashedParts[name] = section
		}
	}
	return sumOf(dumps(hashedParts, ",", ":"))
}

// simple is the simple index of a registry, without a slash at the end.
func simple(registry string) string { return strings.TrimSuffix(registry, "/") + "/simple" }

func (l pipfileLock) packages(e pep508.Environment) ([]Package, error) {
	sources := map[string]string{}
	for _, s := range l.Meta.Sources {
		sources[s.Name] = foreign(s.URL)
	}
	var all []Package
	for _, name := range sortedKeys(l.Default) {
		p := l.Default[name]
		m, err := marker(PipfileLock, name, l.condition(name, p))
		if err != nil {
			return nil, err
		}
		if !m.Holds(e) {
			continue
		}
		pkg := Package{Name: pep508.Normal(name), Version: strings.TrimLeft(p.Version, "="), Hashes: p.Hashes, Extras: p.Extras,
			Subdirectory: p.Subdirectory, Editable: p.Editable, Kind: Registry, Index: sources[p.Index]}
		local := p.Path
		if p.File != "" && !strings.Contains(p.File, "://") {
			local = p.File
		}
		switch {
		case p.HG+p.SVN+p.BZR != "":
			return nil, appfile.Error("%s: %s comes from a repository that is not one of git\nput it into a git repository or a package registry", PipfileLock, name)
		case p.Git != "":
			if p.Ref == "" {
				return nil, unreadable(PipfileLock, "it has no commit of "+name, PipenvLock)
			}
			pkg.Kind, pkg.URL, pkg.Revision, pkg.Editable = Git, p.Git, p.Ref, false
		case local != "":
			pkg.Kind, pkg.Path = Path, local
		case p.File != "" || p.URL != "":
			pkg.Kind, pkg.URL = URL, p.File+p.URL
		case p.Version == "" || p.Version == "*":
			return nil, unreadable(PipfileLock, "it has no version of "+name, PipenvLock)
		}
		all = append(all, pkg)
	}
	return all, nil
}

// condition is the marker of a package. What is not for the machine that made
// the lock file stands there without version and marker.
func (l pipfileLock) condition(name string, p pipfilePackage) string {
	if p.Markers != "" || p.Version != "*" {
		return p.Markers
	}
	var all []string
	for variable, comparison := range table(inTable(l.manifest, "packages", name)) {
		switch {
		case variable == "markers":
			all = append(all, "("+text(comparison)+")")
		case strings.HasPrefix(variable, "platform_"), strings.HasPrefix(variable, "python_"), slices.Contains([]string{"os_name", "sys_platform", "implementation_name"}, variable):
			all = append(all, variable+" "+text(comparison))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}

// foreign is the address of an index that is not the public one.
func foreign(address string) string {
	trimmed := strings.TrimSuffix(address, "/")
	if trimmed == simple(purl.DefaultRegistry("pypi")) || trimmed == strings.TrimSuffix(purl.DefaultRegistry("pypi"), "/") {
		return ""
	}
	return address
}
