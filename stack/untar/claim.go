package untar

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/slugc/slugc/stack"
)

type kind int

const (
	isFile kind = iota
	isDir
	isLink
)

func (k kind) String() string {
	return [...]string{"a file", "a directory", "a symbolic link"}[k]
}

const (
	// nobody is the order of directories that no stream names.
	nobody = -1
	// before is the order of what was there before.
	before = -2
)

// claim is what a path of the tree is, and which stream made it so.
type claim struct {
	kind  kind
	order int
	// linked is set when the stream made a hard link to the file.
	linked bool
	// target is where a symbolic link leads to.
	target string
	// attribute is nil for what belongs to root and has its mode on disk.
	attribute *stack.Attribute
	// mode and time are what a directory gets at the end; found ones that no
	// stream names are left alone.
	mode fs.FileMode
	time time.Time
}

// look returns what is at a path, nil when nothing is. Its directory must have
// been looked at before. The tree is locked.
func (t *Tree) look(where string) (*claim, error) {
	if c, found := t.claims[where]; found {
		return c, nil
	}
	if !t.found[above(where)] {
		// What the tree made holds only what the tree put there.
		return nil, nil
	}
	info, err := t.root.Lstat(at(where))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &claim{order: before, mode: info.Mode().Perm()}
	switch {
	case info.IsDir():
		c.kind = isDir
		t.found[where] = true
	case info.Mode()&fs.ModeSymlink != 0:
		c.kind = isLink
		if c.target, err = t.root.Readlink(where); err != nil {
			return nil, err
		}
	}
	t.claims[where] = c
	return c, nil
}

// take makes room at a path for an entry. It returns false when the entry of
// another stream, or what was there before, stays. The tree is locked.
func (s *stream) take(where string, is kind, target string) (bool, error) {
	t := s.tree
	c, err := t.look(where)
	switch {
	case err != nil:
		return false, err
	case c == nil:
		return true, nil
	case t.options.Layers:
		if c.kind == isDir && is == isDir {
			return true, nil
		}
		_, err := s.prune(where, s.order+1)
		return true, err
	case c.kind == isDir && is == isDir:
		return s.order >= c.order, nil
	case c.kind == isDir || is == isDir:
		return false, t.differs(s, c, is)
	case c.order == before && c.kind == isLink:
		if is == isLink && leads(where, c.target) == leads(where, target) {
			return false, nil
		}
		return false, t.differs(s, c, is)
	case c.order > s.order:
		return false, nil
	case c.order < s.order && c.linked:
		return false, fmt.Errorf("%s has hard links to it, which %s would break", t.name(c.order), s.name)
	}
	delete(t.claims, where)
	return true, t.root.Remove(where)
}

// leads is where a link leads to, as a path of the tree.
func leads(where, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join("/", above(where), target)
}

// differs says that a path is one thing in a stream and another elsewhere.
func (t *Tree) differs(s *stream, c *claim, is kind) error {
	return fmt.Errorf("it is %v in %s and %v in %s", c.kind, t.name(c.order), is, s.name)
}

// name is what people call the stream of an order.
func (t *Tree) name(order int) string {
	if name, found := t.names[order]; found {
		return name
	}
	return "the directory that is unpacked to"
}
