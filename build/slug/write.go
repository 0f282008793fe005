package slug

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/pack"
)

// Kind is the kind of the artifacts that this package makes.
const Kind = "slug"

// The limits of a Writer that names none, in compressed bytes. They are
// Heroku's.
const (
	DefaultMaxSize  = 500 << 20
	DefaultWarnSize = 300 << 20
)

// Unlimited is the MaxSize of a Writer that takes any slug.
const Unlimited = -1

// bigDirs is how many directories a TooLargeError names.
const bigDirs = 10

// stretch is how much is copied between two looks at the context.
const stretch = 32 << 20

// Memory remembers what was written where. A pack.Store is one.
type Memory interface {
	Lookup(key pack.Key) (pack.Record, bool)
	Put(key pack.Key, r pack.Record) error
}

// Writer concatenates segments into a slug.
type Writer struct {
	// Memory saves work when a destination already holds the slug, or when
	// the same segments were concatenated before. It may be nil.
	Memory Memory
	// MaxSize is the largest slug that is written, in bytes; DefaultMaxSize
	// when zero, none when negative.
	MaxSize int64
	// WarnSize is the size in bytes above which Large is called;
	// DefaultWarnSize when zero.
	WarnSize int64
	// Large hears of a slug above WarnSize before it is written.
	Large func(size int64)
	// Warn hears of trouble with Memory. Without it such trouble is an error,
	// although the slug has been written.
	Warn func(error)
}

// Write makes the slug of segments, in their order, at dest: beside it first,
// and under its name when it is whole and on disk. Nothing is written or read
// if dest holds the very slug already and Memory knows. The tree, from which
// the segments were made, serves to name its biggest directories when the slug
// is too large.
//
// The errors are *TooLargeError, *NoSpaceError and those of the file system.
func (w Writer) Write(ctx context.Context, dest string, tree artifact.Tree, segments []artifact.Segment) (artifact.Artifact, error) {
	a := artifact.Artifact{Kind: Kind, Ref: dest, Layers: segments}
	for _, s := range segments {
		a.Size += s.Size
	}
	if limit := cmp.Or(w.MaxSize, DefaultMaxSize); limit >= 0 && a.Size > limit {
		return artifact.Artifact{}, tooLarge(ctx, tree, a.Size, limit)
	}
	if a.Size > cmp.Or(w.WarnSize, DefaultWarnSize) && w.Large != nil {
		w.Large(a.Size)
	}
	path, err := place(dest)
	if err != nil {
		return artifact.Artifact{}, err
	}
	content := contentKey(segments)
	if w.Memory != nil {
		if r, ok := w.Memory.Lookup(content); ok && r.Segment.Size == a.Size {
			a.Digest = r.Segment.Digest
		}
		if r, ok := w.Memory.Lookup(placeKey(path)); ok && a.Digest != "" && r.Segment.Digest == a.Digest && r.Segment.File == path && r.Intact() {
			return a, nil
		}
	}
	hash := progress{memory: w.Memory}
	state, err := write(ctx, path, segments, &hash, &a)
	if err != nil {
		if full(err) {
			err = &NoSpaceError{Path: dest, Need: a.Size, Free: free(filepath.Dir(path)), Err: err}
		}
		return artifact.Artifact{}, fmt.Errorf("writing the slug: %w", err)
	}
	if w.Memory != nil {
		r := pack.Record{File: state, Segment: artifact.Segment{Name: Kind, Digest: a.Digest, Size: a.Size, File: path}}
		if err := errors.Join(hash.trouble, w.Memory.Put(content, r), w.Memory.Put(placeKey(path), r)); err != nil {
			err = fmt.Errorf("remembering the slug: %w", err)
			if w.Warn == nil {
				return artifact.Artifact{}, err
			}
			w.Warn(err)
		}
	}
	return a, nil
}

// contentKey is the identity of a list of segments.
func contentKey(segments []artifact.Segment) pack.Key {
	words := []string{"slug of"}
	for _, s := range segments {
		words = append(words, s.Digest)
	}
	return pack.NewKey(words...)
}

// placeKey is the identity of a destination.
func placeKey(path string) pack.Key { return pack.NewKey("slug at", path) }

// Check says what would keep a slug from being written to dest, so that nobody
// has to wait for a build to learn it.
func Check(dest string) error {
	path, err := place(dest)
	if err != nil {
		return err
	}
	if err := beside.Writable(filepath.Dir(path)); err != nil {
		return fmt.Errorf("writing the slug to %s: %w", dest, err)
	}
	return nil
}

// place returns the absolute path of the file that dest stands for, and makes
// sure that it may be replaced.
func place(dest string) (string, error) {
	path, err := filepath.Abs(dest)
	if err != nil {
		return "", fmt.Errorf("writing the slug to %s: %w", dest, err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("writing the slug: %w", err)
	case info.IsDir():
		return "", fmt.Errorf("%s is a directory: name the slug's file, as in %s", dest, filepath.Join(dest, "slug.tgz"))
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file, which a slug could replace", dest)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("writing the slug to %s: there is no directory %s: make it first", dest, filepath.Dir(path))
	}
	return path, nil
}

// write concatenates the segments beside path, gives the result its name and
// returns its fingerprint. It hashes the slug unless its digest is known.
func write(ctx context.Context, path string, segments []artifact.Segment, hash *progress, a *artifact.Artifact) (state pack.Fingerprint, err error) {
	dir := filepath.Dir(path)
	if err := beside.Write(dir, path, func(file *os.File) error { return fill(ctx, file, segments, hash, a) }); err != nil {
		return state, err
	}
	if err := beside.SyncDir(dir); err != nil {
		return state, err
	}
	return pack.FingerprintOf(path)
}

// fill concatenates the segments, and hashes the slug unless its digest is
// known.
func fill(ctx context.Context, file *os.File, segments []artifact.Segment, hash *progress, a *artifact.Artifact) error {
	group, copying := errgroup.WithContext(ctx)
	group.Go(func() error {
		for _, s := range segments {
			if err := appendSegment(copying, file, s); err != nil {
				return err
			}
		}
		return nil
	})
	if a.Digest == "" {
		// The hash reads the segments itself, so that the copy can be left to
		// the file system, which may share the bytes.
		group.Go(func() (err error) {
			a.Digest, err = hash.sum(copying, segments)
			return err
		})
	}
	return group.Wait()
}

func appendSegment(ctx context.Context, out io.Writer, s artifact.Segment) (err error) {
	in, err := os.Open(s.File)
	if err != nil {
		return fmt.Errorf("reading segment %s: %w", s.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for done := int64(0); done < s.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(out, in, min(stretch, s.Size-done))
		done += n
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("segment %s has %d bytes in %s, expected %d", s.Name, done, s.File, s.Size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tooLarge names the biggest directories of a tree.
func tooLarge(ctx context.Context, tree artifact.Tree, size, limit int64) error {
	e := &TooLargeError{Size: size, Max: limit}
	dirs := map[string]string{tree.App.Host: tree.App.Path}
	for _, layer := range tree.LaunchLayers {
		dirs[layer.Dir.Host] = layer.Dir.Path
	}
	for host, seen := range dirs {
		index, err := pack.Walk(ctx, host, pack.WalkOptions{Exclude: func(rel string, _ bool) bool {
			// What lies among the layers and is none of them is not in the slug.
			return filepath.Join(host, rel) == tree.Layers.Host
		}})
		if err != nil {
			return errors.Join(e, err)
		}
		for _, d := range index.Biggest(bigDirs) {
			e.Biggest = append(e.Biggest, pack.DirSize{Path: seen + "/" + d.Path, Size: d.Size})
		}
		if host != tree.App.Host {
			e.Biggest = append(e.Biggest, pack.DirSize{Path: seen, Size: index.Size()})
		}
	}
	slices.SortFunc(e.Biggest, func(a, b pack.DirSize) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Path, b.Path))
	})
	e.Biggest = e.Biggest[:min(bigDirs, len(e.Biggest))]
	return e
}
