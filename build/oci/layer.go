package oci

import (
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
)

// fileLayer is a layer that is a file, with gzip or, where both digests are the
// same, without.
type fileLayer struct {
	file           string
	digest, diffID v1.Hash
	size           int64
	mediaType      types.MediaType
}

var _ v1.Layer = (*fileLayer)(nil)

// NewLayer is the layer that a segment is. Its file is read whenever somebody wants
// the layer.
func NewLayer(segment artifact.Segment, mediaType types.MediaType) (v1.Layer, error) {
	digest, err := v1.NewHash(segment.Digest)
	if err != nil {
		return nil, fmt.Errorf("the segment %s: %w", segment.Name, err)
	}
	diffID, err := v1.NewHash(segment.DiffID)
	if err != nil {
		return nil, fmt.Errorf("the segment %s: %w", segment.Name, err)
	}
	if segment.Raw() {
		mediaType = uncompressed(mediaType)
	}
	return &fileLayer{
		file: segment.File, digest: digest, diffID: diffID, size: segment.Size, mediaType: mediaType,
	}, nil
}

// uncompressed is the media type of a layer without compression, in the family
// of another.
func uncompressed(like types.MediaType) types.MediaType {
	if like == types.DockerLayer {
		return types.DockerUncompressedLayer
	}
	return types.OCIUncompressedLayer
}

// Digest is the sha256 of the file.
func (l *fileLayer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the sha256 of what the file holds.
func (l *fileLayer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size is the number of bytes of the file.
func (l *fileLayer) Size() (int64, error) { return l.size, nil }

// MediaType says whether there is gzip.
func (l *fileLayer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// Compressed opens the file.
func (l *fileLayer) Compressed() (io.ReadCloser, error) { return os.Open(l.file) }

// Uncompressed opens what the file holds.
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) {
	file, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	if l.digest == l.diffID {
		return file, nil
	}
	reader, err := gzip.NewReader(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", l.file, err), file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{reader, file}, nil
}
