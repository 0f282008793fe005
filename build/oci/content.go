package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

	"github.com/slugc/slugc/build/artifact"
)

// content is an image as blobs: config, layers, and the manifest as the last.
type content struct {
	// descriptor is that of the manifest.
	descriptor v1.Descriptor
	blobs      []blob
}

// blob is bytes that have a digest.
type blob struct {
	digest v1.Hash
	size   int64
	open   func() (io.ReadCloser, error)
}

// contentOf lists the blobs of an image, each once.
func contentOf(image v1.Image) (content, error) {
	manifest, err := image.RawManifest()
	if err != nil {
		return content{}, fmt.Errorf("reading the manifest: %w", err)
	}
	descriptor, err := partial.Descriptor(image)
	if err != nil {
		return content{}, fmt.Errorf("reading the manifest: %w", err)
	}
	platform, err := platformOf(image)
	if err != nil {
		return content{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return content{}, fmt.Errorf("reading the layers: %w", err)
	}
	configLayer, err := partial.ConfigLayer(image)
	if err != nil {
		return content{}, fmt.Errorf("reading the config: %w", err)
	}
	c := content{descriptor: v1.Descriptor{
		MediaType: descriptor.MediaType, Size: descriptor.Size, Digest: descriptor.Digest,
		Platform: platform,
	}}
	seen := map[v1.Hash]bool{}
	for _, layer := range append([]v1.Layer{configLayer}, layers...) {
		digest, err := layer.Digest()
		if err != nil {
			return content{}, fmt.Errorf("reading the layers: %w", err)
		}
		size, err := layer.Size()
		if err != nil {
			return content{}, fmt.Errorf("reading the layers: %w", err)
		}
		if !seen[digest] {
			seen[digest] = true
			c.blobs = append(c.blobs, blob{digest, size, layer.Compressed})
		}
	}
	c.blobs = append(c.blobs, blob{descriptor.Digest, descriptor.Size, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(manifest)), nil
	}})
	return c, nil
}

// size is the number of bytes of all blobs.
func (c content) size() int64 {
	var total int64
	for _, b := range c.blobs {
		total += b.size
	}
	return total
}

// artifact is what the images became.
func (c content) artifact(kind, ref string, images ...Image) artifact.Artifact {
	made := artifact.Artifact{Kind: kind, Ref: ref, Digest: c.descriptor.Digest.String(), Size: c.size()}
	for _, image := range images {
		made.Layers = append(made.Layers, image.Segments...)
	}
	return made
}

// nowhere says that the file with the bytes of a blob is not there.
func (b blob) nowhere() bool {
	r, err := b.open()
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	r.Close()
	return false
}

// copyTo writes the bytes of a blob and fails if they are not those that its
// digest names.
func (b blob) copyTo(ctx context.Context, w io.Writer, p *progress) (err error) {
	r, err := b.open()
	if err != nil {
		return fmt.Errorf("the blob %s: %w", b.digest, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	hash := sha256.New()
	// One byte more than expected tells a blob that is too long.
	n, err := io.Copy(io.MultiWriter(w, hash, p), &contextReader{ctx, io.LimitReader(r, b.size+1)})
	if err != nil {
		return fmt.Errorf("the blob %s: %w", b.digest, err)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != b.digest.Hex {
		return fmt.Errorf("the blob %s is damaged: it has %d bytes with the digest sha256:%s, expected %d", b.digest, n, sum, b.size)
	}
	return nil
}

// contextReader reads until a context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// progress counts bytes and tells of them.
type progress struct {
	tell        func(done, total int64)
	mu          sync.Mutex
	done, total int64
}

func newProgress(tell func(done, total int64), total int64) *progress {
	return &progress{tell: tell, total: total}
}

// Write counts the bytes of p.
func (p *progress) Write(b []byte) (int, error) {
	p.add(int64(len(b)))
	return len(b), nil
}

// add counts n bytes.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.tell != nil {
		p.tell(p.done, p.total)
	}
}
