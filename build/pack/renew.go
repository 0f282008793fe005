package pack

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
)

// Key is the key under which Pack keeps the segment of a part in a shape.
func (p Packer) Key(part Part, shape Shape) Key {
	level := p.Level
	if level == 0 {
		level = DefaultLevel
	}
	return part.key(&shape, level)
}

// ParseKey reads what Key.String returns.
func ParseKey(s string) (Key, error) { return parseKey(s) }

// Renewal is a directory that was copied as it was, so that nothing of it
// differs but the fingerprints. Contents tells.
type Renewal struct {
	// Old is the index that records have, New the one that they are to have.
	Old, New Index
}

// Renew makes the records of directories that were copied, and whose segments
// were copied with them, good again. A segment is read to see that it is what
// its record says.
func (s DirStore) Renew(ctx context.Context, renewals []Renewal) error {
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
		if !found || !record.renew(renewals) {
			continue
		}
		whole, err := record.reread(ctx)
		if err != nil {
			return fmt.Errorf("reading an earlier segment: %w", err)
		}
		if !whole {
			continue
		}
		if err := s.Put(key, record); err != nil {
			return err
		}
	}
	return nil
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
