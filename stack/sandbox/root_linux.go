package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// newRoot is the root filesystem in the making. While it is made, the root of
// the set-up stage is a small filesystem with three directories: the root of
// this machine at /old, the new one at /new, and texts, from where files of
// our own are shown.
type newRoot struct {
	tree
	old tree
	// remount makes mounts read-only in the way of kernels before 5.12.
	remount bool
	// seals are the filesystems that become read-only when all is in place.
	seals []*os.File
	texts int
}

const (
	oldDir  = "/old"
	newDir  = "/new"
	textDir = "/texts"
)

// The permissions of mounts. As attributes of mount_setattr(2) and as flags of
// mount(2) they are the same numbers.
const (
	readOnly = unix.MOUNT_ATTR_RDONLY
	noSUID   = unix.MOUNT_ATTR_NOSUID
	noDev    = unix.MOUNT_ATTR_NODEV
	noExec   = unix.MOUNT_ATTR_NOEXEC
)

// openNewRoot moves this machine's root to /old and begins a new one at /new.
func openNewRoot(remount bool) (*newRoot, error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, &SetupError{Op: "keeping mounts private", Err: err}
	}
	// Any directory would do for a moment; /proc is there on every machine.
	const base = "/proc"
	if err := unix.Mount("tmpfs", base, "tmpfs", noSUID|noDev, "mode=0755"); err != nil {
		return nil, &SetupError{Op: "mounting a filesystem in memory", Err: err}
	}
	if err := os.Chdir(base); err != nil {
		return nil, err
	}
	for _, dir := range []string{oldDir, newDir, textDir} {
		if err := os.Mkdir("."+dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := unix.PivotRoot(".", "."+oldDir); err != nil {
		return nil, &SetupError{Op: "changing the root filesystem", Err: err}
	}
	if err := os.Chdir("/"); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", newDir, "tmpfs", noSUID|noDev, "mode=0755"); err != nil {
		return nil, &SetupError{Op: "mounting a filesystem in memory", Err: err}
	}
	old, err := openTree(oldDir)
	if err != nil {
		return nil, err
	}
	top, err := openTree(newDir)
	if err != nil {
		return nil, err
	}
	r := &newRoot{tree: top, old: old, remount: remount}
	return r, r.seal(top.root)
}

// enter makes the new root the root, read-only, and lets go of the old one.
func (r *newRoot) enter() error {
	for _, f := range r.seals {
		if err := r.restrict(f, readOnly, 0); err != nil {
			return err
		}
	}
	if err := os.Chdir(newDir); err != nil {
		return err
	}
	// The old root ends up on top of the new one, from where it is taken off
	// (pivot_root(2), NOTES).
	if err := unix.PivotRoot(".", "."); err != nil {
		return &SetupError{Op: "changing the root filesystem", Err: err}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return &SetupError{Op: "leaving the root filesystem of this machine", Err: err}
	}
	return os.Chdir("/")
}

// do carries out a step.
func (r *newRoot) do(s step) error {
	op := "making"
	if s.Kind == bind {
		op = "showing " + s.Source + " at"
	}
	return setupError(op, s.Path, r.try(s))
}

// setupError says what was being done when err happened, unless err does.
func setupError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*SetupError](err); ok {
		return known
	}
	return &SetupError{Op: op, Path: path, Err: err}
}

func (r *newRoot) try(s step) error {
	switch s.Kind {
	case directory:
		dir, err := r.point(s.Path, true)
		if err != nil {
			return err
		}
		return dir.Close()
	case scratch:
		return r.mount("tmpfs", s.Path, noSUID|noDev, "mode=1777")
	case link:
		return r.link(s.Text, s.Path)
	case text:
		return r.text(s.Text, s.Path)
	case bind:
		attrs := uint64(noSUID | noDev)
		if !s.Writable {
			attrs |= readOnly
		}
		return r.bindOld(s.Source, s.Path, attrs)
	}
	return fmt.Errorf("no step of kind %d", s.Kind)
}

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

// seal makes the filesystem of an open directory read-only in the end.
func (r *newRoot) seal(dir *os.File) error {
	same, err := openAt(dir, ".")
	if err != nil {
		return err
	}
	r.seals = append(r.seals, same)
	return nil
}

// What is being done when a filesystem of the kernel is mounted.
const (
	opMount     = "mounting "
	opMountProc = opMount + "proc at"
)

// mount mounts a new filesystem of the kernel.
func (r *newRoot) mount(kind, path string, flags uintptr, data string) error {
	place, err := r.point(path, true)
	if err != nil {
		return err
	}
	defer place.Close()
	if err := unix.Mount(kind, handle(place), kind, flags, data); err != nil {
		return &SetupError{Op: opMount + kind + " at", Path: path, Err: err}
	}
	return nil
}

func (r *newRoot) link(to, path string) error {
	parent, err := r.point(filepath.Dir(path), true)
	if err != nil {
		return err
	}
	defer parent.Close()
	return unix.Symlinkat(to, int(parent.Fd()), filepath.Base(path))
}

// text shows a file of our own.
func (r *newRoot) text(content, path string) error {
	r.texts++
	name := filepath.Join(textDir, strconv.Itoa(r.texts))
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		return err
	}
	source, err := openAt(nil, name)
	if err != nil {
		return err
	}
	defer source.Close()
	return r.bind(source, path, readOnly|noSUID|noDev|noExec)
}

// bindOld shows a file or directory of this machine.
func (r *newRoot) bindOld(source, path string, attrs uint64) error {
	from, err := r.old.find(source)
	if err != nil {
		return err
	}
	defer from.Close()
	return r.bind(from, path, attrs)
}

// bind shows what source is open on, with all that is mounted below it.
func (r *newRoot) bind(source *os.File, path string, attrs uint64) error {
	dir, err := isDir(source)
	if err != nil {
		return err
	}
	place, err := r.point(path, dir)
	if err != nil {
		return err
	}
	defer place.Close()
	if err := unix.Mount(handle(source), handle(place), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	mounted, err := r.point(path, dir)
	if err != nil {
		return err
	}
	defer mounted.Close()
	return r.restrict(mounted, attrs, unix.AT_RECURSIVE)
}

// restrict adds permissions to a mount, and with AT_RECURSIVE to all below it.
func (r *newRoot) restrict(mounted *os.File, attrs uint64, recursive uint) error {
	if !r.remount {
		err := unix.MountSetattr(int(mounted.Fd()), "", unix.AT_EMPTY_PATH|recursive, &unix.MountAttr{Attr_set: attrs})
		if !errors.Is(err, unix.ENOSYS) {
			return err
		}
	}
	return remount(mounted, attrs, recursive != 0)
}

// handle is a path to what a descriptor is open on, whatever names mean by now.
func handle(f *os.File) string {
	return filepath.Join(oldDir, fmt.Sprintf("proc/self/fd/%d", f.Fd()))
}
