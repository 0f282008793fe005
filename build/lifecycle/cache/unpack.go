package cache

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/sandbox"
)

// Unpack makes dir of a layer that has the path at in its tar: in a directory beside
// it, which gets the name when the sum of the tar is right. Directories above at
// are passed over. A *LayerError says that the tar is not in order; that the disk is
// full is none.
func Unpack(ctx context.Context, from io.Reader, diffID, at, dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".slugc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Remove(temp)) }()
	root, err := os.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer root.Close()

	sum := sha256.New()
	all := bufio.NewReaderSize(io.TeeReader(&contextReader{ctx, from}, sum), 1<<20)
	u := unpacking{root: root, at: at, seen: map[string]bool{"": true}, exact: map[fs.FileMode]bool{}, buffer: make([]byte, copied)}
	defer u.leave(0)
	err = u.entries(tar.NewReader(all))
	if err == nil {
		_, err = io.Copy(io.Discard, all)
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); err == nil && got != diffID {
		err = fmt.Errorf("its sha256 is %s: it is damaged", got)
	}
	if err == nil && !u.found {
		err = fmt.Errorf("it has no %s", at)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return err
	}
	if err != nil {
		return &LayerError{diffID, err}
	}
	if err := u.modes(); err != nil {
		return err
	}
	if err := sandbox.Remove(dir); err != nil {
		return err
	}
	return sandbox.Move(temp, dir)
}

const (
	// copied is how many bytes of a file are written at a time.
	copied = 128 << 10
	// entered bounds how many directories are open at a time.
	entered = 64
)

// unpacking is a layer on its way to the disk.
type unpacking struct {
	root *os.Root
	at   string
	// found says that the layer has its directory.
	found bool
	// seen are the directories that are there.
	seen map[string]bool
	dirs []directory
	// path is the directories, each in the one before, down to where the last file is:
	// the next one is likely there, too.
	path []level
	// exact are modes that files get when they are made.
	exact  map[fs.FileMode]bool
	buffer []byte
}

// level is an open directory.
type level struct {
	name string
	root *os.Root
}

// directory is one whose mode comes last: nothing could be made in one without
// write permission.
type directory struct {
	path string
	mode fs.FileMode
}

func (u *unpacking) entries(r *tar.Reader) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.entry(h, r); err != nil {
			return fmt.Errorf("%.200q: %w", h.Name, err)
		}
	}
}

// entry makes one entry.
func (u *unpacking) entry(h *tar.Header, content io.Reader) error {
	name := path.Clean("/" + h.Name)
	rel, below := strings.CutPrefix(name, u.at+"/")
	switch {
	case name == u.at:
		rel, u.found = "", true
	case below:
	case strings.HasPrefix(u.at, strings.TrimSuffix(name, "/")+"/") && h.Typeflag == tar.TypeDir:
		return nil // a directory above
	default:
		return fmt.Errorf("expected what is below %s", u.at)
	}
	mode := h.FileInfo().Mode()
	if rel == "" {
		if h.Typeflag != tar.TypeDir {
			return errors.New("expected a directory")
		}
		u.dirs = append(u.dirs, directory{".", mode})
		return nil
	}
	if err := u.above(path.Dir(rel)); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		u.dirs = append(u.dirs, directory{rel, mode})
		if u.seen[rel] {
			return nil
		}
		u.seen[rel] = true
		return u.root.Mkdir(rel, 0o700)
	case tar.TypeReg:
		return u.file(rel, mode, content)
	case tar.TypeSymlink:
		return u.root.Symlink(h.Linkname, rel)
	}
	return fmt.Errorf("an entry of type %q, which no layer of a buildpack has", h.Typeflag)
}

// above makes the directories above an entry that the tar does not name.
func (u *unpacking) above(dir string) error {
	if dir == "." || u.seen[dir] {
		return nil
	}
	u.seen[dir] = true
	if err := u.root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return nil
}

// enter opens the directory of a file, and returns it and the name of the file there.
func (u *unpacking) enter(name string) (*os.Root, string, error) {
	parts := strings.SplitN(name, "/", entered)
	dirs, base := parts[:len(parts)-1], parts[len(parts)-1]
	n := 0
	for n < len(dirs) && n < len(u.path) && dirs[n] == u.path[n].name {
		n++
	}
	u.leave(n)
	in := u.root
	if n > 0 {
		in = u.path[n-1].root
	}
	for _, dir := range dirs[n:] {
		next, err := in.OpenRoot(dir)
		if err != nil {
			return nil, "", err
		}
		u.path = append(u.path, level{dir, next})
		in = next
	}
	return in, base, nil
}

// leave closes all but the first n directories.
func (u *unpacking) leave(n int) {
	for _, l := range u.path[n:] {
		_ = l.root.Close()
	}
	u.path = u.path[:n]
}

// file writes a new file.
func (u *unpacking) file(name string, mode fs.FileMode, content io.Reader) (err error) {
	in, base, err := u.enter(name)
	if err != nil {
		return err
	}
	f, err := in.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// A file that is to read from content itself has a buffer of its own each time.
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, content, u.buffer); err != nil {
		return err
	}
	exact, known := u.exact[mode]
	if !known {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		exact = info.Mode() == mode
		u.exact[mode] = exact
	}
	if exact {
		return nil
	}
	return f.Chmod(mode)
}

// modes gives directories their modes, the deepest first.
func (u *unpacking) modes() error {
	for i := len(u.dirs) - 1; i >= 0; i-- {
		if err := u.root.Chmod(u.dirs[i].path, u.dirs[i].mode); err != nil {
			return err
		}
	}
	return nil
}

// contextReader reads until a context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
