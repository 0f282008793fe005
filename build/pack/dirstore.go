package pack

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DirStore is a Store in a directory: blobs/<sha256> and records/<key>, and a
// lock. Several processes may use it at once, and be killed at any moment.
//
// A blob is flushed to disk before it gets its name, so that no record can
// name one that a crash of the machine left incomplete. Records are not
// flushed: one that a crash damaged fails its checksum and is not there.
type DirStore struct {
	Dir string
}

const (
	blobDir    = "blobs"
	recordDir  = "records"
	lockFile   = "lock"
	tempPrefix = ".new-"
)

const (
	// used is how exactly the store knows when a record was last used.
	used = 24 * time.Hour
	// abandoned is the age at which nobody works on a temporary file any
	// more.
	abandoned = 24 * time.Hour
)

// ErrInUse is the error of Prune while another process holds the store.
var ErrInUse = errors.New("in use by another build; try again when it has ended")

// Lookup returns the record under key. The file that it names may be gone.
func (s DirStore) Lookup(key Key) (Record, bool) {
	path := s.recordPath(key)
	b, err := readAll(path)
	if err != nil {
		return Record{}, false
	}
	r, err := parseRecord(b, key)
	if err != nil {
		return Record{}, false
	}
	if filepath.IsLocal(r.Segment.File) {
		r.Segment.File = filepath.Join(s.Dir, r.Segment.File)
	}
	touch(path)
	return r, true
}

// touch marks a record as used. It returns false if that was not needed, or
// not possible: a store that can only be read serves as well.
func touch(path string) bool {
	info, err := os.Stat(path)
	now := time.Now()
	return err == nil && now.Sub(info.ModTime()) > used && os.Chtimes(path, now, now) == nil
}

func readAll(path string) (b []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxIndexBytes {
		return nil, ErrCorrupt
	}
	b = make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}

// Keep moves a file to the store, or copies and removes it if it lies on
// another file system.
func (s DirStore) Keep(file, digest string) (string, error) {
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != len(Key{}) {
		return "", fmt.Errorf("digest %q: expected sha256:<hex>", digest)
	}
	dir := filepath.Join(s.Dir, blobDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	blob := filepath.Join(dir, sum)
	if err := flush(file); err != nil {
		return "", err
	}
	err := os.Rename(file, blob)
	if errors.Is(err, unix.EXDEV) {
		err = s.adopt(file, blob)
	}
	if err != nil {
		return "", err
	}
	return blob, nil
}

// flush has the content of a file written to disk.
func flush(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// adopt copies a file to its place in the store and removes it.
func (s DirStore) adopt(file, blob string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	err = replace(blob, func(out *os.File) error {
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
		return out.Sync()
	})
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	return os.Remove(file)
}

// Put records r under key.
func (s DirStore) Put(key Key, r Record) error {
	path := s.recordPath(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	rel, err := filepath.Rel(s.Dir, r.Segment.File)
	switch {
	case err == nil && filepath.IsLocal(rel):
		r.Segment.File = rel
	case !filepath.IsAbs(r.Segment.File):
		return fmt.Errorf("recording %s: expected an absolute path or one in %s", r.Segment.File, s.Dir)
	}
	return replace(path, func(f *os.File) error {
		_, err := f.Write(appendRecord(nil, key, &r))
		return err
	})
}

func (s DirStore) recordPath(key Key) string {
	return filepath.Join(s.Dir, recordDir, key.String())
}

// replace writes a file beside path and gives it the name when it is whole.
func replace(path string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*")
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Hold keeps Prune away until release is called or the process ends. A build
// holds the store from Pack to the last use of a segment.
func (s DirStore) Hold() (release func() error, err error) {
	f, err := s.lock(unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}

func (s DirStore) lock(how int) (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = retry(func() error { return unix.Flock(int(f.Fd()), how) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", s.Dir, err), f.Close())
	}
	return f, nil
}

// Prune removes the records that nobody used for longer than unused, and the
// blobs that no record refers to. It returns the number of bytes that this
// freed, and an error that wraps ErrInUse while anybody holds the store.
func (s DirStore) Prune(ctx context.Context, unused time.Duration) (freed int64, err error) {
	f, err := s.lock(unix.LOCK_EX | unix.LOCK_NB)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()

	wanted := map[string]bool{}
	now := time.Now()
	freed, err = s.sweep(ctx, recordDir, func(path string, info fs.FileInfo) bool {
		key, err := parseKey(filepath.Base(path))
		if err != nil || now.Sub(info.ModTime()) > unused {
			return true
		}
		b, err := readAll(path)
		if err != nil {
			return true
		}
		r, err := parseRecord(b, key)
		if err != nil {
			return true
		}
		wanted[r.Segment.File] = true
		return false
	})
	if err != nil {
		return freed, err
	}
	more, err := s.sweep(ctx, blobDir, func(path string, _ fs.FileInfo) bool {
		return !wanted[filepath.Join(blobDir, filepath.Base(path))]
	})
	return freed + more, err
}

// sweep removes the files of a directory of the store that are useless.
// Temporary files are when they are old.
func (s DirStore) sweep(ctx context.Context, name string, useless func(string, fs.FileInfo) bool) (freed int64, err error) {
	dir := filepath.Join(s.Dir, name)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return freed, err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return freed, err
		}
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), tempPrefix) {
			if time.Since(info.ModTime()) < abandoned {
				continue
			}
		} else if !useless(path, info) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return freed, err
		}
		freed += info.Size()
	}
	return freed, nil
}

func parseKey(s string) (Key, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(Key{}) {
		return Key{}, ErrCorrupt
	}
	return Key(b), nil
}
