package untar

import (
	"errors"
	"fmt"
	"strings"
)

// Names of whiteouts: "Whiteouts" and "Opaque Whiteout" of the OCI image
// specification. What else begins with reserved is bookkeeping of a file
// system that layers once were made with.
const (
	whiteout = ".wh."
	reserved = ".wh..wh."
	opaque   = ".wh..wh..opq"
)

// whiteout removes what lower layers have. What the layer itself put there
// stays, be it before the whiteout or after.
func (s *stream) whiteout(dir, name string) error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	where, err := s.directory(dir, false)
	if errors.Is(err, errMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	if name == opaque {
		_, err := s.pruneBelow(where, s.order)
		return err
	}
	if strings.HasPrefix(name, reserved) {
		return nil
	}
	hidden := strings.TrimPrefix(name, whiteout)
	if hidden == "" || hidden == "." || hidden == ".." {
		return fmt.Errorf("a whiteout of %q", hidden)
	}
	c, err := s.tree.look(below(where, hidden))
	if c == nil || err != nil {
		return err
	}
	_, err = s.prune(below(where, hidden), s.order)
	return err
}

// prune removes a path with all below it, as far as it comes from streams
// before the given one, and tells whether nothing is left. The tree is locked.
func (s *stream) prune(where string, order int) (bool, error) {
	c, err := s.tree.look(where)
	if err != nil {
		return false, err
	}
	if c == nil {
		return true, nil
	}
	empty := true
	if c.kind == isDir {
		if empty, err = s.pruneBelow(where, order); err != nil {
			return false, err
		}
	}
	if !empty || c.order >= order {
		return false, nil
	}
	if err := errors.Join(s.leave(), ignoreMissing(s.tree.root.Remove(where))); err != nil {
		return false, err
	}
	delete(s.tree.claims, where)
	delete(s.tree.found, where)
	return true, nil
}

// pruneBelow is prune for all that a directory has.
func (s *stream) pruneBelow(where string, order int) (empty bool, err error) {
	d, err := s.tree.root.Open(at(where))
	if err != nil {
		return false, err
	}
	names, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return false, err
	}
	empty = true
	for _, name := range names {
		gone, err := s.prune(below(where, name), order)
		if err != nil {
			return false, err
		}
		empty = empty && gone
	}
	return empty, nil
}
