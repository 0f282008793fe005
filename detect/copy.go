package detect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/sandbox"
)

// Copy says where a source tree is copied to.
type Copy struct {
	// Dir receives the tree. Whatever else is in it is removed, Keep excepted.
	Dir string
	// Keep is a name in the root of Dir that is not the source's business.
	Keep string
	// Exclude are absolute paths that are no part of the source although they
	// lie in it: what an earlier build wrote there.
	Exclude []string
	// Wanted tells which files and directories are part of the source, by
	// their path in it; nil is all. In a directory that is not wanted nothing
	// is, and a directory in which nothing is wanted is none either.
	Wanted func(path string, isDir bool) bool
	// State remembers what was copied, so that the next copy into the same
	// directory only touches what changed.
	State string
	// UID and GID own the copies; negative leaves the caller's.
	UID, GID int
}

// Copied tells what a copy did.
type Copied struct {
	// Source is the source with its digest.
	Source Source
	// Files and Bytes count the whole tree, Written the files that had to be
	// written.
	Files, Written int
	Bytes          int64
	// Warnings are oddities that do not keep anyone from building.
	Warnings []string
}

// CopyTo makes the directory an exact copy of the source: regular files with
// mode 0755 if anyone may execute them, else 0644, as git keeps them;
// directories 0755; symbolic links as they are. Version control directories
// (.git) stay behind. Files that are as the last copy left them are not read.
//
// It returns a *SourceError for what cannot be built from: device files,
// sockets and FIFOs, links that climb out of the tree, trees too deep.
func (s Source) CopyTo(ctx context.Context, to Copy) (Copied, error) {
	items, warnings, err := s.settled(ctx, to.Exclude, to.Wanted)
	if err != nil {
		return Copied{}, err
	}
	out := Copied{Warnings: append(warnings, s.submodules()...)}
	if len(items) == 0 {
		return out, &SourceError{Path: s.Dir, Problem: "the directory is empty",
			Next: "name the directory that holds the app: slugc build DIRECTORY"}
	}
	last := readState(to.State)
	if err := empty(to, items, last); err != nil {
		return out, err
	}

	writes, ctx := errgroup.WithContext(ctx)
	writes.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range items {
		it := &items[i]
		target := filepath.Join(to.Dir, it.Path)
		switch {
		case it.Mode.IsDir():
			// Directories come before what is in them, so this is not parallel.
			if err := to.mkdir(target); err != nil {
				return out, err
			}
			continue
		case it.Mode&fs.ModeSymlink != 0:
			if err := to.symlink(it.Link, target); err != nil {
				return out, err
			}
			continue
		}
		out.Files++
		out.Bytes += it.Size
		if was, ok := last[it.Path]; ok && was.Source == it.Source && was.Mode == it.Mode && was.holds(target, it) {
			continue
		}
		out.Written++
		writes.Go(func() error { return to.file(ctx, filepath.Join(s.Dir, it.Path), target, it) })
	}
	if err := writes.Wait(); err != nil {
		return out, err
	}
	if !recorded(last, items) {
		if err := writeState(to.State, items); err != nil {
			out.Warnings = append(out.Warnings, fmt.Sprintf("%v\nThe next build will copy every file.", err))
		}
	}
	s.Digest = digest(items)
	out.Source = s
	return out, nil
}

// empty removes from the directory what the source does not have, or has as
// another kind of object.
func empty(to Copy, items []item, last map[string]*item) error {
	if err := to.mkdir(to.Dir); err != nil {
		return err
	}
	want := make(map[string]fs.FileMode, len(items))
	for _, it := range items {
		want[it.Path] = it.Mode.Type()
	}
	var sweep func(rel string) error
	sweep = func(rel string) error {
		dir := filepath.Join(to.Dir, rel)
		if err := sandbox.Mend(dir); err != nil {
			return fmt.Errorf("clearing the app directory: %w", err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("clearing the app directory: %w", err)
		}
		for _, entry := range entries {
			if rel == "" && entry.Name() == to.Keep {
				continue
			}
			path := filepath.Join(rel, entry.Name())
			mode, wanted := want[path]
			_, ours := last[path]
			if !wanted || mode != entry.Type() || (!ours && !entry.IsDir()) {
				if err := sandbox.Remove(filepath.Join(to.Dir, path)); err != nil {
					return fmt.Errorf("clearing the app directory: %w", err)
				}
				continue
			}
			if entry.IsDir() {
				if err := sweep(path); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return sweep("")
}

// mkdir makes a directory, or mends its mode and owner where a build changed
// them; one that is right is not touched.
func (to Copy) mkdir(dir string) error {
	const perm = 0o755
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		if info.Mode().Perm() != perm {
			if err := os.Chmod(dir, perm); err != nil {
				return fmt.Errorf("copying the source: %w", err)
			}
		}
		if sys, ok := info.Sys().(*syscall.Stat_t); ok && to.UID >= 0 && int(sys.Uid) == to.UID && int(sys.Gid) == to.GID {
			return nil
		}
		return to.own(dir)
	}
	if err := os.Mkdir(dir, perm); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	if err := os.Chmod(dir, perm); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	return to.own(dir)
}

func (to Copy) symlink(link, target string) error {
	if now, err := os.Readlink(target); err == nil && now == link {
		return nil
	}
	if err := sandbox.Remove(target); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	if err := os.Symlink(link, target); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	return to.own(target)
}

func (to Copy) own(path string) error {
	if to.UID < 0 {
		return nil
	}
	if err := os.Lchown(path, to.UID, to.GID); err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	return nil
}

// copyBuffers are for the files of a source, which are many.
var copyBuffers = sync.Pool{New: func() any {
	buf := make([]byte, 64<<10)
	return &buf
}}

// file copies one regular file and fills in its checksum and stamp.
func (to Copy) file(ctx context.Context, from, target string, it *item) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	in, err := open(from, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return &SourceError{Path: it.Path, Problem: reason(err), Next: "make it readable, or remove it", Err: err}
	}
	defer in.Close()
	const fresh = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL
	out, err := open(target, fresh, it.Mode.Perm())
	if errors.Is(err, fs.ErrExist) {
		// The old file goes first: a build may hold another link to it, or have
		// taken its permissions away.
		if err := sandbox.Remove(target); err != nil {
			return fmt.Errorf("copying the source: %w", err)
		}
		out, err = open(target, fresh, it.Mode.Perm())
	}
	if err != nil {
		return fmt.Errorf("copying the source: %w", err)
	}
	defer func() {
		if closeErr := out.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("copying the source: %w", closeErr))
		}
		if err != nil {
			return
		}
		var info unix.Stat_t
		if info, err = lstat(target); err == nil {
			it.Copy = stampOf(&info)
		}
	}()
	sum := sha256.New()
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	if _, err := io.CopyBuffer(io.MultiWriter(out, sum), in, *buf); err != nil {
		return fmt.Errorf("copying %s: %w", quotePath(it.Path), err)
	}
	sum.Sum(it.Sum[:0])
	if err := out.own(to, it.Mode.Perm()); err != nil {
		return fmt.Errorf("copying %s: %w", quotePath(it.Path), err)
	}
	return nil
}

// descriptor is an open regular file. An os.File is for much more, and asks the
// kernel five times before it is read once.
type descriptor int

func open(path string, flags int, perm fs.FileMode) (d descriptor, err error) {
	err = retry(func() error {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, uint32(perm))
		d = descriptor(fd)
		return err
	})
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return d, nil
}

func (d descriptor) Read(p []byte) (n int, err error) {
	err = retry(func() (err error) { n, err = unix.Read(int(d), p); return err })
	if err != nil {
		return 0, err
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (d descriptor) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		wrote := 0
		err = retry(func() (err error) { wrote, err = unix.Write(int(d), p[n:]); return err })
		n += max(wrote, 0)
	}
	return n, err
}

func (d descriptor) Close() error { return unix.Close(int(d)) }

// own gives the file its mode, whatever the umask is, and its owner.
func (d descriptor) own(to Copy, perm fs.FileMode) error {
	if err := retry(func() error { return unix.Fchmod(int(d), uint32(perm)) }); err != nil || to.UID < 0 {
		return err
	}
	return retry(func() error { return unix.Fchown(int(d), to.UID, to.GID) })
}

// retry calls a system call again when a signal interrupted it.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
