package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// linksAtOnce is how many files a worker of Link takes at a time.
const linksAtOnce = 512

// Link makes the directory to, which must not be there, of the directory from in the
// state of an index: its files as hard links, everything else anew. It returns the
// index of to.
//
// A file of from that is another one than in the index, but for its change time,
// which every link changes, is an error that wraps ErrChanged. Where the two
// directories are on different mounts the error wraps unix.EXDEV. After an error, to
// may be there in part.
//
// Like Walk it returns only when the clock has passed the newest change time.
func Link(ctx context.Context, from, to string, index Index) (linked Index, err error) {
	l := linker{index: index, linked: make(Index, len(index))}
	if l.from, err = openRoot(from); err != nil {
		return nil, err
	}
	defer l.from.close(&err)
	if err := retry(func() error { return unix.Mkdir(to, 0o700) }); err != nil {
		return nil, &fs.PathError{Op: "mkdir", Path: to, Err: err}
	}
	if l.to, err = openRoot(to); err != nil {
		return nil, err
	}
	defer l.to.close(&err)
	if err := l.others(); err != nil {
		return nil, err
	}
	group, linking := errgroup.WithContext(ctx)
	group.SetLimit(min(max(2, runtime.GOMAXPROCS(0)), 8))
	for start := 0; start < len(index); start += linksAtOnce {
		group.Go(func() error {
			if err := linking.Err(); err != nil {
				return err
			}
			return l.files(start, min(start+linksAtOnce, len(index)))
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := l.modes(); err != nil {
		return nil, err
	}
	return l.linked, l.settle(ctx)
}

// linker makes one directory.
type linker struct {
	from, to      *root
	index, linked Index
}

// others makes the directories and symbolic links.
func (l *linker) others() error {
	for i := range l.index {
		e := &l.index[i]
		if e.Mode.IsRegular() {
			continue
		}
		l.linked[i] = *e
		switch {
		case e.Path == "" && e.Mode.IsDir():
		case e.Mode.IsDir():
			// Nothing could be made in one without write permission.
			if err := retry(func() error { return unix.Mkdirat(l.to.fd, e.Path, 0o700) }); err != nil {
				return &fs.PathError{Op: "mkdir", Path: l.to.path(e.Path), Err: err}
			}
		case e.Mode&fs.ModeSymlink != 0:
			if err := retry(func() error { return unix.Symlinkat(e.Link, l.to.fd, e.Path) }); err != nil {
				return &fs.PathError{Op: "symlink", Path: l.to.path(e.Path), Err: err}
			}
		default:
			return &SpecialError{Path: l.from.path(e.Path)}
		}
	}
	return nil
}

// files links the files of a part of the index.
func (l *linker) files(start, end int) error {
	for i := start; i < end; i++ {
		e := &l.index[i]
		if !e.Mode.IsRegular() {
			continue
		}
		err := retry(func() error { return unix.Linkat(l.from.fd, e.Path, l.to.fd, e.Path, 0) })
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s %w", l.from.path(e.Path), ErrChanged)
		}
		if err != nil {
			return &fs.PathError{Op: "link", Path: l.from.path(e.Path), Err: err}
		}
		now, err := l.to.stat(e.Path)
		if err != nil {
			return &fs.PathError{Op: "lstat", Path: l.to.path(e.Path), Err: err}
		}
		now.Path, now.Sum = e.Path, e.Sum
		l.linked[i] = now
		now.CTime = e.CTime
		if !now.same(e) {
			return fmt.Errorf("%s %w", l.from.path(e.Path), ErrChanged)
		}
	}
	return nil
}

// modes gives directories their modes, the deepest first.
func (l *linker) modes() error {
	for i := len(l.index) - 1; i >= 0; i-- {
		e := &l.index[i]
		if !e.Mode.IsDir() {
			continue
		}
		path := e.Path
		if path == "" {
			path = "."
		}
		if err := retry(func() error { return unix.Fchmodat(l.to.fd, path, uint32(bits(e.Mode)), 0) }); err != nil {
			return &fs.PathError{Op: "chmod", Path: l.to.path(e.Path), Err: err}
		}
	}
	return nil
}

// settle waits until a later write to a file shows.
func (l *linker) settle(ctx context.Context) error {
	var newest int64
	for i := range l.linked {
		newest = max(newest, l.linked[i].CTime)
	}
	if time.Unix(0, newest).After(time.Now().Add(coarseTick)) {
		return ctx.Err() // from another clock
	}
	return wait(ctx, time.Until(settled(newest)))
}
