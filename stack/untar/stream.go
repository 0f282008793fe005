package untar

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Stream is a tar stream without compression.
type Stream struct {
	io.Reader
	// Order is the place among the streams of the tree, from 0; each has its
	// own.
	Order int
	// Name is what people call it.
	Name string
}

// stream is a Stream that is being unpacked.
type stream struct {
	tree  *Tree
	order int
	name  string
	tar   *tar.Reader
	// folder is the open directory of the last entry, so that the path of its
	// neighbours need not be walked for each.
	folder     *os.Root
	folderReal string
	// lastName is the last directory that was looked for and lastReal where it
	// was found, if named is set.
	named              bool
	lastName, lastReal string
	buffer             []byte
	files              int
}

// Unpack writes the entries of a stream and reads it to its end. It returns the
// number of entries that are not directories. Without Options.Layers several
// may run at once.
func (t *Tree) Unpack(ctx context.Context, from Stream) (files int, err error) {
	t.mu.Lock()
	t.names[from.Order] = from.Name
	t.mu.Unlock()
	source := &source{ctx: ctx, from: from.Reader, most: t.limits.Bytes + t.limits.Entries*perEntry + perEntry}
	s := &stream{tree: t, order: from.Order, name: from.Name, tar: tar.NewReader(source), buffer: make([]byte, 128<<10)}
	defer func() { err = errors.Join(err, s.leave()) }()
	for {
		header, err := s.tar.Next()
		if errors.Is(err, io.EOF) {
			// Checksums of the compression come last.
			_, err := io.Copy(io.Discard, source)
			return s.files, err
		}
		if err != nil {
			return 0, err
		}
		if err := s.entry(header); err != nil {
			return 0, fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}

// perEntry is what the headers of an entry and the padding of its content may
// take on average, in bytes.
const perEntry = 4 << 10

// source bounds what is read of a stream and ends when the work is called off.
type source struct {
	ctx  context.Context
	from io.Reader
	// most is a number of bytes, sofar how many were read.
	most, sofar int64
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.from.Read(p)
	if s.sofar += int64(n); s.sofar > s.most {
		return 0, fmt.Errorf("more than %d bytes of tar", s.most)
	}
	return n, err
}

// count holds an entry against the limits.
func (t *Tree) count(h *tar.Header) error {
	switch {
	case t.entries.Add(1) > t.limits.Entries:
		return fmt.Errorf("more than %d entries", t.limits.Entries)
	case h.Size < 0 || h.Size > t.limits.FileBytes:
		return fmt.Errorf("a file of %d bytes; at most %d are allowed", h.Size, t.limits.FileBytes)
	case t.bytes.Add(h.Size) > t.limits.Bytes:
		return fmt.Errorf("more than %d bytes of files", t.limits.Bytes)
	}
	return nil
}

// entry writes one entry.
func (s *stream) entry(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if err := s.tree.count(h); err != nil {
		return err
	}
	local, err := s.tree.local(h.Name)
	if err != nil {
		return err
	}
	if local == "" {
		if h.Typeflag != tar.TypeDir {
			return errors.New("the root is not a directory")
		}
		return nil
	}
	dir, name := above(local), path.Base(local)
	if s.tree.options.Layers && strings.HasPrefix(name, whiteout) {
		return s.whiteout(dir, name)
	}
	if keep := s.tree.options.Keep; keep != nil && !keep("/"+local) {
		return nil
	}
	return s.write(&entry{Header: h, path: local})
}

func (s *stream) write(e *entry) error {
	switch e.Typeflag {
	case tar.TypeDir:
		return s.dir(e)
	case tar.TypeReg, tar.TypeGNUSparse:
		s.files++
		return s.file(e)
	case tar.TypeSymlink:
		s.files++
		return s.symlink(e)
	case tar.TypeLink:
		s.files++
		return s.hardlink(e)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		if s.tree.options.SkipSpecial {
			return nil
		}
		return errors.New("it is a device or a pipe; expected a file, a directory or a link")
	}
	return fmt.Errorf("it is of type %q; expected a file, a directory or a link", e.Typeflag)
}
