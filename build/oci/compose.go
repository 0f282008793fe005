package oci

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// Compose makes an image of segments and nothing else, such as a base image.
// The config says everything but the layers and their history, of which every
// entry says that it was created by the same command.
func Compose(config v1.ConfigFile, createdBy string, segments ...artifact.Segment) (Image, error) {
	config.RootFS = v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}
	config.History = nil
	image, err := mutate.ConfigFile(empty.Image, &config)
	if err != nil {
		return Image{}, fmt.Errorf("composing an image: %w", err)
	}
	image = mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
	var adds []mutate.Addendum
	for _, segment := range segments {
		layer, err := newLayer(segment, types.OCILayer)
		if err != nil {
			return Image{}, fmt.Errorf("composing an image: %w", err)
		}
		adds = append(adds, mutate.Addendum{
			Layer: layer, History: v1.History{Created: v1.Time{Time: pack.Epoch()}, CreatedBy: createdBy},
		})
	}
	if image, err = mutate.Append(image, adds...); err != nil {
		return Image{}, fmt.Errorf("composing an image: %w", err)
	}
	return Image{Image: image, Segments: segments}, nil
}
