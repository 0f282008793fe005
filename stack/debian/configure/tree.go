package configure

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/slugc/slugc/stack"
)

// maxLinks is how many symbolic links lead to one file at most, as in Linux.
const maxLinks = 40

// maxFile bounds what is read of one file of a package, in bytes. The largest
// that is read whole is a list of checksums.
const maxFile = 64 << 20

// tree is a root filesystem seen as a process inside would see it: a link to
// an absolute path leads to that path below the root. Names may start with a
// slash or not. It is written through an os.Root, so that no link of a package
// leads out.
type tree struct {
	root       *os.Root
	attributes stack.Attributes
}

func newTree(root *os.Root, attributes stack.Attributes) tree {
	t := tree{root: root, attributes: stack.Attributes{}}
	maps.Copy(t.attributes, attributes)
	return t
}

// place is where a name leads to below the root, with every link followed on
// the way, and a link at the end if follow is true. What does not exist leads
// where it would be.
func (t tree) place(name string, follow bool) (string, error) {
	pending := strings.Split(path.Clean("/"+name), "/")
	at := "."
	for links := 0; len(pending) > 0; {
		next := pending[0]
		pending = pending[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		here := path.Join(at, next)
		if len(pending) == 0 && !follow {
			return here, nil
		}
		info, err := t.root.Lstat(here)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
			at = here
			continue
		case err != nil:
			return "", err
		case info.Mode()&fs.ModeSymlink == 0:
			at = here
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("too many symbolic links on the way to /%s", strings.TrimPrefix(name, "/"))
		}
		target, err := t.root.Readlink(here)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			at = "."
		}
		pending = append(strings.Split(target, "/"), pending...)
	}
	return at, nil
}

// stat tells about what a name leads to.
func (t tree) stat(name string) (fs.FileInfo, error) {
	place, err := t.place(name, true)
	if err != nil {
		return nil, err
	}
	return t.root.Lstat(place)
}

// exists tells whether a name leads to something.
func (t tree) exists(name string) (bool, error) {
	_, err := t.stat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	return err == nil, err
}

// open opens a regular file. Whatever else a package may have put there, such
// as a FIFO, is not waited for.
func (t tree) open(name string) (*os.File, error) {
	place, err := t.place(name, true)
	if err != nil {
		return nil, err
	}
	info, err := t.root.Lstat(place)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("/%s: expected a regular file", place)
	}
	return t.root.Open(place)
}

// read returns a regular file.
func (t tree) read(name string) ([]byte, error) {
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("/%s: larger than %d bytes", strings.TrimPrefix(name, "/"), maxFile)
	}
	return data, nil
}

// readIf is read, with found false where there is no such file.
func (t tree) readIf(name string) (data []byte, found bool, err error) {
	data, err = t.read(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// list returns the entries of a directory by name; none where there is none.
func (t tree) list(name string) ([]fs.DirEntry, error) {
	place, err := t.place(name, true)
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(t.root.FS(), place)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	return entries, err
}

// directory makes a directory of root with a mode, and those above it. One that
// exists becomes root's with that mode.
func (t tree) directory(name string, mode fs.FileMode) error {
	place, err := t.place(name, true)
	if err != nil {
		return err
	}
	if err := t.parents(path.Dir(place)); err != nil {
		return err
	}
	if err := t.root.Mkdir(place, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := t.root.Lstat(place)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("/%s: expected a directory", place)
	}
	if err := t.root.Chmod(place, mode.Perm()); err != nil {
		return err
	}
	delete(t.attributes, place)
	if mode != mode.Perm() {
		t.attributes[place] = stack.Attribute{Mode: mode}
	}
	return nil
}

// parents makes directories whatever the umask.
func (t tree) parents(place string) error {
	if place == "." {
		return nil
	}
	if info, err := t.root.Lstat(place); err == nil && info.IsDir() {
		return nil
	}
	if err := t.parents(path.Dir(place)); err != nil {
		return err
	}
	if err := t.root.Mkdir(place, 0o755); err != nil {
		return err
	}
	return t.root.Chmod(place, 0o755)
}

// own gives a file or directory to somebody.
func (t tree) own(name string, uid, gid int, mode fs.FileMode) error {
	place, err := t.place(name, true)
	if err != nil {
		return err
	}
	t.attributes[place] = stack.Attribute{UID: uid, GID: gid, Mode: mode}
	return nil
}

// write makes a file. It replaces one that exists and never writes through a
// link.
func (t tree) write(name string, data []byte, mode fs.FileMode) (err error) {
	place, err := t.clear(name)
	if err != nil {
		return err
	}
	f, err := t.root.OpenFile(place, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Chmod(mode.Perm())
}

// link makes a symbolic link in place of what is there.
func (t tree) link(name, target string) error {
	place, err := t.clear(name)
	if err != nil {
		return err
	}
	return t.root.Symlink(target, place)
}

// clear removes the file or link of a name, makes the directories above it, and
// returns where it is.
func (t tree) clear(name string) (string, error) {
	dir, err := t.place(path.Dir(path.Clean("/"+name)), true)
	if err != nil {
		return "", err
	}
	if err := t.parents(dir); err != nil {
		return "", err
	}
	place := path.Join(dir, path.Base(name))
	info, err := t.root.Lstat(place)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place, nil
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("/%s: expected a file or nothing, found a directory", place)
	}
	delete(t.attributes, place)
	return place, t.root.Remove(place)
}

// copyNew copies a file to where there is none yet; without the file it does
// nothing.
func (t tree) copyNew(from, to string) error {
	if found, err := t.exists(to); err != nil || found {
		return err
	}
	data, found, err := t.readIf(from)
	if err != nil || !found {
		return err
	}
	return t.write(to, data, 0o644)
}

// writeNew writes a file where there is none yet.
func (t tree) writeNew(name, text string) error {
	if found, err := t.exists(name); err != nil || found {
		return err
	}
	return t.write(name, []byte(text), 0o644)
}
