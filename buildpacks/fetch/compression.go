package fetch

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
	"github.com/therootcompany/xz"
)

const (
	// chunk is how much gzip decompresses at a time, and ahead how many chunks
	// may wait for the files of those before to be written.
	chunk = 1 << 20
	ahead = 4
	// window is the largest window of zstd, and dictionary that of xz; those of
	// their highest levels.
	window     = 128 << 20
	dictionary = 64 << 20
)

// errPage is for what a server shows to a browser.
var errPage = errors.New("it is a web page and no archive; " + gitHint)

// decompress returns the content of a stream, by its first bytes: names and
// media types are not always right.
func decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, chunk)
	head, err := buffered.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return pgzip.NewReaderN(buffered, chunk, ahead)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		x, err := xz.NewReader(buffered, dictionary)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(x), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(buffered)), nil
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		return nil, errPage
	}
	return io.NopCloser(buffered), nil
}

// isZip is whether a file begins as a zip file.
func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}
