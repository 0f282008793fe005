package repository

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/stack/debian/xz"
	"github.com/slugc/slugc/stack/download"
)

// kept reads a Packages file from the cache, nil when it is not there as it
// should be.
func (r Repository) kept(file string, want content) ([]byte, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want.sha256 {
		return nil, nil
	}
	if r.Offline {
		return data, nil
	}
	// What is used stays in the cache.
	now := time.Now()
	if err := os.Chtimes(file, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("touching a file of the cache: %w", err)
	}
	return data, nil
}

// packages brings a Packages file into memory, from the cache or, if it is not
// there, from the archive through the cache.
func (r Repository) packages(ctx context.Context, base string, in release, l list, m *meter) ([]byte, error) {
	dir, err := r.shelf(listShelf)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, l.plain.sha256)
	if data, err := r.kept(file, l.plain); data != nil || err != nil {
		return data, err
	}
	if r.Offline {
		address, err := within(base, "dists", in.Name, l.path)
		if err != nil {
			return nil, err
		}
		return nil, &OfflineError{Missing: []string{download.Redacted(address)}, Cache: r.Cache}
	}
	m.expect(l.packed.size)
	for _, path := range in.addresses(l) {
		var address string
		if address, err = within(base, "dists", in.Name, path); err != nil {
			return nil, err
		}
		err = put(file, func(to io.Writer) error { return r.fetchList(ctx, address, l, to, m) })
		if !notFound(err) {
			break
		}
	}
	if notFound(err) {
		err = refuse(err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the packages of %s: %w", in.Name, err)
	}
	data, err := r.kept(file, l.plain)
	if err == nil && data == nil {
		err = fmt.Errorf("the cache %s does not keep what is written to it", r.Cache)
	}
	return data, err
}

// fetchList downloads, verifies and decompresses a Packages file. Bytes that
// nobody signed do not reach a decompressor, which may need much memory for few
// of them.
func (r Repository) fetchList(ctx context.Context, address string, l list, to io.Writer, m *meter) error {
	from, err := r.check(ctx, address, l.packed)
	if err != nil {
		return err
	}
	defer from.Close()
	packed := bytes.NewBuffer(make([]byte, 0, l.packed.size+bytes.MinRead))
	if _, err := io.Copy(io.MultiWriter(packed, m), from); err != nil {
		return err
	}
	if err := from.finish(); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := unpack(packed, l.ending, l.plain.size, io.MultiWriter(to, sum))
	if err != nil {
		return refuse(fmt.Errorf("unpacking %s: %w", download.Redacted(address), err))
	}
	got, want := "sha256:"+hex.EncodeToString(sum.Sum(nil)), "sha256:"+l.plain.sha256
	if n > l.plain.size {
		got = fmt.Sprintf("more than its %d bytes", l.plain.size)
	}
	if got != want {
		return refuse(&MismatchError{File: download.Redacted(address) + " (unpacked)", Want: want, Got: got})
	}
	return nil
}

// dictionary is the largest xz dictionary; that of the highest level.
const dictionary = 64 << 20

// unpack decompresses until one byte more than the limit, and returns the
// number of bytes.
func unpack(packed io.Reader, ending string, limit int64, to io.Writer) (int64, error) {
	plain := packed
	var err error
	switch ending {
	case ".xz":
		plain = xz.NewReader(packed, dictionary)
	case ".gz":
		plain, err = gzip.NewReader(packed)
	}
	if err != nil {
		return 0, err
	}
	return io.Copy(to, io.LimitReader(plain, limit+1))
}
