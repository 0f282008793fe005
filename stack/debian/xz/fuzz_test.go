package xz

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	library "github.com/therootcompany/xz"
)

// FuzzReader reads files of anybody's making as the library does.
func FuzzReader(f *testing.F) {
	files, err := filepath.Glob("testdata/*.xz")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		f.Add(fixture(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) { compare(t, data) })
}

// FuzzChunks decodes LZMA2 as the library does, in files that are right about
// it, with the smallest dictionary, or a large one.
func FuzzChunks(f *testing.F) {
	for _, name := range []string{"small.xz", "level-0.xz", "literals.xz", "contexts.xz", "positions.xz"} {
		f.Add(fixture(f, name)[24:], name == "small.xz")
	}
	f.Add([]byte{newPlain, 0, 1, 'a', 'b', plainChunk, 0, 0, 'c', lastChunk}, false)
	f.Fuzz(func(t *testing.T, packed []byte, small bool) {
		bits, dictionary := byte(14), 512<<10
		if small {
			bits, dictionary = 0, 4<<10
		}
		packed, plain := alone(packed, dictionary)
		compare(t, file(blockOf(0, filterLZMA2, 1, bits), packed, plain))
	})
}

// alone returns LZMA2 without what comes after it, and the size of its content,
// if it is right.
func alone(packed []byte, dictionary int) (used []byte, plain int) {
	s := &source{Reader: bufio.NewReader(bytes.NewReader(packed))}
	var c chunks
	c.begin(dictionary, unstated)
	for {
		err := c.decode(s)
		if errors.Is(err, io.EOF) {
			return packed[:s.count], plain
		}
		if err != nil {
			return packed, plain
		}
		plain += len(c.window.unread())
		c.window.start = c.window.end
	}
}

func compare(t *testing.T, data []byte) {
	t.Helper()
	got, err := io.ReadAll(NewReader(bytes.NewReader(data), 1<<20))
	if errors.Is(err, ErrUnsupported) {
		return
	}
	var want []byte
	r, wantErr := library.NewReader(bytes.NewReader(data), 1<<20)
	if wantErr == nil {
		want, wantErr = io.ReadAll(r)
	}
	if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v; the library: %d bytes, %v", len(got), err, len(want), wantErr)
	}
}
