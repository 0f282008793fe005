package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// readTree reads what builders left in the layers directory, also those of another
// lifecycle.
func readTree(layers, app string, group []files.Element, metadata files.BuildMetadata) (artifact.Tree, error) {
	dir := func(path string) buildpacks.Dir { return buildpacks.Dir{Host: path, Path: path} }
	tree := artifact.Tree{
		App: dir(app), Layers: dir(layers), Metadata: metadata.Launch(), Labels: metadata.Labels, Stores: map[string]map[string]any{},
	}
	for _, slice := range metadata.Slices {
		tree.Slices = append(tree.Slices, slice.Paths)
	}
	for _, b := range group {
		tree.Buildpacks = append(tree.Buildpacks, b.Descriptor())
		found, store, err := readLayers(layers, b)
		if malformed, ok := errors.AsType[*malformedError](err); ok {
			return artifact.Tree{}, malformed
		}
		if err != nil {
			return artifact.Tree{}, fmt.Errorf("reading layers for buildpack '%s': %w", b.ID, err)
		}
		if store != nil {
			tree.Stores[b.ID] = store
		}
		for _, l := range found {
			if l.Launch {
				tree.LaunchLayers = append(tree.LaunchLayers, l)
			}
			if l.Cache {
				tree.CacheLayers = append(tree.CacheLayers, l)
			}
		}
	}
	return tree, nil
}

// layerTOML is what a buildpack writes of a layer (Buildpack API, "layer.toml").
type layerTOML struct {
	Types    struct{ Build, Launch, Cache bool }
	Metadata map[string]any
	// Build, Launch and Cache were here in old APIs.
	Build, Launch, Cache any
}

// malformedError says of which layers nobody can read what a buildpack wrote.
type malformedError struct{ layers []string }

func (e *malformedError) Error() string {
	return fmt.Sprintf("failed to parse metadata for layers '%s'", e.layers)
}

// maxLayerTOML bounds what a buildpack writes of a layer, in bytes.
const maxLayerTOML = 1 << 20

// readLayers reads the layers of a buildpack that are anything, by name, and its
// store.
func readLayers(layers string, b files.Element) (found []buildpacks.Layer, store map[string]any, err error) {
	own := filepath.Join(layers, launch.EscapeID(b.ID))
	entries, err := os.ReadDir(own)
	if missing(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var malformed []string
	for _, entry := range entries {
		name, is := strings.CutSuffix(entry.Name(), ".toml")
		if !is || entry.IsDir() || name == "launch" || name == "build" {
			continue
		}
		var doc layerTOML
		data, err := sandbox.ReadFile(filepath.Join(own, entry.Name()), maxLayerTOML)
		if err == nil {
			err = launch.DecodeTOML(data, &doc)
		}
		switch {
		case name == "store" && err != nil:
			return nil, nil, fmt.Errorf("failed decoding store.toml for buildpack %q: %w", b.ID, err)
		case name == "store":
			store = doc.Metadata
			continue
		case err != nil || doc.Build != nil || doc.Launch != nil || doc.Cache != nil:
			malformed = append(malformed, b.ID+":"+name)
			continue
		}
		if !doc.Types.Build && !doc.Types.Launch && !doc.Types.Cache {
			continue
		}
		path := filepath.Join(own, name)
		l := buildpacks.Layer{
			Buildpack: b.ID, Name: name, Dir: buildpacks.Dir{Host: path, Path: path}, Metadata: doc.Metadata,
			Build: doc.Types.Build, Launch: doc.Types.Launch, Cache: doc.Types.Cache,
		}
		if info, err := os.Lstat(path); missing(err) {
			l.Dir.Host = ""
		} else if err != nil {
			return nil, nil, err
		} else if !info.IsDir() {
			return nil, nil, fmt.Errorf("layer '%s' is not a directory", l.ID())
		}
		found = append(found, l)
	}
	if len(malformed) > 0 {
		slices.Sort(malformed)
		return nil, nil, &malformedError{malformed}
	}
	slices.SortFunc(found, func(x, y buildpacks.Layer) int { return strings.Compare(x.Name, y.Name) })
	return found, store, nil
}
