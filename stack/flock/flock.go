package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// interval is how often a lock that someone holds is tried again.
const interval = 100 * time.Millisecond

// Lock opens a file, which it makes if there is none, and locks it exclusively.
// While someone else holds it, it waits until the context ends; waiting, which
// may be nil, is called once when it has to.
func Lock(ctx context.Context, path string, waiting func()) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	locked, err := Try(f)
	if err == nil && !locked {
		if waiting != nil {
			waiting()
		}
		err = wait(ctx, f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// wait tries to lock a file until it can or the context ends.
func wait(ctx context.Context, f *os.File) error {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
		if locked, err := Try(f); locked || err != nil {
			return err
		}
	}
}

// Try locks an open file exclusively unless someone else has locked it.
func Try(f *os.File) (locked bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, failed(f, err)
}

// patience is how long Share waits.
const patience = 5 * time.Second

// Share locks an open file together with others that share it. It is for files
// that nobody locks exclusively for more than an instant, so it does not wait
// for long: then it is an error.
func Share(f *os.File) error {
	for end := time.Now().Add(patience); ; time.Sleep(interval / 10) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return failed(f, err)
		}
		if time.Now().After(end) {
			return failed(f, errors.New("another process holds it"))
		}
	}
}

// Held tells whether someone has locked a file exclusively. One that cannot be
// opened is not held.
func Held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// Named tells whether an open file still has a name: between opening and
// locking, who held the lock may have renamed or removed it.
func Named(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

func failed(f *os.File, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("locking %s: %w", f.Name(), err)
}
