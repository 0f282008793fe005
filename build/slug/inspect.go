package slug

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// maxWanted is the largest file that Inspect returns.
const maxWanted = 16 << 20

// Contents is what a slug holds.
type Contents struct {
	// Index is its entries in the order of the archive, with path, mode, size
	// and link target. A hard link has the mode of a file, no size, and its
	// target, relative to the app directory, as Link.
	Index pack.Index
	// Files are the contents of the files that were asked for, by path. What
	// the slug has not is not there, nor what is a hard link in it.
	Files map[string][]byte
}

// Inspect reads what the slug in a file holds without unpacking it, and the
// content of the wanted files, whose paths are relative to the app directory. One
// that ends in a slash is a directory, of which all regular files are wanted.
func Inspect(ctx context.Context, file string, limits Limits, wanted ...string) (c Contents, err error) {
	f, err := open(file)
	if err != nil {
		return Contents{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if c, err = inspect(ctx, f, limits, wanted); err != nil {
		return Contents{}, about("reading", file, err)
	}
	return c, nil
}

func inspect(ctx context.Context, from io.Reader, limits Limits, wanted []string) (Contents, error) {
	r, err := newReader(from, limits)
	if err != nil {
		return Contents{}, err
	}
	c := Contents{Files: map[string][]byte{}}
	for {
		e, err := r.next(ctx)
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return Contents{}, err
		}
		listed := pack.Entry{Path: e.path, Mode: e.mode(), Link: e.Linkname}
		switch e.Typeflag {
		case tar.TypeDir:
			listed.Mode |= fs.ModeDir
		case tar.TypeSymlink:
			listed.Mode |= fs.ModeSymlink
		case tar.TypeReg:
			listed.Size = e.Size
			listed.MTime = e.ModTime.UnixNano()
			if !slices.ContainsFunc(wanted, func(w string) bool {
				return w == e.path || strings.HasSuffix(w, "/") && strings.HasPrefix(e.path, w)
			}) {
				break
			}
			if e.Size > maxWanted {
				return Contents{}, fmt.Errorf("%s has %s, expected less than %s", e.path, report.Size(e.Size), report.Size(maxWanted))
			}
			content := make([]byte, e.Size)
			if err := r.read(content); err != nil {
				return Contents{}, err
			}
			c.Files[e.path] = content
		}
		c.Index = append(c.Index, listed)
	}
}
