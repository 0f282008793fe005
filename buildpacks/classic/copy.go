package classic

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// copyTree copies a buildpack to an empty directory, which is made if it is
// missing: what is in it, links as they are, but not the repository that it
// came from. Everybody may read the copy, and run what is below its bin.
func copyTree(from, to string) (err error) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer target.Close()
	return fs.WalkDir(source.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case name == ".git" && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir():
			return target.Mkdir(filepath.FromSlash(name), 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			text, err := source.Readlink(name)
			if err != nil {
				return err
			}
			return target.Symlink(text, name)
		case entry.Type().IsRegular():
			return copyFile(source, target, name)
		}
		return nil // sockets and the like are no part of a buildpack
	})
}

func copyFile(source, target *os.Root, name string) (err error) {
	in, err := source.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 || strings.HasPrefix(name, "bin/") {
		mode = 0o755
	}
	out, err := target.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Chmod(mode)
}
