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
	store         Store
	definition    stack.Definition
	variant, arch string
	dir           string
}

// path is the directory of the root filesystem of a digest.
func (p place) path(digest string) string {
	return filepath.Join(p.dir, madeDir, strings.TrimPrefix(digest, algorithm))
}

// ready makes the directories of the place. What is superseded is moved out of
// one of them and removed, so that it must not lead elsewhere.
func (p place) ready() error {
	dir := filepath.Join(p.dir, madeDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is a link; expected a directory", dir)
	}
	return err
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

// keep opens one to go on with, unless it was changed.
func (p place) keep(digest string) (Made, error) {
	m, err := p.open(digest)
	if err != nil {
		return Made{}, err
	}
	if err := m.unchanged(); err != nil {
		if errors.Is(err, errChanged) {
			p.store.warn(fmt.Errorf("the stack %s (%s, %s) has to be made anew: %w", p.definition.ID, p.variant, p.arch, err))
		}
		return Made{}, errors.Join(err, m.Close())
	}
	return m, nil
}

// list reads all of them, the current one first.
func (p place) list() ([]Made, error) {
	current, err := p.current()
	if errors.Is(err, errNoDigest) {
		p.store.warn(err)
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
		if _, gone := os.Lstat(filepath.Join(p.dir, madeDir, entry.Name())); errors.Is(gone, fs.ErrNotExist) {
			// Another process put it away meanwhile.
			continue
		}
		if err != nil {
			p.store.warn(err)
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
