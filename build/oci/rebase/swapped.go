package rebase

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// swapped is an image made of layers of others. The layers are handed on as
// they were opened, so that a registry that has them can be told where.
type swapped struct {
	config, manifest []byte
	mediaType        types.MediaType
	parsed           *v1.Manifest
	layers           []v1.Layer
}

var _ v1.Image = (*swapped)(nil)

// newSwapped is the image of a config and a manifest, whose config descriptor
// is still to be filled in.
func newSwapped(config []byte, mediaType types.MediaType, manifest *v1.Manifest, layers []v1.Layer) (*swapped, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(config))
	if err != nil {
		return nil, err
	}
	manifest.Config.Digest, manifest.Config.Size = digest, size
	// A copy of the config inside the manifest would be that of the old one.
	manifest.Config.Data = nil
	raw, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	return &swapped{config: config, manifest: raw, mediaType: mediaType, parsed: manifest, layers: layers}, nil
}

// Layers are those of the base, then those of the app.
func (s *swapped) Layers() ([]v1.Layer, error) { return s.layers, nil }

// MediaType is that of the manifest.
func (s *swapped) MediaType() (types.MediaType, error) { return s.mediaType, nil }

// Size is the number of bytes of the manifest.
func (s *swapped) Size() (int64, error) { return int64(len(s.manifest)), nil }

// ConfigName is the digest of the config.
func (s *swapped) ConfigName() (v1.Hash, error) { return s.parsed.Config.Digest, nil }

// ConfigFile is the config.
func (s *swapped) ConfigFile() (*v1.ConfigFile, error) { return partial.ConfigFile(s) }

// RawConfigFile is the bytes of the config.
func (s *swapped) RawConfigFile() ([]byte, error) { return s.config, nil }

// Digest is that of the manifest.
func (s *swapped) Digest() (v1.Hash, error) { return partial.Digest(s) }

// Manifest is the manifest.
func (s *swapped) Manifest() (*v1.Manifest, error) { return s.parsed.DeepCopy(), nil }

// RawManifest is the bytes of the manifest.
func (s *swapped) RawManifest() ([]byte, error) { return s.manifest, nil }

// LayerByDigest finds a layer, or the config.
func (s *swapped) LayerByDigest(digest v1.Hash) (v1.Layer, error) {
	if digest == s.parsed.Config.Digest {
		return partial.ConfigLayer(s)
	}
	for i, d := range s.parsed.Layers {
		if d.Digest == digest {
			return s.layers[i], nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", digest)
}

// LayerByDiffID finds a layer by the digest of its contents.
func (s *swapped) LayerByDiffID(diffID v1.Hash) (v1.Layer, error) {
	digest, err := partial.DiffIDToBlob(s, diffID)
	if err != nil {
		return nil, err
	}
	return s.LayerByDigest(digest)
}
