package oci

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/pack"
)

// Archive is a tar file of an OCI layout with one image, or one index:
// oci-archive:FILE[:TAG]. Equal images give equal files.
type Archive struct {
	File, Tag string
	// Progress is told of the bytes that were copied. It may be nil.
	Progress func(done, total int64)
}

// Export writes the archive, which appears whole or not at all.
func (a Archive) Export(ctx context.Context, image Image) (artifact.Artifact, error) {
	c, err := contentOf(image)
	if err == nil {
		err = a.write(ctx, c)
	}
	return a.made(ctx, c, err, image)
}

// made is the artifact that images became, or the error for why they did not.
func (a Archive) made(_ context.Context, c content, err error, images ...Image) (artifact.Artifact, error) {
	if err != nil {
		return artifact.Artifact{}, fmt.Errorf("writing to oci-archive:%s: %w", joinTag(a.File, a.Tag), err)
	}
	return c.artifact("oci-archive", joinTag(a.File, a.Tag), images...), nil
}

// Check says what would keep an archive from being written.
func (a Archive) Check(context.Context) error {
	dir := filepath.Dir(a.File)
	err := beside.Writable(dir)
	if info, statErr := os.Stat(dir); statErr != nil || !info.IsDir() {
		err = fmt.Errorf("there is no directory %s: make it first", dir)
	} else if info, statErr := os.Stat(a.File); statErr == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file that an archive could replace: name another", a.File)
	}
	if err != nil {
		return fmt.Errorf("writing to oci-archive:%s: %w", joinTag(a.File, a.Tag), err)
	}
	return nil
}

func (a Archive) write(ctx context.Context, c content) error {
	index, err := json.Marshal(withImage(emptyIndex(), c.descriptor, a.Tag))
	if err != nil {
		return err
	}
	dir := filepath.Dir(a.File)
	err = beside.Write(dir, a.File, func(w *os.File) error {
		t := layoutTar{Writer: tar.NewWriter(w), progress: newProgress(a.Progress, c.size())}
		if err := t.blobs(ctx, c.blobs); err != nil {
			return err
		}
		if err := t.file("index.json", index); err != nil {
			return err
		}
		if err := t.file("oci-layout", []byte(layoutFile)); err != nil {
			return err
		}
		return t.Close()
	})
	if err != nil {
		return err
	}
	return beside.SyncDir(dir)
}

// layoutTar writes the files of a layout, normalised.
type layoutTar struct {
	*tar.Writer
	progress *progress
}

// blobs writes the blobs.
func (t layoutTar) blobs(ctx context.Context, blobs []blob) error {
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		header := &tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755, ModTime: pack.Epoch()}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
	}
	for _, b := range blobs {
		if err := t.header(blobPath(b.digest), b.size); err != nil {
			return err
		}
		if err := b.copyTo(ctx, t, t.progress); err != nil {
			return err
		}
	}
	return nil
}

// file writes a file.
func (t layoutTar) file(name string, data []byte) error {
	if err := t.header(name, int64(len(data))); err != nil {
		return err
	}
	_, err := io.Copy(t, bytes.NewReader(data))
	return err
}

func (t layoutTar) header(name string, size int64) error {
	return t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size, ModTime: pack.Epoch()})
}
