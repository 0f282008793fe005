package pack

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// again walks what an earlier index knows, below a root that has a mode. It
// returns no index if something was added or taken away since.
func (w *walker) again(ctx context.Context, mode fs.FileMode, known Index) (Index, error) {
	folders, ok := foldersOf(known)
	if !ok {
		return nil, nil
	}
	same, err := w.same(known, folders)
	if !same || err != nil {
		return nil, err
	}
	ix := slices.Clone(known)
	ix[0] = Entry{Mode: mode}
	group, walking := errgroup.WithContext(ctx)
	var next atomic.Int64
	var changed atomic.Bool
	for range workers() {
		group.Go(func() error {
			for !changed.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(folders) {
					return nil
				}
				if err := walking.Err(); err != nil {
					return err
				}
				there, err := w.relist(ix, folders[i])
				if err != nil {
					return err
				}
				if !there {
					changed.Store(true)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil || changed.Load() {
		return nil, err
	}
	return ix, nil
}

// same says whether each directory of an index still holds what it held. The
// root has to be read for that: it may have been moved.
func (w *walker) same(known Index, folders [][]int32) (bool, error) {
	fd, err := w.root.open("", unix.O_DIRECTORY)
	if err != nil {
		return false, w.fail("open", "", err)
	}
	names, err := w.paths(fd, "")
	closeFD(fd, &err)
	if err != nil {
		return false, w.fail("read", "", err)
	}
	if !slices.EqualFunc(names, folders[0][1:], func(name string, at int32) bool { return name == known[at].Path }) {
		return false, nil
	}
	for _, f := range folders[1:] {
		then := &known[f[0]]
		now, err := w.root.stat(then.Path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return false, nil
		}
		if err != nil {
			return false, w.fail("lstat", then.Path, err)
		}
		if now.Size = 0; now.Mode != then.Mode || now.Fingerprint != then.Fingerprint {
			return false, nil
		}
	}
	return true, nil
}

// relist looks at the files and links of a directory. It returns false if they are
// something else.
func (w *walker) relist(ix Index, folder []int32) (there bool, err error) {
	dir := ix[folder[0]].Path
	fd, err := w.root.open(dir, unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		return false, w.fail("open", dir, err)
	}
	defer closeFD(fd, &err)
	for _, at := range folder[1:] {
		e := &ix[at]
		if e.Mode.IsDir() {
			continue
		}
		now, err := w.entry(fd, dir, e.Path)
		if errors.Is(err, ErrChanged) || err == nil && now.Mode.Type() != e.Mode.Type() {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		*e = now
	}
	return true, nil
}

// foldersOf are the directories of an index, the root first: the position of each
// and, after it, of what it holds. It returns false for an index that is not one
// of a walk.
func foldersOf(ix Index) (folders [][]int32, ok bool) {
	if len(ix) == 0 || ix[0].Path != "" || !ix[0].Mode.IsDir() {
		return nil, false
	}
	var open []int // the folders that an entry is in
	for i := range ix {
		e := &ix[i]
		for len(open) > 0 && !ix[folders[open[len(open)-1]][0]].holds(e.Path) {
			open = open[:len(open)-1]
		}
		if i > 0 {
			in := &folders[open[len(open)-1]]
			if ix[(*in)[0]].Path != parent(e.Path) {
				return nil, false
			}
			*in = append(*in, int32(i))
		}
		if e.Mode.IsDir() {
			// Where there is no fingerprint, nothing is known.
			if i > 0 && e.Fingerprint == (Fingerprint{}) {
				return nil, false
			}
			open = append(open, len(folders))
			folders = append(folders, []int32{int32(i)})
		}
	}
	return folders, true
}

// holds says whether path is below the directory e.
func (e *Entry) holds(path string) bool {
	below, ok := strings.CutPrefix(path, e.Path)
	return ok && (e.Path == "" || strings.HasPrefix(below, "/"))
}
