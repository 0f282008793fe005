package rust

import (
	"maps"
	"path"
	"slices"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The files of Cargo (The Cargo Book, "The Manifest Format").
const (
	manifestFile = "Cargo.toml"
	lockFile     = "Cargo.lock"
)

// manifest is a Cargo.toml, as far as it decides what is built.
type manifest struct {
	Package   *packageTable  `toml:"package"`
	Workspace *workspace     `toml:"workspace"`
	Bins      []binTable     `toml:"bin"`
	Profile   map[string]any `toml:"profile"`
	dependencies
	Target map[string]dependencies `toml:"target"`
}

// dependencies are the tables that name other packages. A value is a version or
// a table.
type dependencies struct {
	Normal map[string]any `toml:"dependencies"`
	Dev    map[string]any `toml:"dev-dependencies"`
	Build  map[string]any `toml:"build-dependencies"`
}

type packageTable struct {
	Name       string `toml:"name"`
	Workspace  string `toml:"workspace"`
	DefaultRun string `toml:"default-run"`
	Autobins   *bool  `toml:"autobins"`
	// These may be { workspace = true } instead of a text.
	Version     any `toml:"version"`
	Edition     any `toml:"edition"`
	RustVersion any `toml:"rust-version"`
}

type workspace struct {
	Members        []string       `toml:"members"`
	Exclude        []string       `toml:"exclude"`
	DefaultMembers []string       `toml:"default-members"`
	Package        map[string]any `toml:"package"`
	Dependencies   map[string]any `toml:"dependencies"`
}

type binTable struct {
	Name string `toml:"name"`
	Path string `toml:"path"`
	// RequiredFeatures leave it out of a build without them.
	RequiredFeatures []string `toml:"required-features"`
}

// readManifest reads the Cargo.toml of a directory, whose name for people is
// shown.
func readManifest(dir, shown string) (manifest, error) {
	data, err := appfile.Read(dir, manifestFile)
	if err != nil {
		return manifest{}, err
	}
	var m manifest
	if err := appfile.TOML(path.Join(shown, manifestFile), data, &m); err != nil {
		return manifest{}, err
	}
	if m.Package == nil && m.Workspace == nil {
		return manifest{}, appfile.Error("%s has neither [package] nor [workspace]\nmake a package of the app:\n  cargo init", path.Join(shown, manifestFile))
	}
	if m.Package != nil && m.Package.Name == "" {
		return manifest{}, appfile.Error("%s names no package\nexpected below [package]:\n  name = \"NAME\"", path.Join(shown, manifestFile))
	}
	return m, nil
}

// text is a value of [package] that may be inherited from the workspace.
func (w *workspace) text(name string, value any) string {
	if text, is := value.(string); is {
		return text
	}
	if table, is := value.(map[string]any); is && table["workspace"] == true && w != nil {
		text, _ := w.Package[name].(string)
		return text
	}
	return ""
}

// dependency is a package that a manifest names.
type dependency struct {
	// name is that of the package, key what the manifest calls it.
	name, key string
	// wants is the requirement on its version, "" for none.
	wants string
	// path is the directory that it is in, from the manifest's or, where root is
	// set, from the workspace's.
	path string
	root bool
	dev  bool
	git  bool
}

// all are the dependencies of a manifest in a workspace, by key.
func (m manifest) all(w *workspace) []dependency {
	var all []dependency
	for _, tables := range append([]dependencies{m.dependencies}, sortedValues(m.Target)...) {
		for i, table := range []map[string]any{tables.Normal, tables.Dev, tables.Build} {
			for _, key := range slices.Sorted(maps.Keys(table)) {
				d := w.dependency(key, table[key])
				d.dev = i == 1
				all = append(all, d)
			}
		}
	}
	return all
}

func sortedValues[V any](m map[string]V) []V {
	var values []V
	for _, key := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[key])
	}
	return values
}

// dependency reads an entry of a table.
func (w *workspace) dependency(key string, value any) dependency {
	d := dependency{name: key, key: key}
	if version, is := value.(string); is {
		d.wants = version
		return d
	}
	table, is := value.(map[string]any)
	if !is {
		return d
	}
	if table["workspace"] == true && w != nil {
		inherited := (*workspace)(nil).dependency(key, w.Dependencies[key])
		inherited.root = true
		return inherited
	}
	if name, is := table["package"].(string); is {
		d.name = name
	}
	d.wants, _ = table["version"].(string)
	d.path, _ = table["path"].(string)
	_, d.git = table["git"]
	return d
}
