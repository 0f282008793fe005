package extend

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// copying is a COPY or ADD at work.
type copying struct {
	context *os.Root
	owner   owner
	// mode is what --chmod says; nil where modes stay.
	mode *fs.FileMode
	// add says that archives would be unpacked.
	add bool
}

// copy copies files of the context.
func (m *machine) copy(ctx context.Context, i Instruction) (err error) {
	root, err := os.OpenRoot(m.Context)
	if err != nil {
		return fmt.Errorf("the build context: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	c := copying{context: root, add: i.Name == "ADD"}
	if err := m.copyFlags(i, &c); err != nil {
		return err
	}
	var paths []string
	for _, text := range i.paths() {
		text, err := m.expand(text)
		if err != nil {
			return err
		}
		paths = append(paths, text)
	}
	to := paths[len(paths)-1]
	intoDir := strings.HasSuffix(to, "/") || path.Base(to) == "."
	var from []string
	for _, pattern := range paths[:len(paths)-1] {
		if c.add && (strings.Contains(pattern, "://") || strings.HasPrefix(pattern, "git@")) {
			return &UnsupportedError{m.Kind, "ADD of " + pattern, i.Line}
		}
		found, err := c.find(pattern)
		if err != nil {
			return err
		}
		from = append(from, found...)
	}
	if len(from) > 1 && !intoDir {
		return fmt.Errorf("%s has several files to copy; expected a directory that ends with / as the last", i.Name)
	}
	to = m.at(to)
	sum, err := c.sum(ctx, from)
	if err != nil {
		return err
	}
	return m.once(ctx, i, sum, func() error {
		for _, source := range from {
			err := c.one(ctx, source, to, intoDir)
			if errors.Is(err, errArchive) {
				return &UnsupportedError{m.Kind, "ADD of the archive " + source, i.Line}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// sum is the sha256 of all that would be copied.
func (c copying) sum(ctx context.Context, from []string) (string, error) {
	sum := sha256.New()
	for _, source := range from {
		err := fs.WalkDir(c.context.FS(), source, func(name string, entry fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			link := ""
			if info.Mode()&fs.ModeSymlink != 0 {
				link, err = c.context.Readlink(name)
			}
			fmt.Fprintf(sum, "%q %v %d %q\n", name, info.Mode(), info.Size(), link)
			if err != nil || !info.Mode().IsRegular() {
				return err
			}
			file, err := c.context.Open(name)
			if err != nil {
				return err
			}
			_, err = io.Copy(sum, file)
			return errors.Join(err, file.Close())
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// copyFlags reads owner and mode.
func (m *machine) copyFlags(i Instruction, c *copying) error {
	for _, flag := range i.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		value, err := m.expand(value)
		if err != nil {
			return err
		}
		switch name {
		case "chown":
			if c.owner, err = ownerOf(value); err != nil {
				return err
			}
		case "chmod":
			const octal = 8
			bits, err := strconv.ParseUint(value, octal, 12)
			if err != nil {
				return fmt.Errorf("--chmod=%s: expected an octal number, such as 0755", value)
			}
			mode := modeOf(uint32(bits))
			c.mode = &mode
		}
	}
	return nil
}

// modeOf is a mode as chmod(1) has it.
func modeOf(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits) & fs.ModePerm
	for bit, special := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if bits&bit != 0 {
			mode |= special
		}
	}
	return mode
}

// find are the files of the context that a pattern names.
func (c copying) find(pattern string) ([]string, error) {
	clean := path.Clean(strings.TrimLeft(pattern, "/"))
	if clean == "" || pattern == "/" {
		clean = "."
	}
	if !filepath.IsLocal(clean) {
		return nil, fmt.Errorf("%s is outside of the build context %s", pattern, c.context.Name())
	}
	found := []string{clean}
	if strings.ContainsAny(clean, "*?[") {
		var err error
		if found, err = fs.Glob(c.context.FS(), clean); err != nil {
			return nil, fmt.Errorf("the pattern %s: %w", pattern, err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("nothing in the build context %s matches %s", c.context.Name(), pattern)
	}
	slices.Sort(found)
	return found, nil
}

// one copies a file, or what is in a directory.
func (c copying) one(ctx context.Context, from, to string, intoDir bool) error {
	info, err := c.context.Stat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if there, err := os.Stat(to); intoDir || err == nil && there.IsDir() {
			to = filepath.Join(to, path.Base(from))
		}
		if err := makeDirs(filepath.Dir(to), c.owner); err != nil {
			return err
		}
		return c.file(from, to, info)
	}
	if err := makeDirs(to, c.owner); err != nil {
		return err
	}
	return fs.WalkDir(c.context.FS(), from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == from {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return c.entry(name, filepath.Join(to, below), info)
	})
}

// entry copies something that is in a directory.
func (c copying) entry(from, to string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return c.settle(to, info.Mode())
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := c.context.Readlink(from)
		if err == nil {
			err = removeFile(to)
		}
		if err == nil {
			err = os.Symlink(target, to)
		}
		if err == nil {
			err = os.Lchown(to, c.owner.uid, c.owner.gid)
		}
		return err
	case info.Mode().IsRegular():
		return c.file(from, to, info)
	}
	return fmt.Errorf("%s is neither a file, nor a directory or a link", from)
}

// errArchive says that ADD would unpack a file.
var errArchive = errors.New("it is an archive")

// file copies a file. One that is there makes way.
func (c copying) file(from, to string, info fs.FileInfo) (err error) {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file, nor a directory or a link", from)
	}
	source, err := c.context.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if c.add && isArchive(source) {
		return errArchive
	}
	if err := removeFile(to); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err = errors.Join(err, target.Close()); err != nil {
		return err
	}
	return c.settle(to, info.Mode())
}

// settle gives a file its owner and its mode, in that order: a new owner takes
// set-user-ID bits away.
func (c copying) settle(file string, mode fs.FileMode) error {
	if c.mode != nil {
		mode = *c.mode
	}
	return errors.Join(os.Lchown(file, c.owner.uid, c.owner.gid), os.Chmod(file, mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)))
}

// removeFile removes what is in the way of a file.
func removeFile(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeDirs makes a directory and those above it that are not there, for an owner.
func makeDirs(dir string, of owner) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is there and is not a directory", dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeDirs(filepath.Dir(dir), of); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(os.Lchown(dir, of.uid, of.gid), os.Chmod(dir, 0o755))
}

// isArchive reports whether a file begins like one that ADD unpacks: a tar archive,
// or one that gzip, bzip2, xz or zstd compressed.
func isArchive(r io.ReaderAt) bool {
	const tarMagic = 257
	for _, form := range []struct {
		at    int64
		magic string
	}{{0, "\x1f\x8b"}, {0, "BZh"}, {0, "\xfd7zXZ\x00"}, {0, "\x28\xb5\x2f\xfd"}, {tarMagic, "ustar"}} {
		begin := make([]byte, len(form.magic))
		if _, err := r.ReadAt(begin, form.at); err == nil && bytes.Equal(begin, []byte(form.magic)) {
			return true
		}
	}
	return false
}
