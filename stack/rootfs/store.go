package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/stack/flock"
	"github.com/slugc/slugc/stack/untar"
)

const (
	// rootName is the root filesystem in the directory of an image.
	rootName = "root"
	// unfinished begins the names of directories that are being filled.
	unfinished = ".unfinished-"
	// settled is the age from which on an unfinished directory without a lock
	// is nobody's; its maker locks it right after making it.
	settled = time.Minute
)

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
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(s.Dir, unfinished)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	lock, err := os.Open(beside)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock.Share(lock); err != nil {
		return err
	}
	// MkdirTemp's directories are private.
	if err := lock.Chmod(0o755); err != nil {
		return err
	}
	if err := s.fill(ctx, image, filepath.Join(beside, rootName)); err != nil {
		return err
	}
	if err := flush(lock); err != nil {
		return fmt.Errorf("flushing %s to disk: %w", beside, err)
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

// sweep removes what processes left that were killed.
func (s Store) sweep() error {
	left, err := filepath.Glob(filepath.Join(s.Dir, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		// What another user left is not ours to remove.
		if err := sweepOne(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("removing an unfinished image: %w", err)
		}
	}
	return nil
}

func sweepOne(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || time.Since(info.ModTime()) < settled {
		return err
	}
	if free, err := flock.Try(f); err != nil || !free {
		return err
	}
	return os.RemoveAll(dir)
}
