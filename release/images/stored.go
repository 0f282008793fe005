package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/release/shelf"
)

// stored is an image of a store.
type stored struct {
	store    Store
	manifest []byte
	parsed   *v1.Manifest
}

var _ partial.CompressedImageCore = (*stored)(nil)

// damagedError says that a file is not what its name says.
type damagedError struct{ problem string }

func (e *damagedError) Error() string { return e.problem }

// open reads the manifest of an image, whose digest is checked.
func open(s Store, h v1.Hash) (*stored, error) {
	text, err := os.ReadFile(s.manifest(h.Hex))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != h.Hex {
		return nil, &damagedError{s.manifest(h.Hex) + " has other bytes"}
	}
	parsed, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return &stored{s, text, parsed}, nil
}

// check looks at the digests of all its blobs.
func (i *stored) check(ctx context.Context) error {
	for _, d := range append([]v1.Descriptor{i.parsed.Config}, i.parsed.Layers...) {
		if err := whole(ctx, i.store.blob(d.Digest), d.Digest); err != nil {
			return err
		}
	}
	return nil
}

// whole says why a file is not that of a digest.
func whole(ctx context.Context, file string, h v1.Hash) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &damagedError{file + " is gone"}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, shelf.Reader(ctx, f)); err != nil {
		return err
	}
	if h.Algorithm != algo || hex.EncodeToString(hash.Sum(nil)) != h.Hex {
		return &damagedError{file + " has other bytes"}
	}
	return nil
}

func (i *stored) image() (v1.Image, error) { return partial.CompressedToImage(i) }

// MediaType is that of the manifest.
func (i *stored) MediaType() (types.MediaType, error) {
	if i.parsed.MediaType == "" {
		return types.OCIManifestSchema1, nil
	}
	return i.parsed.MediaType, nil
}

// RawManifest is the bytes of the manifest.
func (i *stored) RawManifest() ([]byte, error) { return i.manifest, nil }

// RawConfigFile is the bytes of the config.
func (i *stored) RawConfigFile() ([]byte, error) {
	return os.ReadFile(i.store.blob(i.parsed.Config.Digest))
}

// LayerByDigest finds a layer, or the config.
func (i *stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if h == i.parsed.Config.Digest {
		return partial.ConfigLayer(i)
	}
	for _, d := range i.parsed.Layers {
		if d.Digest == h {
			return layer{i, d}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}

// layer is one of a stored image.
type layer struct {
	of         *stored
	descriptor v1.Descriptor
}

// Digest is that of the compressed bytes.
func (l layer) Digest() (v1.Hash, error) { return l.descriptor.Digest, nil }

// Size is the number of compressed bytes.
func (l layer) Size() (int64, error) { return l.descriptor.Size, nil }

// MediaType is that of the manifest.
func (l layer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }

// Compressed opens the blob.
func (l layer) Compressed() (io.ReadCloser, error) {
	return os.Open(l.of.store.blob(l.descriptor.Digest))
}

// bytesOf makes a source of bytes out of a text in memory.
func bytesOf(text func() ([]byte, error)) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		b, err := text()
		return io.NopCloser(bytes.NewReader(b)), err
	}
}
