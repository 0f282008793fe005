package sandbox_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/sandbox"
)

func TestRemove(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "tree")
	deep := filepath.Join(tree, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(deep, "file"), nil, 0); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{deep, filepath.Join(tree, "a"), tree} {
		if err := os.Chmod(dir, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := sandbox.Remove(tree); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(tree); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the tree is still there: %v", err)
	}
	if err := sandbox.Remove(tree); err != nil {
		t.Fatalf("removing what is not there: %v", err)
	}
}
