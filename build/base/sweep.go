package base

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/stack/sandbox"
)

// retire removes those that are superseded and that nobody uses.
func (p place) retire(current string) error {
	entries, err := os.ReadDir(filepath.Join(p.dir, madeDir))
	if err != nil {
		return err
	}
	var trouble []error
	for _, entry := range entries {
		dir := filepath.Join(p.dir, madeDir, entry.Name())
		if dir == p.path(current) {
			continue
		}
		release, claimed, err := claim(dir)
		if err != nil || !claimed {
			trouble = append(trouble, err)
			continue
		}
		trouble = append(trouble, p.putAway(dir), release())
	}
	return errors.Join(append(trouble, p.sweep())...)
}

// putAway takes the name from a root filesystem, so that nobody finds it any
// more. Sweep removes it when nobody uses it.
func (p place) putAway(dir string) error {
	away, err := os.MkdirTemp(p.dir, oldPrefix)
	if err != nil {
		return err
	}
	err = os.Rename(dir, filepath.Join(away, filepath.Base(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(away)
	}
	return err
}

// sweep removes what was put away and what was never finished. The place is
// locked, so nobody is at work on it.
func (p place) sweep() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	trouble := []error{beside.Sweep(p.dir)}
	for _, entry := range entries {
		dir := filepath.Join(p.dir, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), newPrefix):
			trouble = append(trouble, removeTree(dir))
		case strings.HasPrefix(entry.Name(), oldPrefix):
			trouble = append(trouble, removeOld(dir))
		}
	}
	return errors.Join(trouble...)
}

// removeOld removes a root filesystem that was put away unless it is in use.
func removeOld(away string) error {
	entries, err := os.ReadDir(away)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		release, claimed, err := claim(filepath.Join(away, entry.Name()))
		if err != nil || !claimed {
			return err
		}
		if err := release(); err != nil {
			return err
		}
	}
	return removeTree(away)
}

// removeTree removes a tree whose directories may be closed to their owner.
func removeTree(dir string) error {
	if err := sandbox.Remove(dir); err != nil {
		return fmt.Errorf("removing %s: %w", dir, err)
	}
	return nil
}
