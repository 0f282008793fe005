package daemon

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// shelf is layers that were read from a daemon, in files without names, by diffID.
type shelf struct {
	// temp is the directory for the files; that of the system when empty.
	temp  string
	files map[string]*os.File
}

// clear forgets the layers.
func (s *shelf) clear() {
	for _, file := range s.files {
		_ = file.Close()
	}
	s.files = nil
}

// take opens a layer and forgets the others.
func (s *shelf) take(diffID string) (io.ReadCloser, error) {
	file := s.files[diffID]
	delete(s.files, diffID)
	s.clear()
	if file == nil {
		return nil, fmt.Errorf("the Docker daemon does not hand out the layer %s", diffID)
	}
	_, err := file.Seek(0, io.SeekStart)
	return file, err
}

// fetch reads those layers of an image that are wanted. One that the daemon does
// not hand out is not there afterwards.
func (s *shelf) fetch(ctx context.Context, c *Client, image string, wanted map[string]bool) error {
	saved, err := c.Save(ctx, image)
	if err != nil {
		return err
	}
	defer saved.Close()
	left := len(wanted)
	for files := tar.NewReader(saved); left > 0; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.failed(ctx, image, err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		diffID, err := s.put(files, wanted)
		if err != nil {
			return s.failed(ctx, image, err)
		}
		if diffID != "" {
			left--
		}
	}
	return nil
}

func (s *shelf) failed(ctx context.Context, image string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("reading the image %s from the Docker daemon: %w", image, err)
}

// put keeps what a file holds if it is a layer that is wanted, and returns the
// diffID of that, else nothing. What it is only its sum tells: each kind of daemon
// names files in another way, and gives out what it has, compressed or not.
func (s *shelf) put(from io.Reader, wanted map[string]bool) (diffID string, err error) {
	raw, err := uncompressed(from)
	if err != nil {
		return "", err
	}
	defer raw.Close()
	file, err := os.CreateTemp(s.temp, "layer-*.tar")
	if err != nil {
		return "", err
	}
	err = os.Remove(file.Name())
	sum := sha256.New()
	if err == nil {
		_, err = io.Copy(io.MultiWriter(file, sum), raw)
	}
	diffID = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	if err != nil || !wanted[diffID] || s.files[diffID] != nil {
		return "", errors.Join(err, file.Close())
	}
	if s.files == nil {
		s.files = map[string]*os.File{}
	}
	s.files[diffID] = file
	return diffID, nil
}

// uncompressed is what r holds, if it is gzip or zstd, else r.
func uncompressed(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 256<<10)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(buffered)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		reader, err := zstd.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return reader.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}
