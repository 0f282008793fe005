package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ordinary are the places that stay ordinary directories of Command.Root where
// it has them, whatever the stack has there: as mount points they could be
// neither removed nor replaced, and nothing could be moved or linked from one
// to another.
var ordinary = []string{"app", "cache", "tmp"}

// rootOf is the absolute form of c.Root, empty when there is none.
func rootOf(c Command) (string, error) {
	if c.Root == "" {
		return "", nil
	}
	root, err := resolve(c.Root)
	if err != nil {
		return "", fmt.Errorf("opening the root directory: %w", err)
	}
	var info unix.Stat_t
	err = unix.Stat(root, &info)
	if err == nil && info.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		return "", fmt.Errorf("opening the root directory %s: %w", root, err)
	}
	// It is also what keeps set-up from directories that somebody needs.
	if uid, _ := Owner(); int(info.Uid) != uid {
		return "", fmt.Errorf("the root directory %s belongs to user %d: hand it to user %d with sandbox.Give",
			root, info.Uid, uid)
	}
	from := "/"
	if c.Stack.Root != "" {
		if from, err = resolve(c.Stack.Root); err != nil {
			return "", fmt.Errorf("opening the root filesystem of the stack: %w", err)
		}
	}
	// Set-up changes the root directory and nobody changes the stack.
	if strings.HasPrefix(from+"/", strings.TrimSuffix(root, "/")+"/") {
		return "", fmt.Errorf("the root directory %s holds the stack %s: make it a fresh directory", root, from)
	}
	return root, nil
}

// resolve is the absolute form of a path without links.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// inRoot is the steps of a stack in a root directory of this machine. Whoever
// may write that may replace what lies in it, mount points excepted: so every
// place of the stack becomes one, except for links, and what is missing at the
// top is made in memory. Then all that stays on this machine is links and
// mount points with nothing in them.
func inRoot(root string, steps []step) []step {
	var placed []step
	seen := map[string]bool{}
	for _, s := range steps {
		name, _, deep := strings.Cut(strings.TrimPrefix(s.Path, "/"), "/")
		top := "/" + name
		switch {
		case slices.Contains(ordinary, name) && isOrdinary(root, name):
			continue
		case seen[top]:
		case deep || s.Kind == directory:
			placed = append(placed, step{Kind: sealed, Path: top, Own: true})
		default:
			s.Own = true
		}
		seen[top] = true
		placed = append(placed, s)
	}
	return placed
}

// isOrdinary is whether name is a directory in root, and no link to one.
func isOrdinary(root, name string) bool {
	info, err := os.Lstat(filepath.Join(root, name))
	return err == nil && info.IsDir()
}

// beginIn makes a directory of this machine the new root. What is mounted below
// it on this machine is not shown; the kernel refuses to uncover what lies
// under such a mount, so that set-up never gets to change either.
func (r *newRoot) beginIn(dir string) error {
	source, err := r.old.find(dir)
	if err != nil {
		return &SetupError{Op: opRoot, Path: dir, Err: err}
	}
	defer source.Close()
	if err := unix.Mount(handle(source), newDir, "", unix.MS_BIND, ""); err != nil {
		return &SetupError{Op: opRoot, Path: dir, Err: err}
	}
	if r.tree, err = openTree(newDir); err != nil {
		return err
	}
	if err := r.restrict(r.root, noSUID|noDev, 0); err != nil {
		return &SetupError{Op: opRoot, Path: dir, Err: err}
	}
	// It is its owner's, who may have locked himself out.
	info, err := stat(r.root)
	if err == nil && info.Mode&unix.S_IRWXU != unix.S_IRWXU {
		err = unix.Chmod(newDir, info.Mode&0o7777|unix.S_IRWXU)
	}
	return setupError(opRoot, dir, err)
}

// What is being done with a root directory of this machine.
const (
	opRoot  = "changing to the root directory"
	opClaim = "making room for the stack at"
)

// claim removes what lies at the top of the new root in the place of s and is
// of another kind: a process that ran with the same root directory before may
// have left anything. It goes one name deep and removes no directory that has
// something in it. Where s is mounted, a directory may keep what it has, for
// nobody sees it; nor is it taken from under a sandbox that runs now.
func (r *newRoot) claim(s step) error {
	place := filepath.Join(newDir, s.Path)
	info, err := os.Lstat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	fits, err := r.fits(s, place, info)
	if err != nil || fits {
		return err
	}
	if err := os.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &SetupError{Op: opClaim, Path: s.Path, Err: errnoOf(err)}
	}
	return nil
}

// fits is whether s can be made of what is there.
func (r *newRoot) fits(s step, place string, there fs.FileInfo) (bool, error) {
	switch s.Kind {
	case link:
		text, err := os.Readlink(place)
		return err == nil && text == s.Text, nil
	case bind:
		source, err := r.old.find(s.Source)
		if err != nil {
			return false, err
		}
		defer source.Close()
		dir, err := isDir(source)
		if !dir {
			return there.Mode().IsRegular(), err
		}
	}
	return there.IsDir(), nil
}
