package oci

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// InFamily is the media type of a layer in a manifest: Docker and OCI have
// names of their own for the same bytes. A type that only one has stays.
func InFamily(layer, manifest types.MediaType) types.MediaType {
	for _, pair := range [][2]types.MediaType{
		{types.DockerLayer, types.OCILayer},
		{types.DockerUncompressedLayer, types.OCIUncompressedLayer},
		{types.DockerForeignLayer, types.OCIRestrictedLayer},
	} {
		switch {
		case manifest == types.DockerManifestSchema2 && layer == pair[1]:
			return pair[0]
		case manifest == types.OCIManifestSchema1 && layer == pair[0]:
			return pair[1]
		}
	}
	return layer
}

// typedLayer is a layer that a manifest gives another media type.
type typedLayer struct {
	v1.Layer
	mediaType types.MediaType
}

// MediaType is that of the manifest.
func (l typedLayer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// Unwrap is the layer itself.
func (l typedLayer) Unwrap() v1.Layer { return l.Layer }

// Typed gives a layer a media type. A layer of a registry stays one, which
// another repository of that registry can mount.
func Typed(layer v1.Layer, mediaType types.MediaType) v1.Layer {
	if own, err := layer.MediaType(); err == nil && own == mediaType {
		return layer
	}
	if m, ok := layer.(*remote.MountableLayer); ok {
		return &remote.MountableLayer{Layer: typedLayer{m.Layer, mediaType}, Reference: m.Reference}
	}
	return typedLayer{layer, mediaType}
}
