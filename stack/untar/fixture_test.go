package untar_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/untar/untartest"
)

var (
	file, folder, soft, hard = untartest.File, untartest.Folder, untartest.Soft, untartest.Hard
	archive, listing         = untartest.Archive, untartest.Listing
)

// sparse is a stream with a file of GNU's old sparse format that has no data
// at all.
func sparse(size int64) []byte {
	h := make([]byte, 512)
	copy(h, "sparse")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00        S")
	copy(h[257:], "ustar  \x00")
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", size%(1<<33), 0))
	if size < 1<<33 {
		copy(h[483:], fmt.Sprintf("%011o\x00", size))
	} else {
		// Numbers that are too large for octal digits are binary.
		h[483], h[386] = 0x80, 0x80
		for i := range 11 {
			h[494-i] = byte(size >> (8 * i))
			h[397-i] = h[494-i]
		}
	}
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(h, make([]byte, 1024)...)
}

func same(t testing.TB, dir, a, b string) bool {
	t.Helper()
	one, err := os.Stat(filepath.Join(dir, a))
	must(t, err)
	two, err := os.Stat(filepath.Join(dir, b))
	must(t, err)
	return os.SameFile(one, two)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
