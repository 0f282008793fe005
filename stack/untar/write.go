package untar

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
)

// place finds the real path of an entry and stands in its directory. The tree
// is locked.
func (s *stream) place(e *entry) (where string, err error) {
	dir, err := s.directory(above(e.path), true)
	if err != nil {
		return "", err
	}
	return below(dir, path.Base(e.path)), nil
}

// dir makes a directory, or merges its entry with what is there.
func (s *stream) dir(e *entry) error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	where, err := s.place(e)
	if err != nil {
		return err
	}
	c, err := s.tree.look(where)
	if err != nil {
		return err
	}
	if c != nil && c.kind == isLink && c.order == before && !s.tree.options.Layers {
		// A directory that is a link in the place that is unpacked to stays
		// one, as with dpkg.
		_, err := s.directory(e.path, true)
		return err
	}
	taken, err := s.take(where, isDir, "")
	if err != nil || !taken {
		return err
	}
	// What take removed is no longer in the way.
	if c := s.tree.claims[where]; c != nil {
		c.order = s.order
		c.describe(e)
		return nil
	}
	return s.mkdir(where, e)
}

// file writes a file. Only its name is made while the tree is locked; another
// stream may take the name while the content is written, which then belongs to
// no name.
func (s *stream) file(e *entry) error {
	file, where, err := s.create(e)
	if file == nil || err != nil {
		return err
	}
	// Without the wrapper the file would read the tar in small steps.
	n, err := io.CopyBuffer(struct{ io.Writer }{file}, s.tar, s.buffer)
	if err == nil && n != e.Size {
		err = io.ErrUnexpectedEOF
	}
	return errors.Join(err, file.Chmod(e.perm()|0o400), s.touch(where, e), file.Close())
}

// create makes the name of a file; nil when a stream has it that comes later.
func (s *stream) create(e *entry) (file *os.File, where string, err error) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if where, err = s.place(e); err != nil {
		return nil, "", err
	}
	taken, err := s.take(where, isFile, "")
	if err != nil || !taken {
		return nil, "", err
	}
	if err := s.enter(above(where)); err != nil {
		return nil, "", err
	}
	if file, err = s.folder.OpenFile(path.Base(where), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, "", err
	}
	s.tree.claims[where] = &claim{kind: isFile, order: s.order, attribute: e.attribute(e.perm() | 0o400)}
	return file, where, nil
}

// touch gives a file that was written its time, if it still has its name.
func (s *stream) touch(where string, e *entry) error {
	if !s.tree.options.Times {
		return nil
	}
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if c := s.tree.claims[where]; c == nil || c.order != s.order {
		return nil
	}
	return s.folder.Chtimes(path.Base(where), e.ModTime, e.ModTime)
}

func (s *stream) symlink(e *entry) error {
	if err := s.tree.target(e.Linkname); err != nil {
		return err
	}
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	where, err := s.place(e)
	if err != nil {
		return err
	}
	taken, err := s.take(where, isLink, e.Linkname)
	if err != nil || !taken {
		return err
	}
	if err := s.enter(above(where)); err != nil {
		return err
	}
	if err := s.folder.Symlink(e.Linkname, path.Base(where)); err != nil {
		return err
	}
	c := &claim{kind: isLink, order: s.order, target: e.Linkname}
	// The permissions of a link mean nothing.
	if e.Uid != 0 || e.Gid != 0 {
		c.attribute = e.attribute(0)
	}
	s.tree.claims[where] = c
	return nil
}

// hardlink gives a file that came before another name.
func (s *stream) hardlink(e *entry) error {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	from, err := s.linked(e)
	if err != nil {
		return fmt.Errorf("it is a hard link to %q: %w", e.Linkname, err)
	}
	where, err := s.place(e)
	if err != nil {
		return err
	}
	if where == from {
		return errors.New("it is a hard link to itself")
	}
	c := s.tree.claims[from]
	taken, err := s.take(where, c.kind, c.target)
	if err != nil {
		return err
	}
	c.linked = true
	if !taken {
		return nil
	}
	if err := s.tree.root.Link(from, where); err != nil {
		return err
	}
	s.tree.claims[where] = &claim{kind: c.kind, order: s.order, linked: true, target: c.target, attribute: c.attribute}
	return nil
}

// linked returns the real path of the file that a hard link leads to.
func (s *stream) linked(e *entry) (string, error) {
	local, err := s.tree.local(e.Linkname)
	if err != nil {
		return "", err
	}
	missing := errors.New("expected a file that came before and was not left out")
	if local == "" {
		return "", missing
	}
	dir, err := s.directory(above(local), false)
	if errors.Is(err, errMissing) {
		return "", missing
	}
	if err != nil {
		return "", err
	}
	from := below(dir, path.Base(local))
	c, err := s.tree.look(from)
	switch {
	case err != nil:
		return "", err
	case c == nil || c.kind == isDir || c.order == before:
		return "", missing
	case c.order != s.order && !s.tree.options.Layers:
		return "", fmt.Errorf("%s has that file too", s.tree.name(c.order))
	}
	return from, nil
}
