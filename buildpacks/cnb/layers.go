package cnb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

// layerDoc is a layer's TOML file (CNB Buildpack API, "Layer Content Metadata").
type layerDoc struct {
	Types    *layerTypes    `toml:"types"`
	Metadata map[string]any `toml:"metadata"`
	// Before API 0.6 the types stood here.
	Launch any `toml:"launch"`
	Build  any `toml:"build"`
	Cache  any `toml:"cache"`
}

type layerTypes struct {
	Launch bool `toml:"launch"`
	Build  bool `toml:"build"`
	Cache  bool `toml:"cache"`
}

// layers reads the TOML files of layers, in alphabetical order. Those without a
// type are among them, their directories set aside as <layer>.ignore, as the
// reference lifecycle does. The step is the file at fault.
func (b *Buildpack) layers(dir buildpacks.Dir) (all []buildpacks.Layer, step string, err error) {
	entries, err := os.ReadDir(dir.Host)
	if err != nil {
		return nil, "layers", err
	}
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), ".toml")
		if !found || entry.IsDir() {
			continue
		}
		if slices.Contains(notLayers(), name) {
			if err := checkReserved(dir.Host, name); err != nil {
				return nil, entry.Name(), err
			}
			continue
		}
		if err := checkLayerName(name); err != nil {
			return nil, "layers", err
		}
		l, err := b.layer(dir, name)
		if err != nil {
			return nil, entry.Name(), err
		}
		all = append(all, l)
	}
	// Not as the files: "a.toml" comes after "a-b.toml".
	slices.SortFunc(all, func(x, y buildpacks.Layer) int { return strings.Compare(x.Name, y.Name) })
	return all, "", nil
}

// notLayers are what the other TOML files beside those of layers are about.
func notLayers() []string { return []string{"build", "launch", "store"} }

// checkReserved refuses a layer with a name that belongs to another file.
func checkReserved(dir, name string) error {
	info, err := os.Lstat(filepath.Join(dir, name))
	if err != nil || !info.IsDir() {
		return nil
	}
	var doc struct {
		Types *layerTypes `toml:"types"`
	}
	if err := decodeLeft(filepath.Join(dir, name+".toml"), &doc); err != nil {
		return err
	}
	if doc.Types != nil {
		return fmt.Errorf("no layer can be named %s: %s are names of other files", name, strings.Join(notLayers(), ", "))
	}
	return nil
}

// checkLayerName refuses what cannot be told in a label or a line of output.
func checkLayerName(name string) error {
	if name == "" || name == "." || name == ".." || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%q is no name of a layer", name)
	}
	return nil
}

// layer reads what is left of one layer.
func (b *Buildpack) layer(dir buildpacks.Dir, name string) (l buildpacks.Layer, err error) {
	var doc layerDoc
	if err := decodeLeft(filepath.Join(dir.Host, name+".toml"), &doc); err != nil {
		return l, err
	}
	if doc.Launch != nil || doc.Build != nil || doc.Cache != nil {
		return l, errors.New("launch, build and cache belong under [types]")
	}
	if err := checkMetadata(doc.Metadata); err != nil {
		return l, err
	}
	l = buildpacks.Layer{
		Buildpack: b.descriptor.ID, Name: name, Metadata: doc.Metadata,
		Dir: buildpacks.Dir{Host: filepath.Join(dir.Host, name), Path: path.Join(dir.Path, name)},
	}
	if doc.Types != nil {
		l.Build, l.Launch, l.Cache = doc.Types.Build, doc.Types.Launch, doc.Types.Cache
	}
	info, err := os.Lstat(l.Dir.Host)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.Dir.Host = ""
		if l.Cache && !b.Tolerant {
			return l, fmt.Errorf("layer %s is said to be cached, but has no directory", name)
		}
		return l, nil
	case err != nil:
		return l, err
	case !info.IsDir():
		return l, fmt.Errorf("layer %s is not a directory", name)
	}
	if !l.Build && !l.Launch && !l.Cache {
		return l, setAside(l.Dir.Host)
	}
	if err := checkEnv(l.Dir.Host); err != nil {
		return l, fmt.Errorf("layer %s: %w", name, err)
	}
	return l, nil
}

// setAside renames the directory of a layer that nobody wants, or removes it
// where the new name is taken or too long: what an earlier build left must not
// make this one fail.
func setAside(dir string) error {
	aside := dir + ".ignore"
	if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(dir, aside)
	}
	return sandbox.Remove(dir)
}
