package repository

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The parts of the cache, each a directory.
const (
	// releaseShelf has the InRelease files, by suite and address.
	releaseShelf = "releases"
	// listShelf has Packages files as they are uncompressed, by sha256.
	listShelf = "lists"
	// debShelf has packages, by sha256.
	debShelf = "debs"
)

// unfinished begins the names of files that are being written.
const unfinished = ".unfinished-"

// abandoned is the age from which on an unfinished file is nobody's: a download
// that is in progress writes, or gives up, much sooner.
const abandoned = time.Hour

// unused is the time after which a Packages file that nobody read is removed.
const unused = 30 * 24 * time.Hour

// shelf makes a part of the cache ready, without what was left in it.
func (r Repository) shelf(name string) (string, error) {
	dir := filepath.Join(r.Cache, name)
	if r.Offline {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("reading the cache: %w", err)
	}
	for _, entry := range entries {
		// Files of packages are many, and looking at each of them would take
		// longer than what is to be done.
		left := strings.HasPrefix(entry.Name(), unfinished)
		if !left && name != listShelf {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("reading the cache: %w", err)
		}
		age := time.Since(info.ModTime())
		if left && age < abandoned || !left && age < unused {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("removing what is left in the cache: %w", err)
		}
	}
	return dir, nil
}

// put writes a file of the cache, which appears whole or not at all.
func put(file string, fill func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), unfinished)
	if err != nil {
		return unwritten(file, err)
	}
	defer func() {
		if err == nil {
			return
		}
		if lost := os.Remove(f.Name()); !errors.Is(lost, fs.ErrNotExist) {
			err = errors.Join(err, lost)
		}
	}()
	w := &writing{to: f}
	err = fill(w)
	if w.err == nil && err == nil {
		w.err = f.Chmod(0o644)
	}
	// What the disk does not take says nothing about the archive, whatever fill
	// makes of it.
	if lost := errors.Join(w.err, f.Close()); lost != nil {
		// What is free is told without what was written in vain.
		removed := os.Remove(f.Name())
		return errors.Join(unwritten(file, lost), removed)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return unwritten(file, err)
	}
	return nil
}

// writing is a file that remembers what writing to it ended with.
type writing struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (w *writing) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.err = errors.Join(w.err, err)
	return n, err
}

// unwritten is the error for a file of the cache that could not be written.
func unwritten(file string, err error) error {
	e := &CacheError{Path: file, Err: err}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		// The name that it had while it was written is nothing to a person.
		e.Err = path.Err
	}
	var st unix.Statfs_t
	if unix.Statfs(filepath.Dir(file), &st) == nil {
		e.Free = int64(st.Bavail) * int64(st.Bsize)
	}
	return e
}

// intact tells whether a file of the cache is there and is what it should be.
func intact(file string, want content) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the cache: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("reading the cache: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() != want.size {
		return false, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, fmt.Errorf("reading the cache: %s: %w", file, err)
	}
	return hex.EncodeToString(sum.Sum(nil)) == want.sha256, nil
}
