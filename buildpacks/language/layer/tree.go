package layer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Move moves a file or tree. Layers and app may lie on different volumes, where
// it is copied; the symbolic links in it are copied as they are.
func Move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	if err := CopyTree(from, to, CopyFile, nil); err != nil {
		return err
	}
	return os.RemoveAll(from)
}

// CopyTree copies a tree, files by the given function. Skip leaves out what it
// says, by the path below the tree.
func CopyTree(from, to string, file func(from, to string, mode fs.FileMode) error, skip func(rel string) bool) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if skip != nil && skip(rel) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		target := filepath.Join(to, rel)
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case entry.IsDir():
			info, err := entry.Info()
			if err != nil {
				return err
			}
			// Without the owner's right to write nothing could be put in.
			return os.Mkdir(target, info.Mode().Perm()|0o700)
		case entry.Type().IsRegular():
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return file(path, target, info.Mode().Perm())
		}
		// Sockets and pipes that a script left behind.
		return nil
	})
}

// CopyFile copies a file to a name that does not exist.
func CopyFile(from, to string, mode fs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// LinkFile makes a second name for a file, or a copy where the file system has
// no second names.
func LinkFile(from, to string, mode fs.FileMode) error {
	if err := os.Link(from, to); err != nil {
		return CopyFile(from, to, mode)
	}
	return nil
}

// Within tells whether a path is a directory or lies in it.
func Within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// PointAt makes a relative symbolic link at a path, in the place of what is
// there if that is a link too. A link that is right is left alone.
func PointAt(target, path string) error {
	rel, err := filepath.Rel(filepath.Dir(path), target)
	if err != nil {
		return err
	}
	old, err := os.Readlink(path)
	switch {
	case err == nil && old == rel:
		return nil
	case err == nil:
		if err := os.Remove(path); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is in the way: %w", path, err)
	}
	return os.Symlink(rel, path)
}

// ChangedSince tells whether anything in a tree was written, added or removed
// since a marker file was made in the same file system. Skip leaves out trees.
func ChangedSince(marker os.FileInfo, dir string, skip func(rel string) bool) (bool, error) {
	since := ChangeTime(marker)
	changed := false
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if skip != nil && skip(rel) {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if ChangeTime(info) >= since {
			changed = true
			return fs.SkipAll
		}
		return nil
	})
	return changed, err
}

// ChangeTime is when a file's content or attributes changed last, in
// nanoseconds. Unlike the time of modification no program can set it back.
func ChangeTime(info os.FileInfo) int64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.ModTime().UnixNano()
	}
	return stat.Ctim.Nano()
}
