package base

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slugc/slugc/stack/flock"
)

// lease takes a shared lock on a root filesystem, so that nobody removes it.
func (p place) lease(digest string) (*os.File, error) {
	path := filepath.Join(p.path(digest), leaseFile)
	// A pipe in its place must not make anyone wait.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	// Who holds it exclusively does not hold it for long: see claim.
	if err := flock.Share(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !flock.Named(f, path) {
		return nil, errors.Join(fmt.Errorf("%s was put away", path), f.Close())
	}
	return f, nil
}

// claim locks a root filesystem that nobody uses, so that nobody comes to use
// it. One that somebody uses is not claimed. It returns who lets go of it.
func claim(dir string) (release func() error, claimed bool, err error) {
	f, err := os.Open(filepath.Join(dir, leaseFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		// Without the file nobody can use it.
		return func() error { return nil }, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	if claimed, err = flock.Try(f); !claimed {
		return nil, false, errors.Join(err, f.Close())
	}
	return f.Close, true, nil
}
