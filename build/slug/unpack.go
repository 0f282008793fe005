package slug

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"
)

const (
	// writers is the number of small files written at a time.
	writers = 4
	// waiting is how many may wait for a writer.
	waiting = 32
	// smallFile is the size up to which a file is held in memory for a
	// writer; bigger ones are written while they are read.
	smallFile = 256 << 10
)

// Unpack unpacks the slug in a file to dir, which becomes what processes see
// as /app. The directory is made if it does not exist; otherwise it must be
// empty and keeps its mode. Permissions and times are those of the slug, the
// owner is whoever unpacks. On an error nothing is left in dir; it is a
// *FileError when the file is to blame.
func Unpack(ctx context.Context, file, dir string, limits Limits) (err error) {
	f, err := open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unpackTo(ctx, f, dir, limits); err != nil {
		return about("unpacking", file, err)
	}
	return nil
}

func unpackTo(ctx context.Context, from io.Reader, dir string, limits Limits) (err error) {
	made := false
	if err := os.Mkdir(dir, 0o755); err == nil {
		made = true
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	held, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, empty(root))
		}
		err = errors.Join(err, root.Close())
		if err != nil && made {
			err = errors.Join(err, os.Remove(dir))
		}
	}()
	r, err := newReader(from, limits)
	if err != nil {
		return err
	}
	u := newUnpacker(r, root)
	group, writing := errgroup.WithContext(ctx)
	for range writers {
		group.Go(func() error { return u.writeSmall(writing) })
	}
	group.Go(func() error {
		defer close(u.small)
		return u.readAll(writing)
	})
	if err := errors.Join(group.Wait(), u.abandon()); err != nil {
		return err
	}
	return u.finish(ctx)
}

// empty removes all that a failed unpacking made.
func empty(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	names, err := d.Readdirnames(-1)
	err = errors.Join(err, d.Close())
	for _, name := range names {
		err = errors.Join(err, root.RemoveAll(name))
	}
	return err
}

// unpacker writes the entries of a slug below root. Directories are made as
// they come and get their modes at the end, so that they can be filled; files
// are written by several goroutines; links come last, so that nothing is
// written through them.
type unpacker struct {
	reader *reader
	root   *os.Root
	// known is what each path of the slug is.
	known map[string]kind
	dirs  map[string]*entry
	order []string
	hard  []entry
	soft  map[string]*entry
	// folder is the directory of the last file.
	folder *folder
	small  chan smallJob
	// pending has a token for each file that waits for a writer or is being
	// written. There are as many as small has room for.
	pending chan struct{}
}

func newUnpacker(r *reader, root *os.Root) *unpacker {
	return &unpacker{
		reader:  r,
		root:    root,
		known:   map[string]kind{"": isDir},
		dirs:    map[string]*entry{},
		soft:    map[string]*entry{},
		small:   make(chan smallJob, waiting),
		pending: make(chan struct{}, waiting),
	}
}

type kind int

const (
	isNothing kind = iota
	isDir
	isFile
	isLink
)

func kindOf(typeflag byte) kind {
	switch typeflag {
	case tar.TypeDir:
		return isDir
	case tar.TypeSymlink:
		return isLink
	}
	return isFile
}

// smallJob is a file for a writer.
type smallJob struct {
	entry   entry
	folder  *folder
	content []byte
}

// readAll reads the entries and does with each what can be done at once.
func (u *unpacker) readAll(ctx context.Context) error {
	for {
		e, err := u.reader.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.entry(ctx, e); err != nil {
			return err
		}
	}
}

func (u *unpacker) entry(ctx context.Context, e entry) error {
	if e.path == "" {
		return nil
	}
	if err := u.parents(e.path); err != nil {
		return err
	}
	is := kindOf(e.Typeflag)
	was := u.known[e.path]
	if was != isNothing && (was != is || e.Typeflag == tar.TypeLink) {
		return fmt.Errorf("%q comes twice and is not the same twice", e.Name)
	}
	u.known[e.path] = is
	switch e.Typeflag {
	case tar.TypeDir:
		if was == isNothing {
			if err := u.mkdir(e.path); err != nil {
				return err
			}
		}
		u.dirs[e.path] = &e
	case tar.TypeSymlink:
		u.soft[e.path] = &e
	case tar.TypeLink:
		if u.known[e.Linkname] != isFile || e.Linkname == e.path {
			return fmt.Errorf("%q is a hard link to %q, which is no file that came before", e.Name, e.Linkname)
		}
		u.hard = append(u.hard, e)
	case tar.TypeReg:
		if was == isFile {
			if err := u.replace(ctx, e.path); err != nil {
				return err
			}
		}
		return u.file(ctx, e)
	}
	return nil
}

// parents makes sure that the directories above p are there.
func (u *unpacker) parents(p string) error {
	if up := path.Dir(p); u.known[up] == isDir {
		return nil
	}
	for _, dir := range parents(p) {
		switch u.known[dir] {
		case isDir:
		case isNothing:
			u.known[dir] = isDir
			if err := u.mkdir(dir); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%q lies below %q, which is not a directory", p, dir)
		}
	}
	return nil
}

// mkdir makes a directory that nobody else can look into until it is done.
func (u *unpacker) mkdir(rel string) error {
	u.order = append(u.order, rel)
	return u.root.Mkdir(rel, 0o700)
}

// replace removes a file that comes again. It waits until the files before
// are written, which are in other hands.
func (u *unpacker) replace(ctx context.Context, rel string) error {
	for range cap(u.pending) {
		if err := u.token(ctx); err != nil {
			return err
		}
	}
	for range cap(u.pending) {
		<-u.pending
	}
	return u.root.Remove(rel)
}

func (u *unpacker) token(ctx context.Context) error {
	select {
	case u.pending <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// file hands a small file to the writers and writes a big one itself.
func (u *unpacker) file(ctx context.Context, e entry) error {
	if err := u.enter(e.path); err != nil {
		return err
	}
	if e.Size > smallFile {
		return u.folder.write(&e, func(f *os.File) error { return u.reader.copy(f, e.Size) })
	}
	content := make([]byte, e.Size)
	if err := u.reader.read(content); err != nil {
		return err
	}
	if err := u.token(ctx); err != nil {
		return err
	}
	u.folder.refs.Add(1)
	u.small <- smallJob{entry: e, folder: u.folder, content: content}
	return nil
}

// writeSmall writes small files.
func (u *unpacker) writeSmall(ctx context.Context) error {
	for j := range u.small {
		err := ctx.Err()
		if err == nil {
			err = j.folder.write(&j.entry, func(f *os.File) error { _, err := f.Write(j.content); return err })
		}
		err = errors.Join(err, j.folder.release())
		<-u.pending
		if err != nil {
			return err
		}
	}
	return nil
}

// abandon lets go of the folders that are still open when reading has ended.
func (u *unpacker) abandon() error {
	err := u.closeFolder()
	for j := range u.small {
		err = errors.Join(err, j.folder.release())
	}
	return err
}

// finish makes the links and gives directories their modes, the innermost
// first.
func (u *unpacker) finish(ctx context.Context) error {
	for _, e := range u.hard {
		if err := u.root.Link(e.Linkname, e.path); err != nil {
			return err
		}
	}
	for rel, e := range u.soft {
		if err := u.root.Symlink(e.Linkname, rel); err != nil {
			return err
		}
	}
	for _, rel := range slices.Backward(u.order) {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, named := u.dirs[rel]
		if !named {
			if err := u.root.Chmod(rel, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := errors.Join(u.root.Chmod(rel, e.mode()), u.root.Chtimes(rel, e.ModTime, e.ModTime)); err != nil {
			return err
		}
	}
	return nil
}
