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
	return onto(image, types.OCILayer, createdBy, segments)
}

// Compose puts segments on the base, such as those that make a builder of it.
// Change is called with a copy of the config that the base has. What a container
// tool noted about its own work is left out, and the time of creation is
// pack.Epoch.
func (b Base) Compose(change func(*v1.Config) error, createdBy string, segments ...artifact.Segment) (Image, error) {
	config, err := b.Image.ConfigFile()
	if err != nil {
		return Image{}, fmt.Errorf("reading the config of the base: %w", err)
	}
	mediaType, err := b.LayerType()
	if err != nil {
		return Image{}, err
	}
	config = config.DeepCopy()
	config.Container, config.Config.Hostname, config.Config.Image = "", "", ""
	config.Created, config.History = v1.Time{Time: pack.Epoch()}, Accounted(config)
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	if err := change(&config.Config); err != nil {
		return Image{}, err
	}
	image, err := mutate.ConfigFile(b.Image, config)
	if err != nil {
		return Image{}, fmt.Errorf("composing an image: %w", err)
	}
	return onto(image, mediaType, createdBy, segments)
}

// onto puts segments on an image.
func onto(image v1.Image, mediaType types.MediaType, createdBy string, segments []artifact.Segment) (Image, error) {
	var adds []mutate.Addendum
	for _, segment := range segments {
		layer, err := NewLayer(segment, mediaType)
		if err != nil {
			return Image{}, fmt.Errorf("composing an image: %w", err)
		}
		adds = append(adds, mutate.Addendum{
			Layer: layer, History: v1.History{Created: v1.Time{Time: pack.Epoch()}, CreatedBy: createdBy},
		})
	}
	image, err := mutate.Append(image, adds...)
	if err != nil {
		return Image{}, fmt.Errorf("composing an image: %w", err)
	}
	return Image{Image: image, Segments: segments}, nil
}
