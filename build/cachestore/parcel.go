package cachestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
	"github.com/slugc/slugc/stack/untar"
)

// parcel is a layer on its way from a registry to its place.
type parcel struct {
	layer remoteLayer
	entry *Entry
	// temp is a directory of its own, to is where the layer goes.
	temp, to string
}

// receive gets the layer and returns the sum of its index. Nothing of it is at
// its place before all of it is on this machine and has the right digests.
func (p parcel) receive(ctx context.Context, puller *remote.Puller, from name.Repository, came func(int64)) (string, error) {
	root := filepath.Join(p.temp, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	blob := filepath.Join(p.temp, "blob")
	special, files, err := p.unpack(ctx, puller, from.Digest(p.layer.Segment.Digest), root, blob, came)
	if err != nil {
		return "", err
	}
	index, err := p.settle(ctx, root, special, files)
	if err != nil {
		return "", err
	}
	if err := p.keep(blob, index); err != nil {
		return "", err
	}
	for _, file := range p.layer.SBOM {
		if err := p.sbom(ctx, puller, from.Digest(file.Digest), came); err != nil {
			return "", fmt.Errorf("its SBOM: %w", err)
		}
	}
	return p.entry.writeIndex(index)
}

// unpack gets the blob, keeps it in a file and unpacks it, in one pass. It
// returns what the disk does not hold and the number of files.
func (p parcel) unpack(ctx context.Context, puller *remote.Puller, ref name.Digest, dir, blob string, came func(int64)) (special stack.Attributes, files int, err error) {
	body, err := open(ctx, puller, ref)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	file, err := os.Create(blob)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()

	segment := p.layer.Segment
	packed := &counted{from: io.TeeReader(&heard{from: body, came: came}, file), sum: sha256.New(), most: segment.Size}
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return nil, 0, p.damaged(packed, err)
	}
	raw := &counted{from: unzipped, sum: sha256.New(), most: segment.RawSize}
	tree := untar.New(root, untar.Options{Rooted: true})
	if files, err = tree.Unpack(ctx, untar.Stream{Reader: raw, Name: p.layer.id()}); err != nil {
		return nil, 0, p.damaged(packed, err)
	}
	// The digest is compared where the blob ends.
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return nil, 0, p.damaged(packed, err)
	}
	if err := errors.Join(packed.check(segment.Digest), raw.check(segment.DiffID)); err != nil {
		return nil, 0, &foreignError{err}
	}
	special, err = tree.Finish(ctx)
	return special, files, err
}

// damaged is the error of a blob that cannot be unpacked. If it is the
// transfer that broke, another attempt may help.
func (p parcel) damaged(packed *counted, err error) error {
	if packed.err != nil && !errors.Is(packed.err, io.EOF) {
		return packed.err
	}
	if packed.read < p.layer.Segment.Size {
		return fmt.Errorf("%d of %d bytes came: %w", packed.read, p.layer.Segment.Size, io.ErrUnexpectedEOF)
	}
	return &foreignError{fmt.Errorf("it is damaged: %w", err)}
}

// settle puts the unpacked layer in its place and returns its index, with the
// sums of small files. From then on nothing tells it from one that was built
// here.
func (p parcel) settle(ctx context.Context, root string, special stack.Attributes, files int) (pack.Index, error) {
	dir, err := p.unpacked(root)
	if err != nil {
		return nil, err
	}
	// Owners come first: changing one takes special bits away.
	if err := sandbox.GiveTree(dir); err != nil {
		return nil, err
	}
	if err := restoreModes(root, special); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, p.layer.Mode); err != nil {
		return nil, err
	}
	walked, err := pack.Walk(ctx, dir, pack.WalkOptions{})
	if err != nil {
		return nil, err
	}
	content, index, err := pack.Contents(ctx, dir, walked)
	if err != nil {
		return nil, err
	}
	if content != p.layer.Content {
		return nil, &foreignError{fmt.Errorf("its content is %s, expected %s", content, p.layer.Content)}
	}
	if found := len(index.Select(func(e pack.Entry) bool { return !e.Mode.IsDir() })); found != files {
		return nil, &foreignError{fmt.Errorf("its archive has %d files besides those of the layer", files-found)}
	}
	if err := sandbox.Remove(p.to); err != nil {
		return nil, err
	}
	return index, move(dir, p.to)
}

// unpacked finds the layer in what was unpacked. A link on the way there could
// lead out of it.
func (p parcel) unpacked(root string) (string, error) {
	dir := root
	for name := range strings.SplitSeq(strings.TrimPrefix(path.Clean("/"+p.layer.Segment.Prefix), "/"), "/") {
		dir = filepath.Join(dir, name)
		info, err := os.Lstat(dir)
		if err == nil && !info.IsDir() || errors.Is(err, fs.ErrNotExist) {
			return "", &foreignError{fmt.Errorf("its archive has no directory %s", p.layer.Segment.Prefix)}
		}
		if err != nil {
			return "", err
		}
	}
	return dir, nil
}

// restoreModes gives files the modes that unpacking did not.
func restoreModes(dir string, special stack.Attributes) error {
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	for name, a := range special {
		file := filepath.Join(dir, filepath.FromSlash(name))
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 || info.Mode()&bits == a.Mode {
			continue
		}
		if err := os.Chmod(file, a.Mode); err != nil {
			return err
		}
	}
	return nil
}

// keep leaves the blob to the packed segments, so that nothing is packed again
// that did not change. It is a saving and no more.
func (p parcel) keep(blob string, index pack.Index) error {
	segment := p.layer.Segment
	key, err := pack.ParseKey(segment.Key)
	if err != nil {
		return err
	}
	store := pack.DirStore{Dir: p.entry.Packed()}
	file, err := store.Keep(blob, segment.Digest)
	if err != nil {
		return err
	}
	record, err := segment.record(p.layer.id(), file, index)
	if err != nil {
		return err
	}
	if record.File, err = pack.FingerprintOf(file); err != nil {
		return err
	}
	return store.Put(key, record)
}

// sbom gets a file that says what is in the layer.
func (p parcel) sbom(ctx context.Context, puller *remote.Puller, ref name.Digest, came func(int64)) (err error) {
	body, err := open(ctx, puller, ref)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	data, err := io.ReadAll(io.LimitReader(&heard{from: body, came: came}, maxSBOM+1))
	if err != nil {
		return err
	}
	sum, err := p.entry.keepFile(sbomDir, data)
	if err == nil && "sha256:"+sum != ref.DigestStr() {
		err = &foreignError{fmt.Errorf("its digest is sha256:%s", sum)}
	}
	return err
}
