package sandbox

import (
	"errors"
	"fmt"
	"os"

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

// openNewRoot moves this machine's root to /old and begins a new one at /new:
// a directory of this machine, or one in memory if dir is empty.
func openNewRoot(dir string, remount bool) (*newRoot, error) {
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
	for _, place := range []string{oldDir, newDir, textDir} {
		if err := os.Mkdir("."+place, 0o755); err != nil {
			return nil, err
		}
	}
	if err := unix.PivotRoot(".", "."+oldDir); err != nil {
		return nil, &SetupError{Op: "changing the root filesystem", Err: err}
	}
	if err := os.Chdir("/"); err != nil {
		return nil, err
	}
	old, err := openTree(oldDir)
	if err != nil {
		return nil, err
	}
	r := &newRoot{old: old, remount: remount}
	if dir != "" {
		return r, r.beginIn(dir)
	}
	return r, r.beginInMemory()
}

// beginInMemory begins a new root that becomes read-only when all is in place.
func (r *newRoot) beginInMemory() error {
	if err := unix.Mount("tmpfs", newDir, "tmpfs", noSUID|noDev, "mode=0755"); err != nil {
		return &SetupError{Op: "mounting a filesystem in memory", Err: err}
	}
	var err error
	if r.tree, err = openTree(newDir); err != nil {
		return err
	}
	return r.seal(r.root)
}

// enter makes the new root the root, with all that is sealed read-only, and
// lets go of the old one.
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
	if s.Own {
		if err := r.claim(s); err != nil {
			return err
		}
	}
	switch s.Kind {
	case directory:
		dir, err := r.point(s.Path, true)
		if err != nil {
			return err
		}
		return dir.Close()
	case scratch:
		return r.mount("tmpfs", s.Path, noSUID|noDev, "mode=1777")
	case sealed:
		return r.mountSealed(s.Path, noSUID|noDev)
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

// seal makes the filesystem of an open directory read-only in the end.
func (r *newRoot) seal(dir *os.File) error {
	same, err := openAt(dir, ".")
	if err != nil {
		return err
	}
	r.seals = append(r.seals, same)
	return nil
}
