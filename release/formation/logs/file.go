package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// The limits of a log in files.
const (
	// MaxFile is the size in bytes at which a file is closed and a new one begun.
	MaxFile = 10 << 20
	// MaxFiles is how many files there are, the current one included.
	MaxFiles = 5
)

// File is a log in files: the current one has the name, older ones have .1, .2
// and so on behind it, the oldest the greatest. A file begins and ends with
// whole lines, except where the machine went down in the middle of one.
type File struct {
	name string
	size int64
	max  int64

	mu      sync.Mutex
	current *os.File
	length  int64
	err     error
}

// Create opens a log in files for what is to follow what it has already. Only
// the user can read it: apps print what they should not.
func Create(name string) (*File, error) {
	f := &File{name: name, size: MaxFile, max: MaxFiles}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("making room for the log: %w", err)
	}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("opening the log: %w", err), file.Close())
	}
	f.current, f.length = file, info.Size()
	return nil
}

// Write adds lines. After an error it goes on to try, so that a full disk
// costs the lines of that time alone; Close returns the first one.
func (f *File) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.length > 0 && f.length+int64(len(lines)) > f.size {
		f.keep(f.rotate())
	}
	if f.current == nil {
		if err := f.open(); err != nil {
			f.keep(err)
			return 0, err
		}
	}
	n, err := f.current.Write(lines)
	f.length += int64(n)
	f.keep(err)
	return n, err
}

// keep remembers the first error.
func (f *File) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

// rotate gives every file the next number and forgets the oldest.
func (f *File) rotate() error {
	if f.current != nil {
		if err := f.current.Close(); err != nil {
			return fmt.Errorf("closing the log: %w", err)
		}
		f.current, f.length = nil, 0
	}
	for n := f.max - 1; n > 0; n-- {
		err := os.Rename(older(f.name, n-1), older(f.name, n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating the log: %w", err)
		}
	}
	return nil
}

// older is the name of a file by how old it is; that of the current one is 0.
func older(name string, n int64) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, n)
}

// Close closes the log and returns the first error that writing it had.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil {
		f.keep(f.current.Close())
		f.current = nil
	}
	return f.err
}
