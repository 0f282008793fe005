// Package downloadtest makes archives to download for tests, and what they are had
// from: an Index whose answers are all there, a Gate before a registry of another kind,
// and a Mirror of a real one, which misbehaves when it is told to.
package downloadtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Tarball packs files as npm does, below a folder "package". A name that ends
// in a star is that of an executable file, without the star.
func Tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o644)
		bare, executable := strings.CutSuffix(name, "*")
		if executable {
			mode = 0o755
		}
		header := &tar.Header{Name: "package/" + bare, Mode: mode, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
