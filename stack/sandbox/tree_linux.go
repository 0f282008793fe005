package sandbox

import (
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// tree is a directory in which paths are found as a process would find them
// that has it for its root: symbolic links and ".." never lead out of it.
// (os.Root refuses absolute links, which stacks are full of.)
type tree struct {
	root *os.File
}

// openTree opens the tree below path.
func openTree(path string) (tree, error) {
	root, err := openAt(nil, path)
	return tree{root: root}, err
}

func (t tree) Close() error { return t.root.Close() }

// openAt opens what is called name in dir, without following a link and
// without touching what it is; a nil dir stands for the working directory.
func openAt(dir *os.File, name string) (*os.File, error) {
	at := unix.AT_FDCWD
	if dir != nil {
		at = int(dir.Fd())
	}
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// trail is the directories from below the root of a tree down to where a walk
// stands. The Name of each is its name in the one before.
type trail []*os.File

// cut goes back until n directories are left.
func (t *trail) cut(n int) {
	for _, dir := range (*t)[n:] {
		dir.Close()
	}
	*t = (*t)[:n]
}

// maker makes what is missing at name in the last directory of a trail. It may
// put another directory in that one's place.
type maker func(t trail, name string, dir bool) error

// maxLinks is how many symbolic links the kernel follows in one path.
const maxLinks = 40

// find opens what is at path.
func (t tree) find(path string) (*os.File, error) { return t.walk(path, true, nil) }

// walk opens what is at path and makes what is missing, unless create is nil:
// directories, and at the end a directory or, without dir, a file.
func (t tree) walk(path string, dir bool, create maker) (*os.File, error) {
	if there, ok := t.whole(path); ok {
		return there, nil
	}
	return t.byName(path, dir, create)
}

// byName is walk, one name at a time.
func (t tree) byName(path string, dir bool, create maker) (*os.File, error) {
	var at trail
	defer func() { at.cut(0) }()
	rest := strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at.cut(max(len(at)-1, 0))
			continue
		}
		next, err := t.enter(at, name, dir || len(rest) > 0, create)
		if err != nil {
			return nil, err
		}
		link, err := linkText(next)
		if err != nil {
			return nil, err
		}
		if link == "" {
			at = append(at, next)
			continue
		}
		next.Close()
		if links++; links > maxLinks {
			return nil, &fs.PathError{Op: "open", Path: path, Err: unix.ELOOP}
		}
		if strings.HasPrefix(link, "/") {
			at.cut(0)
		}
		rest = append(strings.Split(link, "/"), rest...)
	}
	if len(at) == 0 {
		return openAt(t.root, ".")
	}
	found := at[len(at)-1]
	at = at[:len(at)-1]
	return found, nil
}

// whole has the kernel walk the path, which is many times as fast as doing so name
// by name. It does not work where something is missing, and where there is no
// openat2, before Linux 5.6.
func (t tree) whole(path string) (*os.File, bool) {
	inside := strings.TrimLeft(path, "/")
	if inside == "" {
		return nil, false
	}
	fd, err := unix.Openat2(int(t.root.Fd()), inside, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, false
	}
	return os.NewFile(uintptr(fd), path), true
}

// enter opens name in the last directory of a trail.
func (t tree) enter(at trail, name string, dir bool, create maker) (*os.File, error) {
	next, err := openAt(t.last(at), name)
	if create == nil || !os.IsNotExist(err) {
		return next, err
	}
	if err := create(at, name, dir); err != nil {
		return nil, err
	}
	return openAt(t.last(at), name)
}

// last is the directory where a walk stands.
func (t tree) last(at trail) *os.File {
	if len(at) == 0 {
		return t.root
	}
	return at[len(at)-1]
}

// linkText is the text of a symbolic link, empty for everything else.
func linkText(f *os.File) (string, error) {
	info, err := stat(f)
	if err != nil || info.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", err
	}
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", text)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: f.Name(), Err: err}
	}
	return string(text[:n]), nil
}

// stat is what fstat says, which unlike os.File.Stat works without looking at
// the name.
func stat(f *os.File) (unix.Stat_t, error) {
	var info unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &info); err != nil {
		return info, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return info, nil
}

func isDir(f *os.File) (bool, error) {
	info, err := stat(f)
	return info.Mode&unix.S_IFMT == unix.S_IFDIR, err
}
