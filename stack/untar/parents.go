package untar

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// mostLinks is the number of symbolic links in one path, as in Linux.
const mostLinks = 40

// errMissing says that a directory is not there and was not to be made.
var errMissing = errors.New("its directory is not there")

// directory returns the real path of a directory of the tree, with no symbolic
// link in it, and makes what is missing of it if asked to. The tree is locked.
func (s *stream) directory(name string, missing bool) (string, error) {
	if s.named && s.lastName == name {
		return s.lastReal, nil
	}
	where, links := "", 0
	rest := split(name)
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			where = above(where)
			continue
		}
		next := below(where, part)
		if len(next) > s.tree.limits.Path {
			return "", fmt.Errorf("a path of %d bytes; at most %d are allowed", len(next), s.tree.limits.Path)
		}
		c, err := s.tree.look(next)
		switch {
		case err != nil:
			return "", err
		case c == nil && !missing:
			return "", errMissing
		case c == nil:
			if err := s.mkdir(next, nil); err != nil {
				return "", err
			}
			where = next
		case c.kind == isDir:
			where = next
		case c.kind == isLink && (s.tree.options.Layers || c.order == before):
			if links++; links > mostLinks {
				return "", fmt.Errorf("more than %d symbolic links lead to it", mostLinks)
			}
			if path.IsAbs(c.target) {
				where = ""
			}
			rest = append(split(c.target), rest...)
		default:
			return "", fmt.Errorf("it lies below %s, which is %v of %s", next, c.kind, s.tree.name(c.order))
		}
	}
	s.named, s.lastName, s.lastReal = true, name, where
	return where, nil
}

// split returns the names of a path; ".." are among them.
func split(name string) []string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	return parts
}

// mkdir makes a directory that nobody else can look into until the tree is
// done. Without an entry it is one that the stream only implies. The tree is
// locked.
func (s *stream) mkdir(where string, e *entry) error {
	if err := s.tree.root.Mkdir(where, 0o700); err != nil {
		return err
	}
	c := &claim{kind: isDir, order: nobody, mode: 0o755}
	if s.tree.options.Layers {
		c.order = s.order
	}
	if e != nil {
		c.order = s.order
		c.describe(e)
	}
	s.tree.claims[where] = c
	return nil
}

// describe takes mode, owner and time of a directory from its entry.
func (c *claim) describe(e *entry) {
	c.mode = e.perm() | 0o700
	c.attribute = e.attribute(c.mode)
	c.time = e.ModTime
}

// leave forgets the directories that the stream stands in, because what they
// are may change.
func (s *stream) leave() error {
	s.named = false
	if s.folder == nil {
		return nil
	}
	folder := s.folder
	s.folder = nil
	return folder.Close()
}

// enter makes the real directory the one that entries are made in.
func (s *stream) enter(where string) error {
	if s.folder != nil && s.folderReal == where {
		return nil
	}
	if s.folder != nil {
		if err := s.folder.Close(); err != nil {
			return err
		}
		s.folder = nil
	}
	folder, err := s.tree.root.OpenRoot(at(where))
	if err != nil {
		return err
	}
	s.folder, s.folderReal = folder, where
	return nil
}

// ignoreMissing is for removing what others may have removed.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
