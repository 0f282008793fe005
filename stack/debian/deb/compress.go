package deb

import (
	"bufio"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/slugc/slugc/stack/debian/xz"
)

const (
	// block is how much of a .deb is read at a time.
	block = 128 << 10
	// dictionary is the largest xz dictionary; that of the highest level.
	dictionary = 64 << 20
	// window is the largest zstd window; that of the highest level.
	window = 128 << 20
)

// decompress returns what is in a compressed tar, by the end of its name.
func decompress(name string, r io.Reader) (io.ReadCloser, error) {
	switch ending := path.Ext(name); ending {
	case ".tar":
		return io.NopCloser(r), nil
	case ".xz":
		return io.NopCloser(xz.NewReader(r, dictionary)), nil
	case ".gz":
		return gzip.NewReader(bufio.NewReaderSize(r, block))
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	default:
		return nil, fmt.Errorf("it is compressed as %q; expected .xz, .zst, .gz or nothing", ending)
	}
}
