package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/stack/untar"
	"github.com/slugc/slugc/stack/workbench"
)

// rootName is the root filesystem in the directory of an image.
const rootName = "root"

// Store keeps the root filesystems of images.
type Store struct {
	// Dir is a directory of the store's own; it is made when it is missing.
	Dir string
	// Limits bound an image.
	Limits untar.Limits
}

// Unpack returns the directory of an image's root filesystem, which is made if
// it is not there. Nothing may be written to it.
func (s Store) Unpack(ctx context.Context, image v1.Image) (dir string, err error) {
	digest, err := image.ConfigName()
	if err != nil {
		return "", fmt.Errorf("reading the configuration of an image: %w", err)
	}
	final := filepath.Join(s.Dir, digest.Hex)
	dir = filepath.Join(final, rootName)
	found, err := isDir(dir)
	if err != nil || found {
		return dir, err
	}
	if err := s.make(ctx, image, final); err != nil {
		return "", fmt.Errorf("unpacking the image %s: %w", digest, err)
	}
	return dir, nil
}

func isDir(dir string) (bool, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}

// make makes the directory of an image.
func (s Store) make(ctx context.Context, image v1.Image, final string) (err error) {
	bench, err := workbench.Open(s.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bench.Close()) }()
	beside, err := bench.Folder("image")
	if err != nil {
		return err
	}
	if err := s.fill(ctx, image, filepath.Join(beside, rootName)); err != nil {
		return err
	}
	if err := bench.Flush(); err != nil {
		return err
	}
	return publish(beside, final)
}

// publish gives a directory its final name, unless another process made the
// same before. What has the name and is no image, because somebody removed a
// part of it, makes way.
func publish(beside, final string) (err error) {
	if err := os.Rename(beside, final); err == nil {
		return nil
	}
	if found, statErr := isDir(filepath.Join(final, rootName)); statErr == nil && found {
		return nil
	}
	away := beside + "-damaged"
	if err := os.Rename(final, away); err != nil {
		return err
	}
	return errors.Join(os.Rename(beside, final), os.RemoveAll(away))
}

// fill unpacks all layers of an image to a new directory.
func (s Store) fill(ctx context.Context, image v1.Image, dir string) (err error) {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	// The mode is not the business of a umask: others may run as another user.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	tree := untar.New(root, untar.Options{Layers: true, Rooted: true, SkipSpecial: true, Times: true, Limits: s.Limits})
	for i, layer := range layers {
		if err := unpackLayer(ctx, tree, i, layer); err != nil {
			return fmt.Errorf("layer %d of %d: %w", i+1, len(layers), err)
		}
	}
	// An ordinary user's disk holds no owners, and a sandbox has one user.
	_, err = tree.Finish(ctx)
	return err
}
