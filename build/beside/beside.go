package beside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/detect"
)

// Prefix begins the names of files that are not finished.
const Prefix = detect.UnfinishedPrefix

// abandoned is the age from which on an unfinished file is nobody's.
const abandoned = 24 * time.Hour

// Write fills a file in dir, has it flushed to disk, and then gives it its
// final name, with mode 0644. When it fails, what was there under the name
// stays.
func Write(dir, path string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(dir, Prefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
	}()
	err = fill(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Writable makes sure that files can be made in a directory, or in the one in
// which it would be made.
func Writable(dir string) error {
	for {
		err := unix.Access(dir, unix.W_OK|unix.X_OK)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			return fmt.Errorf("the directory %s cannot be written to: %w", dir, err)
		}
		return nil
	}
}

// SyncDir has the names in a directory flushed to disk.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Sweep removes unfinished files that a process left when it was killed.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), Prefix) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if time.Since(info.ModTime()) < abandoned {
			continue
		}
		if err := ignoreMissing(os.Remove(filepath.Join(dir, entry.Name()))); err != nil {
			return fmt.Errorf("removing an unfinished file: %w", err)
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
