package stack_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack"
)

func TestCompareGlibc(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"2.36", "2.41", -1}, {"2.41", "2.36", 1}, {"2.9", "2.36", -1}, {"2.36", "2.36", 0}, {"2.36", "2.36.1", -1}, {"", "2", -1},
	} {
		if got := stack.CompareGlibc(c.a, c.b); got != c.want {
			t.Errorf("CompareGlibc(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestGlibc(t *testing.T) {
	t.Run("no C library", func(t *testing.T) {
		if got, err := stack.Glibc(t.TempDir()); got != "" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("not a library", func(t *testing.T) {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "lib64"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "lib64/libc.so.6"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := stack.Glibc(root); err == nil {
			t.Errorf("got %q and no error", got)
		}
	})
}
