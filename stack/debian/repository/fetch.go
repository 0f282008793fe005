package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"

	"github.com/slugc/slugc/stack/download"
)

// content is what a file must be.
type content struct {
	// size is in bytes, sha256 in hexadecimal, in lower case.
	size   int64
	sha256 string
}

// open starts to read a file of an archive, of which at most limit bytes will
// be read.
func (r Repository) open(ctx context.Context, address string, limit int64) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("reading %s: it is not an address", download.Redacted(address))
	}
	if u.Scheme == "file" {
		file, err := os.Open(u.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading %s: %w", u.Path, errAbsent)
		}
		return file, err
	}
	return r.Fetcher.Open(ctx, download.Request{URL: address, Limit: limit})
}

// document reads a small file of an archive.
func (r Repository) document(ctx context.Context, address string, limit int64) ([]byte, error) {
	from, err := r.open(ctx, address, limit)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	data, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = refuse(fmt.Errorf("reading %s: larger than %d bytes", download.Redacted(address), limit))
	}
	return data, err
}

// errAbsent says that a mirror on disk does not have a file. It is not
// fs.ErrNotExist, which the cache may be the cause of.
var errAbsent = errors.New("there is no such file")

// notFound tells whether an archive does not have a file.
func notFound(err error) bool { return download.NotFound(err) || errors.Is(err, errAbsent) }

// reading is a file of an archive that is checked while it is read.
type reading struct {
	ctx  context.Context
	from io.ReadCloser
	rest io.Reader
	file string
	want content
	sum  hash.Hash
	n    int64
	// err is what reading ended with, when not with the end of the file.
	err error
}

// check starts to read a file of which it is known what it must be.
func (r Repository) check(ctx context.Context, address string, want content) (*reading, error) {
	from, err := r.open(ctx, address, want.size+1)
	if err != nil {
		return nil, err
	}
	return &reading{
		ctx:  ctx,
		from: from,
		rest: io.LimitReader(from, want.size+1),
		file: download.Redacted(address),
		want: want,
		sum:  sha256.New(),
	}, nil
}

// Read implements io.Reader.
func (c *reading) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		c.err = err
		return 0, err
	}
	n, err := c.rest.Read(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// finish reads what is left and says whether all of it was what it should be,
// in a *MismatchError if not.
func (c *reading) finish() error {
	if c.err == nil {
		if _, err := io.Copy(io.Discard, c); err != nil {
			c.err = err
		}
	}
	if c.err != nil {
		return c.err
	}
	got := "sha256:" + hex.EncodeToString(c.sum.Sum(nil))
	want := "sha256:" + c.want.sha256
	switch {
	case c.n > c.want.size:
		got = fmt.Sprintf("more than its %d bytes", c.want.size)
	case got == want && c.n == c.want.size:
		return nil
	}
	return refuse(&MismatchError{File: c.file, Want: want, Got: got})
}

// Close ends the reading.
func (c *reading) Close() error { return c.from.Close() }
