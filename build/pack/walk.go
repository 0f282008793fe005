package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// ErrChanged is the error for a tree that something writes to while it is
// walked or packed.
var ErrChanged = errors.New("changed while it was packed; let nothing write to the tree meanwhile")

// maxPath is the longest path below a root, in bytes: what one system call
// takes.
const maxPath = 4095

// SpecialError says that there is something that no archive of an app can hold.
type SpecialError struct{ Path string }

func (e *SpecialError) Error() string {
	return e.Path + " is a device or a named pipe; only files, directories and symbolic links can be packed: remove it"
}

// The clock that stamps files ticks at most this often, in the kernels and
// file systems that keep fractions of a second and in those that do not.
const (
	tick       = 11 * time.Millisecond
	coarseTick = time.Second + tick
)

// settled is when the clock has passed a time of change, in nanoseconds since 1970, by
// a tick: whatever changes from then on shows.
func settled(ctime int64) time.Time {
	step := tick
	if ctime%int64(time.Second) == 0 {
		step = coarseTick
	}
	return time.Unix(0, ctime).Add(step)
}

// settleRounds limits how often Walk looks again at files that are still
// being written.
const settleRounds = 20

// WalkOptions says what of a directory belongs to its index.
type WalkOptions struct {
	// Exclude leaves out a path, and all below it if it is a directory. It is
	// called from several goroutines at once.
	Exclude func(rel string, isDir bool) bool
	// Known is an earlier index of the same directory, by Walk without Exclude;
	// nil for none. Where nothing was added or taken away since, no directory is
	// read again, which is half of the work: each of what was there is looked at
	// as ever. With Exclude it is of no use. Files that are the same keep the sums
	// that it has.
	Known Index
}

// Walk returns the index of dir, in the order of filepath.Walk: directories
// before what they hold, names of a directory sorted by their bytes. Symbolic
// links are not followed, dir included. Sockets are left out; a device, a
// named pipe and a path of more than 4095 bytes are errors that name the path.
//
// A file that was written within the last hundredth of a second makes Walk
// wait as long, see the package documentation.
func Walk(ctx context.Context, dir string, opt WalkOptions) (ix Index, err error) {
	dir = filepath.Clean(dir)
	root, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.close(&err)
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(root.fd, &st) }); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: dir, Err: err}
	}

	w := &walker{root: root, exclude: opt.Exclude, start: time.Now(), buffers: freelist{size: 32 << 10}}
	mode := modeOf(uint32(st.Mode))
	if opt.Exclude == nil {
		ix, err = w.again(ctx, mode, opt.Known)
	}
	if ix == nil && err == nil {
		ix, err = w.all(ctx, mode)
	}
	if err != nil {
		return nil, err
	}
	if err := w.settle(ctx, ix, w.start); err != nil {
		return nil, err
	}
	if err := w.vouch(ix); err != nil {
		return nil, err
	}
	ix.adopt(opt.Known)
	return ix, nil
}

// all walks everything below a root that has a mode.
func (w *walker) all(ctx context.Context, mode fs.FileMode) (Index, error) {
	group, walking := errgroup.WithContext(ctx)
	group.SetLimit(workers())
	w.group = group
	var top folder
	group.Go(func() error { return w.walk(walking, "", &top) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	ix := make(Index, 0, top.count()+1)
	ix = append(ix, Entry{Mode: mode})
	return top.appendTo(ix), nil
}

// workers is how many directories are looked at at a time.
func workers() int { return min(max(2, runtime.GOMAXPROCS(0)), 8) }

// walker walks the directories below a root, several at a time.
type walker struct {
	root    *root
	exclude func(string, bool) bool
	// start is when the walk began.
	start   time.Time
	group   *errgroup.Group
	buffers freelist
}

// folder is what one directory holds; sub are its directories, in the order
// of entries.
type folder struct {
	entries []Entry
	sub     []folder
}

func (f *folder) count() int {
	n := len(f.entries)
	for i := range f.sub {
		n += f.sub[i].count()
	}
	return n
}

func (f *folder) appendTo(ix Index) Index {
	next := 0
	for _, e := range f.entries {
		ix = append(ix, e)
		if e.Mode.IsDir() {
			ix = f.sub[next].appendTo(ix)
			next++
		}
	}
	return ix
}

// walk fills f with the directory at rel and, as far as others are free to
// help, leaves the directories below it to them.
func (w *walker) walk(ctx context.Context, rel string, f *folder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.list(rel, f); err != nil {
		return err
	}
	next := 0
	for i := range f.entries {
		if !f.entries[i].Mode.IsDir() {
			continue
		}
		path, sub := f.entries[i].Path, &f.sub[next]
		next++
		if !w.group.TryGo(func() error { return w.walk(ctx, path, sub) }) {
			if err := w.walk(ctx, path, sub); err != nil {
				return err
			}
		}
	}
	return nil
}

// list reads one directory.
func (w *walker) list(rel string, f *folder) (err error) {
	fd, err := w.root.open(rel, unix.O_DIRECTORY)
	if err != nil {
		return w.fail("open", rel, err)
	}
	defer closeFD(fd, &err)
	paths, err := w.paths(fd, rel)
	if err != nil {
		return w.fail("read", rel, err)
	}
	f.entries = make([]Entry, 0, len(paths))
	dirs := 0
	for _, path := range paths {
		e, err := w.entry(fd, rel, path)
		if err != nil {
			return err
		}
		if e.Mode&fs.ModeSocket != 0 || w.exclude != nil && w.exclude(e.Path, e.Mode.IsDir()) {
			continue
		}
		if e.Mode&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeIrregular) != 0 {
			return &SpecialError{Path: w.root.path(e.Path)}
		}
		if e.Mode.IsDir() {
			dirs++
		}
		f.entries = append(f.entries, e)
	}
	f.sub = make([]folder, dirs)
	return nil
}

// paths are those of the entries of the directory at rel, in order. They are
// pieces of one string: a tree has many, and each on its own costs more.
func (w *walker) paths(fd int, rel string) ([]string, error) {
	buf := w.buffers.get()
	defer w.buffers.put(buf)
	var names []string
	for {
		n := 0
		err := retry(func() (err error) { n, err = unix.ReadDirent(fd, buf); return err })
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	slices.Sort(names)
	if rel == "" {
		return names, nil
	}
	size := 0
	for _, name := range names {
		size += len(rel) + len("/") + len(name)
	}
	var all strings.Builder
	all.Grow(size)
	for _, name := range names {
		all.WriteString(rel)
		all.WriteByte('/')
		all.WriteString(name)
	}
	rest := all.String()
	for i, name := range names {
		names[i], rest = rest[:len(rel)+len("/")+len(name)], rest[len(rel)+len("/")+len(name):]
	}
	return names, nil
}

// entry looks at the entry at path of the directory at rel.
func (w *walker) entry(fd int, rel, path string) (Entry, error) {
	e := Entry{Path: path}
	name := path
	if rel != "" {
		name = path[len(rel)+len("/"):]
	}
	if len(path) > maxPath {
		return e, fmt.Errorf("%s/%.40s...: the path of a file has more than %d bytes: remove the nested directories", w.root.dir, e.Path, maxPath)
	}
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return e, w.fail("lstat", e.Path, err)
	}
	e.Mode = modeOf(uint32(st.Mode))
	switch {
	case e.Mode.IsRegular():
		e.Fingerprint = fingerprint(&st)
	case e.Mode.IsDir():
		e.Fingerprint = fingerprint(&st)
		e.Size = 0
	case e.Mode&fs.ModeSymlink != 0:
		if e.Link, err = readlink(fd, name, st.Size); err != nil {
			return e, w.fail("readlink", e.Path, err)
		}
	}
	return e, nil
}

// vouch takes away the fingerprints of directories that may have been changed after
// they were listed, at the same tick of the clock.
func (w *walker) vouch(ix Index) error {
	for i := range ix {
		e := &ix[i]
		if !e.Mode.IsDir() || e.Fingerprint == (Fingerprint{}) {
			continue
		}
		if !settled(e.CTime).After(w.start) {
			continue
		}
		if settled(e.CTime).After(time.Now()) {
			e.Fingerprint = Fingerprint{}
			continue
		}
		now, err := w.root.stat(e.Path)
		if err != nil {
			return w.fail("lstat", e.Path, err)
		}
		if now.Size = 0; now.Fingerprint != e.Fingerprint {
			e.Fingerprint = Fingerprint{}
		}
	}
	return nil
}

// fail names the path of an error. What is gone was there when its directory
// was read.
func (w *walker) fail(op, rel string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w", w.root.path(rel), ErrChanged)
	}
	return &fs.PathError{Op: op, Path: w.root.path(rel), Err: err}
}

// settle waits until the clock has passed the newest change time, and looks
// again at the files that could have been written since at the same tick.
func (w *walker) settle(ctx context.Context, ix Index, start time.Time) error {
	for range settleRounds {
		var young []*Entry
		var until time.Time
		for i := range ix {
			e := &ix[i]
			if !e.Mode.IsRegular() || e.CTime < start.Add(-coarseTick).UnixNano() {
				continue
			}
			changed, over := time.Unix(0, e.CTime), settled(e.CTime)
			// A time that lies ahead comes from another clock, which no wait
			// here can catch up with.
			if over.Before(start) || changed.After(start.Add(coarseTick)) {
				continue
			}
			young = append(young, e)
			if over.After(until) {
				until = over
			}
		}
		if len(young) == 0 {
			return nil
		}
		if err := wait(ctx, time.Until(until)); err != nil {
			return err
		}
		start = time.Now()
		calm := true
		for _, e := range young {
			now, err := w.root.stat(e.Path)
			if err != nil {
				return w.fail("lstat", e.Path, err)
			}
			if !now.Mode.IsRegular() {
				return fmt.Errorf("%s %w", w.root.path(e.Path), ErrChanged)
			}
			calm = calm && now.Mode == e.Mode && now.Fingerprint == e.Fingerprint
			e.Mode, e.Fingerprint = now.Mode, now.Fingerprint
		}
		if calm {
			return nil
		}
	}
	return fmt.Errorf("%s %w", w.root.dir, ErrChanged)
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
