package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/pack"
)

// blobsAtOnce is how many blobs are copied at a time.
const blobsAtOnce = 4

// layoutFile is the content of oci-layout.
const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

// Layout is an OCI layout in a directory: oci:DIR[:TAG].
//
// Blobs that are there are not written again; they are read again, to compare
// them with their digests, unless Memory knows them. Images with other tags
// stay. Without a tag the image takes the place of the one without a tag for
// the same platform, and of an index without a tag, which may have one. Several
// processes may export to one layout at a time.
type Layout struct {
	Dir, Tag string
	// Memory remembers which blobs are known to be whole. It may be nil.
	Memory pack.Store
	// Alone names no image but the exported one in the layout.
	Alone bool
	// Sparse leaves out the layers whose bytes are not where they come from, such
	// as those of another layout that is sparse.
	Sparse bool
	// Progress is told of the bytes that were copied. It may be nil.
	Progress func(done, total int64)
	// Warn hears of trouble with the memory, which costs time at the next
	// export and nothing else. Without it such trouble is an error.
	Warn func(error)
}

// Export writes the image to the layout.
func (l Layout) Export(ctx context.Context, image Image) (artifact.Artifact, error) {
	c, err := contentOf(image)
	if err == nil {
		err = l.write(ctx, c)
	}
	return l.made(ctx, c, err, image)
}

// made is the artifact that images became, or the error for why they did not.
func (l Layout) made(_ context.Context, c content, err error, images ...Image) (artifact.Artifact, error) {
	if err != nil {
		return artifact.Artifact{}, fmt.Errorf("writing to oci:%s: %w", joinTag(l.Dir, l.Tag), err)
	}
	return c.artifact("oci", joinTag(l.Dir, l.Tag), images...), nil
}

// write writes the blobs and then names the last of them in the layout.
func (l Layout) write(ctx context.Context, c content) error {
	if err := l.prepare(); err != nil {
		return err
	}
	if err := l.putBlobs(ctx, c.blobs); err != nil {
		return err
	}
	return l.publish(c.descriptor)
}

// Check says what would keep an image from being written to the layout.
func (l Layout) Check(context.Context) error {
	err := l.usable()
	if err == nil {
		err = beside.Writable(l.Dir)
	}
	if err != nil {
		return fmt.Errorf("writing to oci:%s: %w", joinTag(l.Dir, l.Tag), err)
	}
	return nil
}

// usable makes sure that the directory is a layout, or can become one.
func (l Layout) usable() error {
	if info, err := os.Stat(l.Dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file, and an OCI layout is a directory: name another", l.Dir)
	}
	entries, err := os.ReadDir(l.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	foreign, known := false, false
	for _, entry := range entries {
		switch name := entry.Name(); name {
		case "oci-layout", "index.json", "blobs":
			known = true
		default:
			foreign = foreign || !strings.HasPrefix(name, beside.Prefix)
		}
	}
	if foreign && !known {
		return errors.New("the directory holds something else than an OCI layout: name a new one")
	}
	if _, err := l.checkVersion(); err != nil {
		return err
	}
	_, _, err = l.index()
	return err
}

// prepare makes the directories. One that holds something else is left alone.
func (l Layout) prepare() error {
	if err := l.usable(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(l.Dir, "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	return beside.Sweep(l.Dir)
}

// putBlobs writes the blobs that are not there.
func (l Layout) putBlobs(ctx context.Context, blobs []blob) error {
	missing := make([]bool, len(blobs))
	group, checking := errgroup.WithContext(ctx)
	group.SetLimit(blobsAtOnce)
	for i, b := range blobs {
		group.Go(func() (err error) {
			missing[i], err = l.missing(checking, b)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var todo []blob
	var total int64
	for i, b := range blobs {
		if missing[i] && (!l.Sparse || !b.nowhere()) {
			todo = append(todo, b)
			total += b.size
		}
	}
	if len(todo) == 0 {
		return nil
	}
	p := newProgress(l.Progress, total)
	group, copying := errgroup.WithContext(ctx)
	group.SetLimit(blobsAtOnce)
	for _, b := range todo {
		group.Go(func() error { return l.put(copying, b, p) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return beside.SyncDir(filepath.Join(l.Dir, "blobs", "sha256"))
}

// path is where a blob is.
func (l Layout) path(b blob) string {
	return filepath.Join(l.Dir, filepath.FromSlash(blobPath(b.digest)))
}

// missing says whether a blob is not there, or is not what its name says.
func (l Layout) missing(ctx context.Context, b blob) (bool, error) {
	path := l.path(b)
	now, err := pack.FingerprintOf(path)
	if err != nil || now.Size != b.size {
		return true, nil
	}
	key, err := l.key(path)
	if err != nil {
		return false, err
	}
	if l.Memory != nil {
		if known, found := l.Memory.Lookup(key); found && known.File == now && known.Segment.Digest == b.digest.String() {
			return false, nil
		}
	}
	there := blob{b.digest, b.size, func() (io.ReadCloser, error) { return os.Open(path) }}
	if err := there.copyTo(ctx, io.Discard, newProgress(nil, 0)); err != nil {
		return true, ctx.Err()
	}
	return false, l.remember(key, path, b, now)
}

// put writes a blob.
func (l Layout) put(ctx context.Context, b blob, p *progress) error {
	path := l.path(b)
	if err := beside.Write(l.Dir, path, func(w *os.File) error { return b.copyTo(ctx, w, p) }); err != nil {
		return err
	}
	now, err := pack.FingerprintOf(path)
	if err != nil {
		return err
	}
	key, err := l.key(path)
	if err != nil {
		return err
	}
	return l.remember(key, path, b, now)
}

// key is under which a blob of the layout is remembered.
func (l Layout) key(path string) (pack.Key, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return pack.Key{}, err
	}
	return pack.NewKey("oci layout", absolute), nil
}

// remember notes that a blob is whole.
func (l Layout) remember(key pack.Key, path string, b blob, now pack.Fingerprint) error {
	if l.Memory == nil {
		return nil
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	err = l.Memory.Put(key, pack.Record{
		Segment: artifact.Segment{Name: "blob", Digest: b.digest.String(), Size: b.size, File: absolute},
		File:    now,
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("remembering the blob %s: %w", b.digest, err)
	if l.Warn == nil {
		return err
	}
	l.Warn(err)
	return nil
}
