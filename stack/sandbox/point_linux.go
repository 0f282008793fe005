package sandbox

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// point opens the place at path, as a process inside would find it, and makes
// what is missing.
func (r *newRoot) point(path string, dir bool) (*os.File, error) {
	return r.walk(path, dir, r.create)
}

// create makes a directory or an empty file in the last directory of a trail
// and gives it to the user of the sandbox, who has to be able to delete it
// where it lies in a directory that the target may write.
func (r *newRoot) create(at trail, name string, dir bool) error {
	err := makeIn(r.last(at), name, dir)
	if !errors.Is(err, unix.EROFS) || len(at) == 0 {
		return err
	}
	if err := r.spread(at); err != nil {
		return err
	}
	return makeIn(r.last(at), name, dir)
}

func makeIn(parent *os.File, name string, dir bool) error {
	at := int(parent.Fd())
	var err error
	if dir {
		err = unix.Mkdirat(at, name, 0o755)
	} else {
		err = unix.Mknodat(at, name, unix.S_IFREG|0o644, 0)
	}
	if errors.Is(err, unix.EEXIST) {
		// Another sandbox with the same directory was faster.
		return nil
	}
	if err == nil {
		err = unix.Fchownat(at, name, UID, GID, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return nil
}

// spread puts, in the place of the read-only directory at the end of a trail,
// one in which something can be made: a filesystem in memory in which every
// entry of the directory is shown.
func (r *newRoot) spread(at trail) error {
	shown := at[len(at)-1]
	if err := unix.Mount("tmpfs", handle(shown), "tmpfs", noSUID|noDev, "mode=0755"); err != nil {
		return err
	}
	// The name leads to what is mounted there now, the descriptor to what was
	// there before.
	fresh, err := openAt(r.last(at[:len(at)-1]), shown.Name())
	if err != nil {
		return err
	}
	at[len(at)-1] = fresh
	defer shown.Close()
	if err := r.seal(fresh); err != nil {
		return err
	}
	listing, err := os.Open(handle(shown))
	if err != nil {
		return err
	}
	defer listing.Close()
	entries, err := listing.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := showIn(fresh, shown, e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// showIn shows the entry of one directory in another one that is empty.
func showIn(to, from *os.File, name string) error {
	entry, err := openAt(from, name)
	if err != nil {
		return err
	}
	defer entry.Close()
	text, err := linkText(entry)
	if err != nil {
		return err
	}
	if text != "" {
		return unix.Symlinkat(text, int(to.Fd()), name)
	}
	dir, err := isDir(entry)
	if err != nil {
		return err
	}
	if err := makeIn(to, name, dir); err != nil {
		return err
	}
	place, err := openAt(to, name)
	if err != nil {
		return err
	}
	defer place.Close()
	return unix.Mount(handle(entry), handle(place), "", unix.MS_BIND|unix.MS_REC, "")
}
