package layer

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/buildpacks/libcnb/v2"
)

// Slot is a layer as an earlier build left it.
type Slot struct {
	// Layer has the types that were asked for.
	Layer libcnb.Layer
	// Old is the metadata of the earlier build, without what is no text.
	Old map[string]string
	// There tells whether the earlier build's files were restored.
	There bool
	// layout is the version of what the buildpack puts into its layers.
	layout string
}

// Open reads what is known of a layer and declares its types anew: they are
// never restored (CNB Buildpack API, "Layer Types"). Layout is the version of
// what the buildpack puts into its layers: one of another version is not kept.
func Open(layers libcnb.Layers, name string, types libcnb.LayerTypes, layout string) (Slot, error) {
	layer, err := layers.Layer(name)
	if err != nil {
		return Slot{}, fmt.Errorf("opening layer %s: %w", name, err)
	}
	s := Slot{Layer: layer, Old: map[string]string{}, layout: layout}
	for key, value := range layer.Metadata {
		if text, ok := value.(string); ok {
			s.Old[key] = text
		}
	}
	entries, err := os.ReadDir(layer.Path)
	s.There = err == nil && len(entries) > 0
	s.Layer.LayerTypes = types
	return s, nil
}

// telling are inputs whose old value tells a person more than that it changed.
const telling = "version"

// Keeps tells whether the layer can stay as it is: its files are there, and it
// was made of the same inputs. Why says what is different.
func (s Slot) Keeps(inputs map[string]string) (kept bool, why string) {
	if len(s.Old) == 0 {
		return false, "not in the cache"
	}
	if !s.There {
		return false, "the cache has lost it"
	}
	if s.Old["layout"] != s.layout {
		return false, "made by another version of slugc"
	}
	if old, want := s.Old[telling], inputs[telling]; old != want && old != "" {
		return false, "the cache has " + old
	}
	for _, key := range slices.Sorted(maps.Keys(inputs)) {
		if s.Old[key] != inputs[key] {
			return false, key + " changed"
		}
	}
	return true, ""
}

// Describe is the layer with the metadata for the next build: its inputs, and
// notes that do not decide whether it is kept.
func (s Slot) Describe(inputs, notes map[string]string) libcnb.Layer {
	layer := s.Layer
	layer.Metadata = map[string]any{}
	for key, value := range notes {
		layer.Metadata[key] = value
	}
	for key, value := range inputs {
		layer.Metadata[key] = value
	}
	layer.Metadata["layout"] = s.layout
	return layer
}

// WithLaunch gives a layer that was made anew an environment for processes. A
// layer that is kept has the files of it already, and must not be touched.
func WithLaunch(layer libcnb.Layer, env libcnb.Environment) libcnb.Layer {
	layer.LaunchEnvironment = libcnb.Environment{}
	maps.Copy(layer.LaunchEnvironment, env)
	return layer
}

// WithBuild gives a layer that was made anew an environment for the buildpacks
// after this one.
func WithBuild(layer libcnb.Layer, env libcnb.Environment) libcnb.Layer {
	layer.BuildEnvironment = libcnb.Environment{}
	maps.Copy(layer.BuildEnvironment, env)
	return layer
}
