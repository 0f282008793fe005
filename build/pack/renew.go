package pack

import (
	"archive/tar"
	"bufio"
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

	"github.com/klauspost/compress/gzip"
)

// ParseKey reads what Key.String returns.
func ParseKey(s string) (Key, error) { return parseKey(s) }

// Renewal is a directory that was copied as it was, so that nothing of it
// differs but the fingerprints. Contents or Proves tells.
type Renewal struct {
	// Old is the index that records have, New the one that they are to have.
	Old, New Index
}

// Renew makes the records of directories that were copied, and whose segments
// were copied with them, good again. A segment is read to see that it is what
// its record says.
func (s DirStore) Renew(ctx context.Context, renewals []Renewal) error {
	return s.each(ctx, func(key Key, record Record) (more bool, err error) {
		if !record.renew(renewals) {
			return true, nil
		}
		whole, err := record.reread(ctx)
		if err == nil && whole {
			err = s.Put(key, record)
		}
		return true, err
	})
}

// Proves says whether a segment of the store was made of a directory when its
// index was the old one, and dir, whose index is the new one, has the same
// bytes. Names, types, modes and targets of links are not compared; the
// indexes tell.
func (s DirStore) Proves(ctx context.Context, dir string, copied Renewal) (proved bool, err error) {
	err = s.each(ctx, func(_ Key, record Record) (more bool, err error) {
		if !record.renew([]Renewal{copied}) {
			return true, nil
		}
		whole, err := record.reread(ctx)
		if err == nil && whole {
			proved, err = record.holds(ctx, dir)
		}
		return !proved, err
	})
	return proved, err
}

// each calls f with the records of the store until one says that it needs no
// more of them.
func (s DirStore) each(ctx context.Context, f func(Key, Record) (more bool, err error)) error {
	names, err := os.ReadDir(filepath.Join(s.Dir, recordDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		key, err := parseKey(name.Name())
		if err != nil {
			continue
		}
		record, found := s.Lookup(key)
		if !found {
			continue
		}
		more, err := f(key, record)
		if err != nil {
			return fmt.Errorf("reading an earlier segment: %w", err)
		}
		if !more {
			break
		}
	}
	return nil
}

// holds says whether the files of the segment have the bytes of those of dir,
// whose index is that of the record. Both are in the same order.
func (r *Record) holds(ctx context.Context, dir string) (same bool, err error) {
	file, err := os.Open(r.Segment.File)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var unzipped io.Reader = bufio.NewReaderSize(file, 256<<10)
	if !r.Segment.Raw() {
		if unzipped, err = gzip.NewReader(unzipped); err != nil {
			return false, err
		}
	}
	archive := tar.NewReader(unzipped)
	root, err := openRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.close(&err)
	buffers := [2][]byte{make([]byte, memberSize), make([]byte, memberSize)}
	for i := range r.Index {
		e := &r.Index[i]
		if !e.Mode.IsRegular() {
			continue
		}
		header, err := archive.Next()
		for err == nil && header.Typeflag != tar.TypeReg {
			header, err = archive.Next()
		}
		if errors.Is(err, io.EOF) || err == nil && header.Size != e.Size {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if same, err := root.equal(ctx, e, archive, buffers); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// equal says whether a file of the index has the bytes that are to be read.
func (r *root) equal(ctx context.Context, e *Entry, from io.Reader, buffers [2][]byte) (bool, error) {
	for offset := int64(0); offset < e.Size; offset += int64(len(buffers[0])) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		size := min(int64(len(buffers[0])), e.Size-offset)
		here, there := buffers[0][:size], buffers[1][:size]
		if err := r.read(e, offset, here); err != nil {
			return false, err
		}
		if _, err := io.ReadFull(from, there); err != nil {
			return false, err
		}
		if !bytes.Equal(here, there) {
			return false, nil
		}
	}
	return true, nil
}

// renew gives the record the new index of its directory, with the sums that it
// had. It returns false if the record is about another one.
func (r *Record) renew(renewals []Renewal) bool {
	for _, renewal := range renewals {
		if len(r.Index) == 0 || len(renewal.New) != len(r.Index) || !r.Index.Unchanged(renewal.Old) {
			continue
		}
		index := make(Index, len(r.Index))
		copy(index, renewal.New)
		for i := range index {
			index[i].Sum = r.Index[i].Sum
		}
		r.Index = index
		return true
	}
	return false
}

// reread says whether the segment of a record has the bytes that it should,
// and takes its fingerprint.
func (r *Record) reread(ctx context.Context) (whole bool, err error) {
	now, err := FingerprintOf(r.Segment.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || now == r.File {
		return err == nil, err
	}
	if now.Size != r.Segment.Size {
		return false, nil
	}
	file, err := os.Open(r.Segment.File)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	buf := make([]byte, memberSize)
	for {
		n, err := file.Read(buf)
		sum.Write(buf[:n])
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, err
		}
	}
	r.File = now
	return "sha256:"+hex.EncodeToString(sum.Sum(nil)) == r.Segment.Digest, nil
}
