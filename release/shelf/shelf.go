package shelf

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/flock"
)

// lockName is the file of a shelf that is locked.
const lockName = ".lock"

// Shelf is one of them.
type Shelf struct {
	Dir string
	// What lies on it, in the plural, for messages.
	What string
}

// Hold keeps others from removing anything until it is closed. It makes the shelf
// if it is not there.
func (s Shelf) Hold() (io.Closer, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, s.keeping(err)
	}
	f, err := s.lock()
	if err != nil {
		return nil, s.keeping(err)
	}
	if err := flock.Share(f); err != nil {
		return nil, errors.Join(s.keeping(err), f.Close())
	}
	return f, nil
}

func (s Shelf) keeping(err error) error { return fmt.Errorf("keeping the %s: %w", s.What, err) }

func (s Shelf) lock() (*os.File, error) {
	return os.OpenFile(filepath.Join(s.Dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
}

// Alone calls remove with the names of all on the shelf, while nobody can add to
// it. It does not where there is no shelf, or while somebody holds it; the next
// time will do.
func (s Shelf) Alone(remove func(names []string) error) error {
	lock, err := s.lock()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.keeping(err)
	}
	defer lock.Close()
	if locked, err := flock.Try(lock); err != nil || !locked {
		return err
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return fmt.Errorf("removing %s: %w", s.What, err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if err := remove(names); err != nil {
		return fmt.Errorf("removing %s: %w", s.What, err)
	}
	return nil
}

// IsSum tells whether a text is a sha256 in hexadecimal.
func IsSum(text string) bool {
	return len(text) == 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}

// Reader reads from another one until a context ends.
func Reader(ctx context.Context, from io.Reader) io.Reader { return reader{from, ctx.Err} }

type reader struct {
	from io.Reader
	err  func() error
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.err(); err != nil {
		return 0, err
	}
	return r.from.Read(b)
}
