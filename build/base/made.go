package base

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
)

// Names in the directory of a root filesystem.
const (
	rootDir        = "root"
	attributesFile = "attributes.json"
	leaseFile      = "lease"
	imageDir       = "image"
)

// Made is a root filesystem that was made.
type Made struct {
	Definition    stack.Definition
	Variant, Arch string
	// Digest is that of its packages, "sha256:<hex>".
	Digest string
	// Dir is its directory, and Root the directory in it that is the root
	// filesystem.
	Dir, Root string
	// Lock has its packages, with their versions and checksums.
	Lock debian.LockedImage
	// Made is when it was made, or found to be of the newest packages still.
	Made time.Time
	// Superseded says that another one is the current one.
	Superseded bool
	// lease keeps it from being removed.
	lease *os.File
}

// Close says that the root filesystem is no longer used. The process that ends
// says the same.
func (m Made) Close() error {
	if m.lease == nil {
		return nil
	}
	return m.lease.Close()
}

// Stack is the root filesystem as builds and processes take it.
func (m Made) Stack() stack.Stack {
	return stack.Stack{ID: m.Definition.ID, Root: m.Root, Target: m.Definition.Target(m.Arch)}
}

// Attributes are those of the files of the root filesystem.
func (m Made) Attributes() (stack.Attributes, error) {
	data, err := os.ReadFile(filepath.Join(m.Dir, attributesFile))
	if err != nil {
		return nil, err
	}
	var attributes stack.Attributes
	if err := json.Unmarshal(data, &attributes); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(m.Dir, attributesFile), err)
	}
	return attributes, nil
}

// Usage is the number of bytes that it takes on disk, with its image. What
// others remove meanwhile, or keep to themselves, is not counted.
func (m Made) Usage(ctx context.Context) (int64, error) {
	var total int64
	seen := map[uint64]bool{}
	err := filepath.WalkDir(m.Dir, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var info fs.FileInfo
		if err == nil {
			info, err = entry.Info()
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s: its size on disk is not known", path)
		}
		if !seen[st.Ino] {
			seen[st.Ino] = true
			total += st.Blocks * 512
		}
		return nil
	})
	return total, err
}

// read reads what is said about a root filesystem, and makes sure that it is
// the one of the digest.
func (p place) read(digest string) (Made, error) {
	dir := p.path(digest)
	lock, err := debian.ReadLock(filepath.Join(dir, debian.LockFile))
	if err != nil {
		return Made{}, err
	}
	image, err := lock.Image(p.arch)
	if err != nil {
		return Made{}, err
	}
	is, err := image.Digest(p.definition, p.variant)
	if err != nil {
		return Made{}, err
	}
	if is != digest {
		return Made{}, fmt.Errorf("%s is now made in another way", dir)
	}
	m := Made{
		Definition: p.definition, Variant: p.variant, Arch: p.arch, Digest: digest,
		Dir: dir, Root: filepath.Join(dir, rootDir), Lock: image, Superseded: true,
	}
	for _, name := range []string{rootDir, leaseFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return Made{}, err
		}
	}
	if _, err := m.Attributes(); err != nil {
		return Made{}, err
	}
	return m, p.date(&m)
}

// date says when a root filesystem was made, or confirmed.
func (p place) date(m *Made) error {
	file := filepath.Join(m.Dir, debian.LockFile)
	if !m.Superseded {
		file = filepath.Join(p.dir, currentFile)
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	m.Made = info.ModTime()
	return nil
}
