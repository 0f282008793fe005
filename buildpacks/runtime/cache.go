package runtime

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// cached opens a file of the cache, which is fetched when it is not there, or
// not what it should be. Check sees every file before it is used.
func (r *Resolver) cached(name string, fetch, check func(*os.File) error) (*os.File, error) {
	final := filepath.Join(r.Cache, filepath.FromSlash(name))
	if file, err := open(final, check); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return nil, fmt.Errorf("making the cache of runtimes: %w", err)
	}
	beside, err := r.fetched(filepath.Dir(final), fetch)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(beside, final); err != nil {
		return nil, errors.Join(fmt.Errorf("filling the cache of runtimes: %w", err), os.Remove(beside))
	}
	return open(final, check)
}

// fetched downloads into a new file of a directory and returns its name.
func (r *Resolver) fetched(dir string, fetch func(*os.File) error) (name string, err error) {
	file, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", fmt.Errorf("making room for a download: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	return file.Name(), errors.Join(fetch(file), file.Close())
}

// open opens a file that passes a check, at its start.
func open(name string, check func(*os.File) error) (*os.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	err = check(file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// removed removes a file that may be gone.
func removed(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
