package oci

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/stack/launch"
)

// Previous is an earlier image of an app, made by any lifecycle, with what it
// says about its layers. The zero value is none.
type Previous struct {
	Image v1.Image
	// Metadata is what it says about the layers.
	Metadata LifecycleMetadata
	// LayersPath is the directory of the layers in it (CNB_LAYERS_DIR).
	LayersPath string
	// ExecEnv is the execution environment that it was built for.
	ExecEnv string
	// diffIDs are those of the layers.
	diffIDs map[string]v1.Hash
}

// NewPrevious reads what an image says about its layers. It fails for an image
// that no lifecycle made.
func NewPrevious(image v1.Image) (Previous, error) { return newPrevious(image, nil) }

// PreviousWith is NewPrevious for an image of which is known what it says about its
// layers, so that it need not say it.
func PreviousWith(image v1.Image, metadata LifecycleMetadata) (Previous, error) {
	return newPrevious(image, &metadata)
}

func newPrevious(image v1.Image, known *LifecycleMetadata) (Previous, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return Previous{}, fmt.Errorf("reading the config of the previous image: %w", err)
	}
	if known == nil && config.Config.Labels[LifecycleLabel] == "" {
		return Previous{}, fmt.Errorf("the previous image has no label %s: only an image that slugc, pack or another lifecycle built can be one", LifecycleLabel)
	}
	p := Previous{Image: image, ExecEnv: config.Config.Labels[ExecEnvLabel], diffIDs: map[string]v1.Hash{}}
	if known != nil {
		p.Metadata = *known
	} else if p.Metadata, err = ReadMetadata(config); err != nil {
		return Previous{}, fmt.Errorf("the previous image: %w", err)
	}
	if p.Metadata.ExecEnv != "" {
		p.ExecEnv = p.Metadata.ExecEnv
	}
	p.LayersPath = launch.NewEnv(config.Config.Env).Get("CNB_LAYERS_DIR")
	manifest, err := image.Manifest()
	if err != nil {
		return Previous{}, fmt.Errorf("reading the manifest of the previous image: %w", err)
	}
	if got, want := len(manifest.Layers), len(config.RootFS.DiffIDs); got != want {
		return Previous{}, fmt.Errorf("the previous image is damaged: it has %d layers and names %d", got, want)
	}
	for _, diffID := range config.RootFS.DiffIDs {
		p.diffIDs[diffID.String()] = diffID
	}
	return p, nil
}

// Layer is what the image says about a layer of a buildpack that it has.
func (p Previous) Layer(buildpack, name string) (LayerMetadata, bool) {
	m, named := p.Metadata.layer(buildpack, name)
	_, there := p.diffIDs[m.SHA]
	return m, named && there
}

// Content is a layer with these uncompressed bytes, in the form that all
// readers of images know.
func (p Previous) Content(diffID string) (v1.Layer, bool) {
	hash, found := p.diffIDs[diffID]
	if !found {
		return nil, false
	}
	layer, err := p.Image.LayerByDiffID(hash)
	if err != nil {
		return nil, false
	}
	kind, err := layer.MediaType()
	return layer, err == nil && (kind == types.DockerLayer || kind == types.OCILayer)
}

// ByDiffID is a layer of the image with these uncompressed bytes, in any form.
func (p Previous) ByDiffID(diffID string) (v1.Layer, error) {
	return p.Image.LayerByDiffID(p.diffIDs[diffID])
}
