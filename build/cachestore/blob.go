package cachestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// blob is something that is to be in the registry.
type blob struct {
	descriptor v1.Descriptor
	open       func() (io.ReadCloser, error)
}

// newBlob is a blob that is in memory.
func newBlob(data []byte, mediaType types.MediaType) blob {
	sum := sha256.Sum256(data)
	return blob{
		descriptor: v1.Descriptor{
			MediaType: mediaType, Size: int64(len(data)),
			Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])},
		},
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// sending is a blob on its way. It counts what is read of it.
type sending struct {
	blob
	read func(int64)
}

var _ v1.Layer = sending{}

// Digest is the sha256 of the blob.
func (s sending) Digest() (v1.Hash, error) { return s.descriptor.Digest, nil }

// DiffID is that of the blob: nobody looks into it here.
func (s sending) DiffID() (v1.Hash, error) { return s.descriptor.Digest, nil }

// Size is the number of bytes of the blob.
func (s sending) Size() (int64, error) { return s.descriptor.Size, nil }

// MediaType is that of the manifest.
func (s sending) MediaType() (types.MediaType, error) { return s.descriptor.MediaType, nil }

// Uncompressed opens the blob as it is.
func (s sending) Uncompressed() (io.ReadCloser, error) { return s.Compressed() }

// Compressed opens the blob.
func (s sending) Compressed() (io.ReadCloser, error) {
	from, err := s.open()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&heard{from: from, came: s.read}, from}, nil
}
