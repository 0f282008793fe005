package pack_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/slugc/slugc/build/artifact"
)

// members returns the gzip members of a segment.
func members(t testing.TB, s artifact.Segment) [][]byte {
	t.Helper()
	packed, err := os.ReadFile(s.File)
	must(t, err)
	var list [][]byte
	r := bytes.NewReader(packed)
	for {
		start := len(packed) - r.Len()
		z, err := gzip.NewReader(r)
		if errors.Is(err, io.EOF) {
			return list
		}
		must(t, err)
		z.Multistream(false)
		n, err := io.Copy(io.Discard, z)
		must(t, err)
		if n > 1<<20 {
			t.Errorf("a member holds %d bytes", n)
		}
		if z.Name != "" || !z.ModTime.IsZero() {
			t.Errorf("the header of a member is not bare: %+v", z.Header)
		}
		list = append(list, packed[start:len(packed)-r.Len()])
	}
}
