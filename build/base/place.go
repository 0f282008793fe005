package base

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// Names in the place of a variant.
const (
	currentFile = "current"
	madeDir     = "made"
	newPrefix   = "new-"
	oldPrefix   = "old-"
)

// algorithm begins a digest.
const algorithm = "sha256:"

// place is where the root filesystems of a variant of a stack are.
type place struct {
	shelf         Shelf
	definition    stack.Definition
	variant, arch string
	dir           string
}

// path is the directory of the root filesystem of a digest.
func (p place) path(digest string) string {
	return filepath.Join(p.dir, madeDir, strings.TrimPrefix(digest, algorithm))
}

// errNoDigest says that what should name the current one names nothing.
var errNoDigest = errors.New("expected a digest, sha256:HEX")

// current is the digest of the one that counts, empty if there is none. An
// error may be errNoDigest.
func (p place) current() (string, error) {
	data, err := os.ReadFile(filepath.Join(p.dir, currentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	digest := strings.TrimSpace(string(data))
	hex, found := strings.CutPrefix(digest, algorithm)
	if !found || hex == "" || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", fmt.Errorf("reading %s: %w", filepath.Join(p.dir, currentFile), errNoDigest)
	}
	return digest, nil
}

// publish makes a root filesystem the current one.
func (p place) publish(digest string) error {
	err := beside.Write(p.dir, filepath.Join(p.dir, currentFile), func(f *os.File) error {
		_, err := f.WriteString(digest + "\n")
		return err
	})
	if err != nil {
		return err
	}
	return beside.SyncDir(p.dir)
}

// find opens the current one, if there is one that can be read; damaged hears
// why one cannot. While it looks, another process may make a new one current and
// remove what was.
func (p place) find(damaged func(error)) (Made, bool, error) {
	for last := ""; ; {
		digest, err := p.current()
		if errors.Is(err, errNoDigest) {
			damaged(err)
			return Made{}, false, nil
		}
		if err != nil || digest == "" {
			return Made{}, false, err
		}
		m, err := p.open(digest)
		if err == nil {
			m.Superseded = false
			return m, true, p.date(&m)
		}
		if digest == last {
			damaged(err)
			return Made{}, false, nil
		}
		last = digest
	}
}

// open takes a lease of a root filesystem.
func (p place) open(digest string) (Made, error) {
	lease, err := p.lease(digest)
	if err != nil {
		return Made{}, err
	}
	m, err := p.read(digest)
	if err != nil {
		return Made{}, errors.Join(err, lease.Close())
	}
	m.lease = lease
	return m, nil
}

// list reads all of them, the current one first.
func (p place) list() ([]Made, error) {
	current, err := p.current()
	if errors.Is(err, errNoDigest) {
		p.shelf.warn(err)
	} else if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(p.dir, madeDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Made
	for _, entry := range entries {
		m, err := p.read(algorithm + entry.Name())
		if err != nil {
			p.shelf.warn(err)
			continue
		}
		if m.Digest != current {
			all = append(all, m)
			continue
		}
		m.Superseded = false
		if err := p.date(&m); err != nil {
			return nil, err
		}
		all = slices.Insert(all, 0, m)
	}
	return all, nil
}

// retire removes those that are superseded and that nobody uses.
func (p place) retire(current string) error {
	entries, err := os.ReadDir(filepath.Join(p.dir, madeDir))
	if err != nil {
		return err
	}
	var trouble []error
	for _, entry := range entries {
		dir := filepath.Join(p.dir, madeDir, entry.Name())
		if dir == p.path(current) {
			continue
		}
		release, claimed, err := claim(dir)
		if err != nil || !claimed {
			trouble = append(trouble, err)
			continue
		}
		trouble = append(trouble, p.putAway(dir), release())
	}
	return errors.Join(append(trouble, p.sweep())...)
}

// putAway takes the name from a root filesystem, so that nobody finds it any
// more. Sweep removes it when nobody uses it.
func (p place) putAway(dir string) error {
	away, err := os.MkdirTemp(p.dir, oldPrefix)
	if err != nil {
		return err
	}
	err = os.Rename(dir, filepath.Join(away, filepath.Base(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(away)
	}
	return err
}

// sweep removes what was put away and what was never finished. The place is
// locked, so nobody is at work on it.
func (p place) sweep() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	trouble := []error{beside.Sweep(p.dir)}
	for _, entry := range entries {
		dir := filepath.Join(p.dir, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), newPrefix):
			trouble = append(trouble, removeTree(dir))
		case strings.HasPrefix(entry.Name(), oldPrefix):
			trouble = append(trouble, removeOld(dir))
		}
	}
	return errors.Join(trouble...)
}

// removeOld removes a root filesystem that was put away unless it is in use.
func removeOld(away string) error {
	entries, err := os.ReadDir(away)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		release, claimed, err := claim(filepath.Join(away, entry.Name()))
		if err != nil || !claimed {
			return err
		}
		if err := release(); err != nil {
			return err
		}
	}
	return removeTree(away)
}

// removeTree removes a tree whose directories may be closed to their owner.
func removeTree(dir string) error {
	if err := sandbox.Remove(dir); err != nil {
		return fmt.Errorf("removing %s: %w", dir, err)
	}
	return nil
}
