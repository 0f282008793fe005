package formation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/sandbox"
)

// copyApp copies a directory of a root filesystem, which is not trusted: no link in
// it leads out of it. A directory below it that is to be shown is made, and stays
// empty.
func copyApp(ctx context.Context, root, app, shown, to string) error {
	all, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer all.Close()
	from, err := all.OpenRoot(strings.TrimPrefix(app, "/"))
	if err != nil {
		return err
	}
	defer from.Close()
	skip, err := below(all, app, shown)
	if err != nil {
		return err
	}
	type dated struct {
		name string
		info fs.FileInfo
	}
	var dirs []dated
	err = fs.WalkDir(from.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		switch {
		case info.IsDir():
			if err := os.Mkdir(target, 0o700); err != nil {
				return err
			}
			dirs = append(dirs, dated{target, info})
			if name == skip {
				return fs.SkipDir
			}
			return nil
		case info.Mode()&fs.ModeSymlink != 0:
			leads, err := from.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(leads, target)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file nor a directory", path.Join(app, name))
		}
		return copyFile(from, name, target, info)
	})
	// A directory may be one that nobody may write, and changes with what is put into it.
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		err = stamp(dirs[i].name, dirs[i].info)
	}
	return err
}

// below is the directory that is shown, relative to the app; empty where there is
// none.
func below(root *os.Root, app, shown string) (string, error) {
	if shown == "" {
		return "", nil
	}
	// As it is bound by its name, no part of that may be a link.
	for dir := shown; dir != "/"; dir = path.Dir(dir) {
		info, err := root.Lstat(strings.TrimPrefix(dir, "/"))
		if err != nil {
			return "", err
		}
		if !info.IsDir() {
			return "", fmt.Errorf("%s is not a directory", dir)
		}
	}
	return strings.TrimPrefix(shown, app+"/"), nil
}

// copyFile copies a file, which shares its blocks with the original where the file
// system can do that.
func copyFile(from *os.Root, name, target string, info fs.FileInfo) (err error) {
	defer sandbox.HoldForks(info.Mode())()
	source, err := from.Open(name)
	if err != nil {
		return err
	}
	defer source.Close()
	to, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if unix.IoctlFileClone(int(to.Fd()), int(source.Fd())) != nil {
		_, err = io.Copy(to, source)
	}
	return errors.Join(err, to.Close(), stamp(target, info))
}

// stamp gives a copy the permissions and the time of its original: interpreters
// compare times with those of what they have compiled.
func stamp(name string, info fs.FileInfo) error {
	return errors.Join(os.Chmod(name, info.Mode().Perm()), os.Chtimes(name, time.Time{}, info.ModTime()))
}
