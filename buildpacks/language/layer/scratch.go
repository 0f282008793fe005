package layer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Scratch is a directory beside the layers of a buildpack, so that what is made
// there is renamed into its place.
type Scratch struct {
	// Dir is the directory. It always has the same name, since compilers note
	// where things were.
	Dir string
}

// NewScratch makes an empty one. Layers is the directory of the buildpack's
// layers.
func NewScratch(layers string) (Scratch, error) {
	s := Scratch{Dir: filepath.Join(layers, ".scratch")}
	if err := errors.Join(removeAll(s.Dir), os.MkdirAll(s.Dir, 0o755)); err != nil {
		return Scratch{}, fmt.Errorf("making room for the build: %w", err)
	}
	return s, nil
}

// Close removes it with all that is in it.
func (s Scratch) Close() error {
	if err := removeAll(s.Dir); err != nil {
		return fmt.Errorf("removing what the build put aside: %w", err)
	}
	return nil
}

// Path is a name in it.
func (s Scratch) Path(name string) string { return filepath.Join(s.Dir, name) }

// Home is a directory that tools and scripts can write as theirs: the one that
// is given, if it can be written, else one of the scratch.
func (s Scratch) Home(given string) (string, error) {
	if given != "" {
		if probe, err := os.CreateTemp(given, ".probe-*"); err == nil {
			return given, errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	home := s.Path("home")
	if err := os.Mkdir(home, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return home, nil
}

// Discard takes a file or tree away, to be deleted at the end. What is not there
// is no error.
func (s Scratch) Discard(path string) error {
	bin, err := os.MkdirTemp(s.Dir, "discarded-*")
	if err != nil {
		return err
	}
	err = os.Rename(path, filepath.Join(bin, "tree"))
	switch {
	case errors.Is(err, syscall.EXDEV):
		return removeAll(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// Replace puts what was made fresh in the scratch into a layer, or into one
// name of it, in the place of all that is in the layer.
func (s Scratch) Replace(layer, name, fresh string) error {
	if err := s.Discard(layer); err != nil {
		return err
	}
	target := filepath.Join(layer, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.Rename(fresh, target)
}

// WriteBeside writes a file that appears whole or not at all, with the
// directories above it.
func WriteBeside(file string, data []byte, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside := file + ".new"
	defer func() {
		if removeErr := os.Remove(beside); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err := os.WriteFile(beside, data, mode); err != nil {
		return err
	}
	return os.Rename(beside, file)
}

// removeAll removes a tree, also one whose directories may not be written, as
// the go command makes them.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	return errors.Join(err, os.RemoveAll(dir))
}
