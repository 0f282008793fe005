// Package slugtest makes slugs for tests that run them, without a build. There is
// nothing in it for a product.
package slugtest

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Make is a slug with some files of an app, by name: of 0644, or of 0755 where the
// name ends in a star. It is not compressed.
func Make(t testing.TB, files map[string][]byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "slug.tgz")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := gzip.NewWriterLevel(file, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(packed)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		bare, executable := strings.CutSuffix(name, "*")
		header := tar.Header{Typeflag: tar.TypeReg, Name: "./app/" + bare, Mode: 0o644, Size: int64(len(files[name]))}
		if executable {
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), packed.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// OfTest is a slug with a Procfile and the test binary as a program of the app.
func OfTest(t testing.TB, program, procfile string) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	return Make(t, map[string][]byte{program + "*": self, "Procfile": []byte(procfile), "old.txt": []byte("old")})
}
