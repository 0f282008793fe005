package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/shelf"
	"github.com/slugc/slugc/stack/flock"
	"github.com/slugc/slugc/stack/rootfs"
	"github.com/slugc/slugc/stack/sandbox"
)

var _ release.Kept = Store{}

// Store is the images in a directory.
type Store struct{ Dir string }

const (
	suffix   = ".json"
	blobsDir = "blobs"
	rootsDir = "roots"
	algo     = "sha256"
)

func (s Store) shelf() shelf.Shelf { return shelf.Shelf{Dir: s.Dir, What: "images"} }

// Hold keeps others from removing images until it is closed.
func (s Store) Hold() (io.Closer, error) {
	hold, err := s.shelf().Hold()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.blobs(), 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("keeping the images: %w", err), hold.Close())
	}
	return hold, nil
}

func (s Store) blobs() string            { return filepath.Join(s.Dir, blobsDir) }
func (s Store) blob(h v1.Hash) string    { return filepath.Join(s.blobs(), h.Hex) }
func (s Store) manifest(h string) string { return filepath.Join(s.Dir, h+suffix) }
func (s Store) roots() rootfs.Store      { return rootfs.Store{Dir: filepath.Join(s.Dir, rootsDir)} }

// Put keeps an image. The caller holds the store.
func (s Store) Put(ctx context.Context, image v1.Image) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keeping the image: %w", err)
		}
	}()
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if _, err := s.Path(ctx, digest.String()); err == nil {
		return nil
	}
	for _, dir := range []string{s.Dir, s.blobs()} {
		if err := beside.Sweep(dir); err != nil {
			return err
		}
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		h, err := layer.Digest()
		if err == nil {
			err = s.putBlob(ctx, h, layer.Compressed)
		}
		if err != nil {
			return err
		}
	}
	config, err := image.ConfigName()
	if err != nil {
		return err
	}
	if err := s.putBlob(ctx, config, bytesOf(image.RawConfigFile)); err != nil {
		return err
	}
	if err := beside.SyncDir(s.blobs()); err != nil {
		return err
	}
	if err := s.put(ctx, s.Dir, s.manifest(digest.Hex), digest, bytesOf(image.RawManifest)); err != nil {
		return err
	}
	return beside.SyncDir(s.Dir)
}

func (s Store) putBlob(ctx context.Context, h v1.Hash, open func() (io.ReadCloser, error)) error {
	if whole(ctx, s.blob(h), h) == nil {
		return nil
	}
	return s.put(ctx, s.blobs(), s.blob(h), h, open)
}

// put writes a file whose digest is known.
func (s Store) put(ctx context.Context, dir, path string, h v1.Hash, open func() (io.ReadCloser, error)) error {
	from, err := open()
	if err != nil {
		return err
	}
	err = beside.Write(dir, path, func(to *os.File) error {
		hash := sha256.New()
		if _, err := io.Copy(io.MultiWriter(to, hash), shelf.Reader(ctx, from)); err != nil {
			return err
		}
		if got := hex.EncodeToString(hash.Sum(nil)); h.Algorithm != algo || got != h.Hex {
			return fmt.Errorf("%s has other bytes: %s", h, got)
		}
		return nil
	})
	return errors.Join(err, from.Close())
}

// Path is the file with the manifest of an image, which is whole: the digests of
// all of it were looked at. It is a *release.ImageError where it is not.
func (s Store) Path(ctx context.Context, digest string) (string, error) {
	_, file, err := s.image(ctx, digest, true)
	return file, err
}

// image opens an image.
func (s Store) image(ctx context.Context, digest string, all bool) (image v1.Image, file string, err error) {
	wrong := func(problem string) error { return &release.ImageError{Digest: digest, Problem: problem} }
	h, err := v1.NewHash(digest)
	if err != nil || h.Algorithm != algo {
		return nil, "", wrong("has no digest that could be checked")
	}
	file = s.manifest(h.Hex)
	stored, err := open(s, h)
	if err == nil && all {
		err = stored.check(ctx)
	}
	if damaged, is := errors.AsType[*damagedError](err); is {
		return nil, "", wrong("is not what it was: " + damaged.Error())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", wrong("is not in " + s.Dir)
	}
	if err != nil {
		return nil, "", fmt.Errorf("looking at the image: %w", err)
	}
	image, err = stored.image()
	return image, file, err
}

// Open is an image of the store with its root filesystem, which stays until it is
// closed. Nobody may write to it. Where the image cannot be had, the error is a
// *release.ImageError.
func (s Store) Open(ctx context.Context, digest string) (image v1.Image, root string, lease io.Closer, err error) {
	hold, err := s.Hold()
	if err != nil {
		return nil, "", nil, err
	}
	defer func() { err = errors.Join(err, hold.Close()) }()
	if image, _, err = s.image(ctx, digest, true); err != nil {
		return nil, "", nil, err
	}
	if root, err = s.roots().Unpack(ctx, image); err != nil {
		return nil, "", nil, err
	}
	// Who removes roots locks their directory first.
	dir, err := os.Open(filepath.Dir(root))
	if err == nil {
		err = flock.Share(dir)
	}
	if err != nil {
		return nil, "", nil, fmt.Errorf("keeping the image: %w", err)
	}
	return image, root, dir, nil
}

// Prune removes the images that are not used, with what no other image shares, and
// returns their digests. Which ones are, by digest, is asked when nobody can add one.
// It removes nothing while somebody holds the store; the next time will do.
func (s Store) Prune(used func() (map[string]bool, error)) (gone []string, err error) {
	err = s.shelf().Alone(func(names []string) error {
		keep, err := used()
		if err != nil {
			return err
		}
		needed := map[string]bool{}
		for _, name := range names {
			sum, is := strings.CutSuffix(name, suffix)
			if !is || !shelf.IsSum(sum) {
				continue
			}
			h := v1.Hash{Algorithm: algo, Hex: sum}
			if !keep[h.String()] {
				if err := os.Remove(s.manifest(sum)); err != nil {
					return err
				}
				gone = append(gone, h.String())
				continue
			}
			stored, err := open(s, h)
			if err != nil {
				// Its release says so when it is to run; until then nothing is lost.
				return err
			}
			for _, d := range stored.parsed.Layers {
				needed[d.Digest.Hex] = true
			}
			needed[stored.parsed.Config.Digest.Hex] = true
		}
		return errors.Join(s.sweep(s.blobs(), needed, os.Remove), s.sweep(filepath.Join(s.Dir, rootsDir), needed, removeRoot))
	})
	return gone, err
}

// sweep removes what nobody needs of a directory.
func (s Store) sweep(dir string, needed map[string]bool, remove func(string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if shelf.IsSum(entry.Name()) && !needed[entry.Name()] {
			if err := remove(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeRoot removes a root filesystem, unless somebody has it.
func removeRoot(dir string) error {
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if free, err := flock.Try(lock); err != nil || !free {
		return err
	}
	return sandbox.Remove(dir)
}
