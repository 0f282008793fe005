package slugs

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

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/shelf"
)

var _ release.Kept = Store{}

// Store is the slugs in a directory.
type Store struct{ Dir string }

const (
	suffix = ".tgz"
	algo   = "sha256:"
)

func (s Store) shelf() shelf.Shelf { return shelf.Shelf{Dir: s.Dir, What: "slugs"} }

// Hold keeps others from removing slugs until it is closed.
func (s Store) Hold() (io.Closer, error) { return s.shelf().Hold() }

// Kept is a slug of the store.
type Kept struct {
	// Digest is that of its bytes, as "sha256:<hex>".
	Digest string
	// Path is its file, and Size what that has, in bytes.
	Path string
	Size int64
}

// Put keeps the slug in a file. The caller holds the store. A file that is no
// slug is a *slug.FileError.
func (s Store) Put(ctx context.Context, file string) (Kept, error) {
	from, err := os.Open(file)
	if err != nil {
		// Why it cannot be read is said in the words of slugs.
		_, err = slug.Inspect(ctx, file, slug.Limits{})
		return Kept{}, err
	}
	defer from.Close()
	sum, size, err := sumOf(ctx, from)
	if err != nil {
		return Kept{}, fmt.Errorf("reading the slug %s: %w", file, err)
	}
	k := Kept{Digest: algo + sum, Path: filepath.Join(s.Dir, sum+suffix), Size: size}
	if _, err := s.Path(ctx, k.Digest); err == nil {
		return k, nil
	}
	if err := beside.Sweep(s.Dir); err != nil {
		return Kept{}, fmt.Errorf("keeping the slug: %w", err)
	}
	err = beside.Write(s.Dir, k.Path, func(to *os.File) error {
		return duplicate(ctx, from, to, file, sum)
	})
	if err == nil {
		err = beside.SyncDir(s.Dir)
	}
	if err != nil {
		return Kept{}, fmt.Errorf("keeping the slug: %w", err)
	}
	return k, nil
}

// duplicate copies a slug whose digest is known.
func duplicate(ctx context.Context, from, to *os.File, file, sum string) error {
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) != nil {
		if _, err := from.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(to, shelf.Reader(ctx, from)); err != nil {
			return err
		}
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return err
	}
	got, _, err := sumOf(ctx, to)
	if err == nil && got != sum {
		err = &slug.FileError{File: file, Err: errors.New("it changed while it was read")}
	}
	return err
}

// Path is the file of a slug, whose bytes are those of the digest. It is a
// *release.SlugError where they are not.
func (s Store) Path(ctx context.Context, digest string) (string, error) {
	sum, is := strings.CutPrefix(digest, algo)
	if !is || !shelf.IsSum(sum) {
		return "", &release.SlugError{Digest: digest, Problem: "has no digest that could be checked"}
	}
	file := filepath.Join(s.Dir, sum+suffix)
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &release.SlugError{Digest: digest, Problem: "is not in " + s.Dir + " any more"}
	}
	if err != nil {
		return "", fmt.Errorf("looking at the slug: %w", err)
	}
	defer f.Close()
	got, _, err := sumOf(ctx, f)
	if err != nil {
		return "", fmt.Errorf("looking at the slug: %w", err)
	}
	if got != sum {
		return "", &release.SlugError{Digest: digest, Problem: fmt.Sprintf("is not what it was: %s has other bytes", file)}
	}
	return file, nil
}

// Prune removes the slugs that are not used and returns their digests. Which ones
// are, by digest, is asked when nobody can add one. It removes nothing while
// somebody holds the store; the next time will do.
func (s Store) Prune(used func() (map[string]bool, error)) (gone []string, err error) {
	err = s.shelf().Alone(func(names []string) error {
		keep, err := used()
		if err != nil {
			return err
		}
		for _, name := range names {
			sum, is := strings.CutSuffix(name, suffix)
			if !is || !shelf.IsSum(sum) || keep[algo+sum] {
				continue
			}
			if err := os.Remove(filepath.Join(s.Dir, name)); err != nil {
				return err
			}
			gone = append(gone, algo+sum)
		}
		return nil
	})
	return gone, err
}

func sumOf(ctx context.Context, from io.Reader) (sum string, size int64, err error) {
	hash := sha256.New()
	size, err = io.Copy(hash, shelf.Reader(ctx, from))
	return hex.EncodeToString(hash.Sum(nil)), size, err
}
