package nodejs

import (
	"fmt"
	"maps"
	"os"

	"github.com/buildpacks/libcnb/v2"
)

// layout is the version of what this buildpack puts into its layers. A layer of
// another version is not kept.
const layout = "1"

// The layers.
const (
	nodeLayer    = "node"
	headersLayer = "node-headers"
	npmLayer     = "npm"
	catalogLayer = "catalog"
	cacheLayer   = "npm-cache"
	modulesLayer = "modules"
	devLayer     = "modules-dev"
)

// slot is a layer as an earlier build left it.
type slot struct {
	layer libcnb.Layer
	// old is the metadata of the earlier build, without what is no text.
	old map[string]string
	// there tells whether the earlier build's files were restored.
	there bool
}

// openSlot reads what is known of a layer and declares its types anew: they
// are never restored (CNB Buildpack API, "Layer Types").
func openSlot(layers libcnb.Layers, name string, types libcnb.LayerTypes) (slot, error) {
	layer, err := layers.Layer(name)
	if err != nil {
		return slot{}, fmt.Errorf("opening layer %s: %w", name, err)
	}
	s := slot{layer: layer, old: map[string]string{}}
	for key, value := range layer.Metadata {
		if text, ok := value.(string); ok {
			s.old[key] = text
		}
	}
	entries, err := os.ReadDir(layer.Path)
	s.there = err == nil && len(entries) > 0
	s.layer.LayerTypes = types
	return s, nil
}

// keeps tells whether the layer can stay as it is: its files are there, and it
// was made from the same inputs. Why says what is different.
func (s slot) keeps(inputs map[string]string) (kept bool, why string) {
	if len(s.old) == 0 {
		return false, "not in the cache"
	}
	if !s.there {
		return false, "the cache has lost it"
	}
	if s.old["layout"] != layout {
		return false, "made by another version of slugc"
	}
	for _, key := range []string{"package", "version", "integrity", "key"} {
		if want, matters := inputs[key]; matters && s.old[key] != want {
			if key == "version" {
				return false, "the cache has " + s.old[key]
			}
			return false, key + " changed"
		}
	}
	return true, ""
}

// describe is the layer with the metadata for the next build.
func (s slot) describe(inputs map[string]string) libcnb.Layer {
	layer := s.layer
	layer.Metadata = map[string]any{"layout": layout}
	for key, value := range inputs {
		layer.Metadata[key] = value
	}
	return layer
}

// withLaunch gives a layer that was made anew its launch environment. A layer
// that is kept has the files of it already, and must not be touched.
func withLaunch(layer libcnb.Layer, env libcnb.Environment) libcnb.Layer {
	layer.LaunchEnvironment = libcnb.Environment{}
	maps.Copy(layer.LaunchEnvironment, env)
	return layer
}
