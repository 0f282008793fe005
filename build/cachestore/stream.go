package cachestore

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// open begins to read a blob, whose digest is compared at its end.
func open(ctx context.Context, puller *remote.Puller, ref name.Digest) (io.ReadCloser, error) {
	layer, err := puller.Layer(ctx, ref)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// heard tells how many bytes came.
type heard struct {
	from io.Reader
	came func(int64)
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	h.came(int64(n))
	return n, err
}

// counted is a stream whose size is known.
type counted struct {
	from io.Reader
	sum  hash.Hash
	// most is how many bytes there are to be, read how many were there.
	most, read int64
	err        error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read += int64(n)
	c.sum.Write(p[:n])
	if c.read > c.most {
		err = &foreignError{fmt.Errorf("it has more than %d bytes", c.most)}
	}
	if err != nil {
		c.err = err
	}
	return n, err
}

// check compares what was read with a digest.
func (c *counted) check(digest string) error {
	if got := "sha256:" + hex.EncodeToString(c.sum.Sum(nil)); got != digest || c.read != c.most {
		return fmt.Errorf("its %d bytes have the digest %s, expected %d with %s", c.read, got, c.most, digest)
	}
	return nil
}
