package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The permissions of mounts. As attributes of mount_setattr(2) and as flags of
// mount(2) they are the same numbers.
const (
	readOnly = unix.MOUNT_ATTR_RDONLY
	noSUID   = unix.MOUNT_ATTR_NOSUID
	noDev    = unix.MOUNT_ATTR_NODEV
	noExec   = unix.MOUNT_ATTR_NOEXEC
)

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

// mountSealed mounts a filesystem in memory that becomes read-only when all is
// in place.
func (r *newRoot) mountSealed(path string, flags uintptr) error {
	if err := r.mount("tmpfs", path, flags, "mode=0755"); err != nil {
		return err
	}
	dir, err := r.find(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return r.seal(dir)
}

func (r *newRoot) link(to, path string) error {
	parent, err := r.point(filepath.Dir(path), true)
	if err != nil {
		return err
	}
	defer parent.Close()
	name := filepath.Base(path)
	err = unix.Symlinkat(to, int(parent.Fd()), name)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	// A root directory has the links of the command before.
	there, openErr := openAt(parent, name)
	if openErr != nil {
		return openErr
	}
	defer there.Close()
	if text, textErr := linkText(there); textErr != nil || text != to {
		return errors.Join(err, textErr)
	}
	return nil
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
