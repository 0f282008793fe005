package assemble

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
)

// reuse takes a layer without contents from the previous image.
func (a *assembly) reuse(layer buildpacks.Layer, createdBy string) (oci.LayerRef, error) {
	old, found := a.previous.Layer(layer.Buildpack, layer.Name)
	if !found {
		return oci.LayerRef{}, fmt.Errorf("the layer %s has no contents, and no previous image has it: build it again with an empty cache", layer.ID())
	}
	reused, err := a.previous.ByDiffID(old.SHA)
	if err != nil {
		return oci.LayerRef{}, fmt.Errorf("the layer %s of the previous image: %w", layer.ID(), err)
	}
	segment, reused, err := a.adopt(artifact.Segment{Name: layer.ID(), DiffID: old.SHA}, reused)
	if err != nil {
		return oci.LayerRef{}, err
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
	old, found := a.previous.Content(segment.DiffID)
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
	return oci.Typed(layer, oci.InFamily(kind, manifest)), nil
}
