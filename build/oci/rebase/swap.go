package rebase

import (
	"encoding/json"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
)

// swap is an image that gets another base.
type swap struct {
	recipe    Recipe
	app, base parts
	// below is the number of layers to replace.
	below int
	// known says that the label names the new base.
	known bool
}

// image is the app on the new base: the app's own image when nothing changes.
func (s swap) image() (image v1.Image, unchanged bool, err error) {
	config, err := s.config()
	if err != nil {
		return nil, false, err
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, false, err
	}
	manifest := s.manifest()
	same, err := s.same(raw, manifest)
	if same || err != nil {
		return s.app.image, same, err
	}
	layers := make([]v1.Layer, 0, len(manifest.Layers))
	for i, layer := range append(s.base.layers[:len(s.base.layers):len(s.base.layers)], s.app.layers[s.below:]...) {
		layers = append(layers, oci.Typed(layer, manifest.Layers[i].MediaType))
	}
	image, err = newSwapped(raw, s.app.mediaType, manifest, layers)
	return image, false, err
}

// same is whether the image comes out as it was. What a tool wrote in another
// way, with other spaces or with fields that nobody knows, is no difference.
func (s swap) same(config []byte, manifest *v1.Manifest) (bool, error) {
	old, err := json.Marshal(s.app.config)
	if err != nil || string(old) != string(config) {
		return false, err
	}
	for i, layer := range manifest.Layers {
		if i >= len(s.app.manifest.Layers) || layer.Digest != s.app.manifest.Layers[i].Digest || layer.MediaType != s.app.manifest.Layers[i].MediaType {
			return false, nil
		}
	}
	return len(manifest.Layers) == len(s.app.manifest.Layers), nil
}

// config is that of the app with what belongs to the base replaced.
func (s swap) config() (*v1.ConfigFile, error) {
	config, base := s.app.config.DeepCopy(), s.base.config.DeepCopy()
	config.OS, config.Architecture, config.Variant = base.OS, base.Architecture, base.Variant
	config.OSVersion, config.OSFeatures = base.OSVersion, base.OSFeatures
	config.History = append(oci.Accounted(base), historyAbove(oci.Accounted(config), s.below)...)
	config.RootFS.DiffIDs = append(base.RootFS.DiffIDs, config.RootFS.DiffIDs[s.below:]...)
	if !s.recipe.Created.IsZero() {
		config.Created = v1.Time{Time: s.recipe.Created.UTC()}
	}
	return config, s.labels(config.Config.Labels, base)
}

// baseLabels are the prefixes of labels that are about the base: those of the
// Platform API, what they were called at first, and what a stack of slugc says
// of itself.
func baseLabels() []string {
	return []string{"io.buildpacks.base.", "io.buildpacks.stack.", "io.buildpacks.distro.", oci.BaseLabel}
}

// labels replaces the labels about the base.
func (s swap) labels(labels map[string]string, base *v1.ConfigFile) error {
	prefixes := s.recipe.Labels
	if prefixes == nil {
		prefixes = baseLabels()
	}
	for _, prefix := range prefixes {
		for name := range labels {
			if strings.HasPrefix(name, prefix) {
				delete(labels, name)
			}
		}
		for name, value := range base.Config.Labels {
			if strings.HasPrefix(name, prefix) {
				labels[name] = value
			}
		}
	}
	top := ""
	if n := len(base.RootFS.DiffIDs); n > 0 {
		top = base.RootFS.DiffIDs[n-1].String()
	}
	next := oci.RunImage{TopLayer: top, Reference: s.recipe.Base.Reference, Image: s.recipe.Base.Name, Mirrors: s.recipe.Base.Mirrors}
	text, err := withRunImage(labels[oci.LifecycleLabel], next, !s.known)
	if err != nil {
		return err
	}
	labels[oci.LifecycleLabel] = text
	return nil
}

// manifest is that of the app with the layers of the new base. The config has
// to be put in.
func (s swap) manifest() *v1.Manifest {
	manifest := s.app.manifest.DeepCopy()
	layers := s.base.manifest.DeepCopy().Layers
	if s.app.mediaType != s.base.mediaType {
		for i := range layers {
			layers[i].MediaType = oci.InFamily(layers[i].MediaType, s.app.mediaType)
		}
	}
	manifest.Layers = append(layers, manifest.Layers[s.below:]...)
	return manifest
}

// historyAbove is the part of a history that is about the layers above the
// first n. What follows the n-th without a layer is about the base.
func historyAbove(history []v1.History, n int) []v1.History {
	layers := 0
	for i, h := range history {
		if h.EmptyLayer {
			continue
		}
		if layers == n {
			return history[i:]
		}
		layers++
	}
	return nil
}
