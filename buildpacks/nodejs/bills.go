package nodejs

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/sbom"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
	"github.com/slugc/slugc/stack/download"
)

// bills writes the bill of materials of the layer that goes to processes. A
// layer that is kept has its own.
func (t *moduleTree) bills(layers []libcnb.Layer) error {
	for _, l := range layers {
		if l.Name != modulesLayer || !l.Launch {
			continue
		}
		file := l.SBOMPath(libcnb.CycloneDXJSON)
		inputs, _ := l.Metadata["key"].(string)
		if _, err := os.Stat(file); err == nil && t.launch.There && t.launch.Old["key"] == inputs {
			continue
		}
		components, err := t.components(l.Path)
		if err != nil {
			return fmt.Errorf("listing the packages that were installed: %w", err)
		}
		return sbom.Write(file, components)
	}
	return nil
}

// components are the packages in a layer.
func (t *moduleTree) components(home string) ([]sbom.Component, error) {
	if l, is := t.app.lock.(*lock.Berry); is && t.driver.pnp {
		return archived(l, filepath.Join(home, pnpArchives))
	}
	f := newForest(home, t.directories())
	sums := t.checksums()
	var components []sbom.Component
	for _, dir := range f.dirs {
		tree := filepath.Join(home, dir, "node_modules")
		err := filepath.WalkDir(tree, func(at string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && at == tree {
				return fs.SkipDir
			}
			if err != nil || !entry.IsDir() {
				return err
			}
			rel, err := filepath.Rel(home, at)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if !f.isPackage(rel) {
				return f.descend(rel)
			}
			c, err := component(at)
			if err == nil && c.Name != "" {
				c.SHA512 = sums[c.Name+"@"+c.Version]
				components = append(components, c)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return components, nil
}

// descend tells whether packages may lie below a directory that is none: in a
// node_modules, a scope or a store, not among the files of a package.
func (f *forest) descend(rel string) error {
	name, above := path.Base(rel), path.Base(path.Dir(rel))
	for _, store := range stores {
		if name == store || above == store {
			return nil
		}
	}
	if name == "node_modules" || strings.HasPrefix(name, "@") && above == "node_modules" {
		return nil
	}
	return fs.SkipDir
}

// component is the package in a directory, empty where there is none.
func component(dir string) (sbom.Component, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return sbom.Component{}, nil
	}
	if err != nil {
		return sbom.Component{}, err
	}
	var m struct {
		Name, Version string
		License       json.RawMessage
		Licenses      []struct{ Type string }
	}
	if json.Unmarshal(data, &m) != nil || m.Name == "" {
		// It was found by Node.js all the same, but nobody can say what it is.
		return sbom.Component{}, nil
	}
	c := npmComponent(m.Name, m.Version)
	var text string
	var object struct{ Type string }
	switch {
	case json.Unmarshal(m.License, &text) == nil && text != "":
		c.Licenses = []string{text}
	case json.Unmarshal(m.License, &object) == nil && object.Type != "":
		c.Licenses = []string{object.Type}
	}
	for _, l := range m.Licenses {
		if l.Type != "" {
			c.Licenses = append(c.Licenses, l.Type)
		}
	}
	return c, nil
}

// npmComponent is a package of an npm registry.
func npmComponent(name, version string) sbom.Component {
	namespace, base := "", name
	if scope, rest, scoped := strings.Cut(name, "/"); scoped {
		namespace, base = scope, rest
	}
	return sbom.Component{PURL: sbom.URL("npm", namespace, base, version), Name: name, Version: version}
}

// archived are the packages of a lock file whose archives are in a directory.
func archived(l *lock.Berry, dir string) ([]sbom.Component, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	there := map[string]bool{}
	for _, entry := range entries {
		if slug, number, is := archiveOf(entry.Name()); is {
			there[slug+"-"+number] = true
		}
	}
	var components []sbom.Component
	for _, p := range l.Packages() {
		if there[strings.ReplaceAll(p.Name, "/", "-")+"-"+p.Version] {
			components = append(components, npmComponent(p.Name, p.Version))
		}
	}
	return components, nil
}

// checksums are those that the lock file has of packages, by "name@version", as
// hexadecimal digits of a sha512.
func (t *moduleTree) checksums() map[string]string {
	sums := map[string]string{}
	if t.app.lock == nil {
		return sums
	}
	for _, p := range t.app.lock.Packages() {
		if i, err := download.ParseIntegrity(p.Integrity); err == nil && i.Algorithm == "sha512" {
			sums[p.Name+"@"+p.Version] = hex.EncodeToString(i.Sum)
		}
	}
	return sums
}

// toolBill writes the bill of materials of the layer of a tool.
func toolBill(l libcnb.Layer, name, version, integrity string) error {
	c := npmComponent(name, version)
	if i, err := download.ParseIntegrity(integrity); err == nil && i.Algorithm == "sha512" {
		c.SHA512 = hex.EncodeToString(i.Sum)
	}
	return sbom.Write(l.SBOMPath(libcnb.CycloneDXJSON), []sbom.Component{c})
}
