package slug

import (
	"archive/tar"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// Limits bounds what is read of a slug. A zero field stands for its default.
type Limits struct {
	// Entries is the number of entries; 2 000 000 by default.
	Entries int
	// Bytes is the size of the unpacked files and of the archive without
	// compression; 16 GiB by default.
	Bytes int64
	// Depth is the number of directories in a path; 256 by default.
	Depth int
}

func (l Limits) orDefault() Limits {
	return Limits{
		Entries: cmp.Or(l.Entries, 2_000_000),
		Bytes:   cmp.Or(l.Bytes, 16<<30),
		Depth:   cmp.Or(l.Depth, 256),
	}
}

// maxPath is the longest path or link target of an entry, in bytes.
const maxPath = 4095

// entry is one entry of a slug.
type entry struct {
	*tar.Header
	// path is relative to the app directory; the app directory is "".
	path string
}

// reader reads the entries of a slug within limits.
type reader struct {
	limits  Limits
	tar     *tar.Reader
	stream  *io.LimitedReader
	entries int
	bytes   int64
}

func newReader(r io.Reader, limits Limits) (*reader, error) {
	z, err := gzip.NewReader(bufio.NewReaderSize(r, 256<<10))
	if err != nil {
		if number := syscall.Errno(0); errors.As(err, &number) {
			return nil, err
		}
		return nil, errors.New("not a slug: expected a gzip-compressed tar archive")
	}
	limits = limits.orDefault()
	stream := &io.LimitedReader{R: z, N: limits.Bytes}
	return &reader{limits: limits, tar: tar.NewReader(stream), stream: stream}, nil
}

// next returns the next entry below the app directory, and io.EOF at the end.
func (r *reader) next(ctx context.Context) (entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			return entry{}, err
		}
		h, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			return entry{}, r.end()
		}
		if err != nil {
			return entry{}, r.failed(err)
		}
		if r.entries++; r.entries > r.limits.Entries {
			return entry{}, fmt.Errorf("more than %d entries", r.limits.Entries)
		}
		if r.bytes += h.Size; h.Size < 0 || r.bytes < 0 || r.bytes > r.limits.Bytes {
			return entry{}, r.tooBig()
		}
		if h.Typeflag == tar.TypeXGlobalHeader || h.Typeflag == tar.TypeDir && path.Clean(h.Name) == "." {
			continue
		}
		rel, err := r.below(h.Name)
		if err != nil {
			return entry{}, err
		}
		e := entry{Header: h, path: rel}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeDir:
		case tar.TypeSymlink:
			if h.Linkname == "" || len(h.Linkname) > maxPath || strings.IndexByte(h.Linkname, 0) >= 0 {
				return entry{}, fmt.Errorf("%q is a symbolic link to no valid path", h.Name)
			}
		case tar.TypeLink:
			if h.Linkname, err = r.below(h.Linkname); err != nil {
				return entry{}, fmt.Errorf("hard link %q: %w", h.Name, err)
			}
		default:
			return entry{}, fmt.Errorf("%q is of type %q: a slug holds files, directories and links", h.Name, h.Typeflag)
		}
		if rel == "" && h.Typeflag != tar.TypeDir {
			return entry{}, fmt.Errorf("%q is not a directory", h.Name)
		}
		return e, nil
	}
}

// end reads what follows the last entry, so that the checksum is checked, and
// returns io.EOF if that is in order.
func (r *reader) end() error {
	if _, err := io.Copy(io.Discard, r.stream); err != nil || r.stream.N <= 0 {
		return r.failed(cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return io.EOF
}

// copy copies the content of the entry that next returned last.
func (r *reader) copy(to io.Writer, size int64) error {
	n, err := io.Copy(to, r.tar)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return r.failed(err)
}

// read fills buf with the content of the entry that next returned last.
func (r *reader) read(buf []byte) error {
	_, err := io.ReadFull(r.tar, buf)
	return r.failed(err)
}

// failed says of an error that comes from a limit that it does.
func (r *reader) failed(err error) error {
	if err == nil {
		return nil
	}
	if r.stream.N <= 0 {
		return r.tooBig()
	}
	return damaged(err)
}

func (r *reader) tooBig() error {
	return fmt.Errorf("more than %s without compression", report.Size(r.limits.Bytes))
}

// below returns the path relative to the app directory of a name in a slug.
func (r *reader) below(name string) (string, error) {
	clean := strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	rel, inside := strings.CutPrefix(clean+"/", archiveRoot[2:]+"/")
	rel = strings.TrimSuffix(rel, "/")
	switch {
	case !inside:
		return "", fmt.Errorf("%q lies outside of ./app/", name)
	case rel == "":
		return "", nil
	case len(rel) > maxPath:
		return "", fmt.Errorf("a path has more than %d bytes", maxPath)
	case strings.Count(rel, "/") >= r.limits.Depth:
		return "", fmt.Errorf("%.100q lies more than %d directories deep", name, r.limits.Depth)
	}
	for part := range strings.SplitSeq(rel, "/") {
		if part == "" || part == "." || part == ".." || strings.IndexByte(part, 0) >= 0 {
			return "", fmt.Errorf("%q is not a valid path", name)
		}
	}
	return rel, nil
}

// mode is what an entry's mode becomes on this machine.
func (e *entry) mode() fs.FileMode { return fs.FileMode(e.Mode) & fs.ModePerm }
