package oci

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
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

// content is a layer with these uncompressed bytes, in the form that all
// readers of images know.
func (p Previous) content(diffID string) (v1.Layer, bool) {
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

// reuse takes a layer without contents from the previous image.
func (a *assembly) reuse(layer buildpacks.Layer, createdBy string) (LayerRef, error) {
	old, found := a.previous.Layer(layer.Buildpack, layer.Name)
	if !found {
		return LayerRef{}, fmt.Errorf("the layer %s has no contents, and no previous image has it: build it again with an empty cache", layer.ID())
	}
	reused, err := a.previous.Image.LayerByDiffID(a.previous.diffIDs[old.SHA])
	if err != nil {
		return LayerRef{}, fmt.Errorf("the layer %s of the previous image: %w", layer.ID(), err)
	}
	segment, reused, err := a.adopt(artifact.Segment{Name: layer.ID(), DiffID: old.SHA}, reused)
	if err != nil {
		return LayerRef{}, err
	}
	a.used = append(a.used, segment)
	a.add(reused, createdBy)
	return old.LayerRef, nil
}

// replace is the layer of the previous image that holds what a segment holds,
// compressed in another way: whoever has that image has the layer, and need not
// take it again. Where there is none it is the segment itself, and so it is for a
// destination that takes nothing compressed.
func (a *assembly) replace(segment artifact.Segment, made v1.Layer) (artifact.Segment, v1.Layer, error) {
	old, found := a.previous.content(segment.DiffID)
	if !found || segment.Raw() {
		return segment, made, nil
	}
	if digest, err := old.Digest(); err == nil && digest.String() == segment.Digest {
		return segment, made, nil
	}
	// What is not there any more is no reason to fail: we have our own.
	if there, err := partial.Exists(old); err != nil || !there {
		return segment, made, nil
	}
	return a.adopt(segment, old)
}

// adopt makes a layer of the previous image one of this image, and the segment
// what is known of it.
func (a *assembly) adopt(segment artifact.Segment, old v1.Layer) (artifact.Segment, v1.Layer, error) {
	wrong := func(err error) error { return fmt.Errorf("the layer %s of the previous image: %w", segment.Name, err) }
	digest, err := old.Digest()
	if err != nil {
		return segment, nil, wrong(err)
	}
	size, err := old.Size()
	if err != nil {
		return segment, nil, wrong(err)
	}
	if old, err = a.inFamily(old); err != nil {
		return segment, nil, wrong(err)
	}
	segment.Digest, segment.Size, segment.File, segment.Reused = digest.String(), size, "", true
	return segment, old, nil
}

// inFamily gives a layer of another image the media type that it has in this
// one.
func (a *assembly) inFamily(layer v1.Layer) (v1.Layer, error) {
	manifest, err := a.recipe.Base.Image.MediaType()
	if err != nil {
		return nil, err
	}
	kind, err := layer.MediaType()
	if err != nil {
		return nil, err
	}
	return Typed(layer, InFamily(kind, manifest)), nil
}
