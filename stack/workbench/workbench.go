package workbench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slugc/slugc/stack/flock"
)

const (
	// unfinished begins the names of benches.
	unfinished = ".unfinished-"
	// settled is the age from which on a bench without a lock is nobody's; its
	// maker locks it right after making it.
	settled = time.Minute
)

// Bench is a directory of a store in which something is made.
type Bench struct {
	// Dir is the directory. What is in it, only its owner reads until it is moved.
	Dir string

	lock *os.File
}

// Open makes a bench in the directory of a store, which is made when it is missing,
// and removes those of processes that were killed.
func Open(store string) (*Bench, error) {
	if err := os.MkdirAll(store, 0o755); err != nil {
		return nil, err
	}
	if err := sweep(store); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(store, unfinished)
	if err != nil {
		return nil, err
	}
	b := &Bench{Dir: dir}
	if b.lock, err = os.Open(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := flock.Share(b.lock); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close removes the bench with all that is still on it.
func (b *Bench) Close() error {
	return errors.Join(os.RemoveAll(b.Dir), b.lock.Close())
}

// Folder makes a directory on the bench that everybody may read, whatever the umask
// is: what is in it may be for another user.
func (b *Bench) Folder(name string) (string, error) {
	dir := filepath.Join(b.Dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// Flush has all that was made written to disk.
func (b *Bench) Flush() error { return Flush(b.Dir) }

// Flush has everything on the file system of a directory written to disk.
func Flush(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := flush(f); err != nil {
		return fmt.Errorf("flushing %s to disk: %w", filepath.Dir(dir), err)
	}
	return nil
}

// sweep removes what processes left that were killed.
func sweep(store string) error {
	left, err := filepath.Glob(filepath.Join(store, unfinished+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		if err := sweepOne(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("removing what an earlier run left unfinished in %s: %w", store, err)
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
