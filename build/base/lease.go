package base

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// pollInterval is how often a lock that someone holds is tried again.
const pollInterval = 100 * time.Millisecond

// lockFile opens and locks a file exclusively (flock(2)); the lock goes with
// the process. While someone else holds the lock it waits until the context
// ends.
func lockFile(ctx context.Context, path string, waiting func()) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		if waiting != nil {
			waiting()
		}
		ticks := time.NewTicker(pollInterval)
		defer ticks.Stop()
		for errors.Is(err, syscall.EWOULDBLOCK) {
			select {
			case <-ctx.Done():
				return nil, errors.Join(ctx.Err(), lock.Close())
			case <-ticks.C:
				err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), lock.Close())
	}
	return lock, nil
}

// lease takes a shared lock on a root filesystem, so that nobody removes it.
func (p place) lease(digest string) (*os.File, error) {
	path := filepath.Join(p.path(digest), leaseFile)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	// Who holds it exclusively does not hold it for long: see claim.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
	}
	// Between opening and locking it may have been put away.
	open, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	named, err := os.Stat(path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !os.SameFile(open, named) {
		return nil, errors.Join(fmt.Errorf("%s was replaced", path), f.Close())
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
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, false, f.Close()
	case err != nil:
		return nil, false, errors.Join(fmt.Errorf("locking %s: %w", f.Name(), err), f.Close())
	}
	return f.Close, true, nil
}
