package stack_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack"
)

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
