package cachestore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slugc/slugc/build/cachestore"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	if none, err := cachestore.ListFiles(t.Context(), filepath.Join(dir, "none")); err != nil || none.Count != 0 {
		t.Errorf("a directory that is not there: %+v, %v", none, err)
	}
	now := time.Now()
	for name, ages := range map[string]struct{ read, written time.Duration }{
		"debs/old": {48 * time.Hour, 48 * time.Hour}, "debs/read": {0, 48 * time.Hour}, "lists/new": {48 * time.Hour, 0},
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, 5000), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now.Add(-ages.read), now.Add(-ages.written)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := cachestore.ListFiles(t.Context(), dir)
	if err != nil || all.Count != 3 || all.Size < 15000 || now.Sub(all.Used).Abs() > time.Second {
		t.Errorf("listed %+v, %v", all, err)
	}
	gone, err := cachestore.PruneFiles(t.Context(), dir, now.Add(-24*time.Hour))
	if err != nil || gone.Count != 1 || gone.Size < 5000 {
		t.Errorf("pruned %+v, %v", gone, err)
	}
	left, err := cachestore.ListFiles(t.Context(), dir)
	if err != nil || left.Count != 2 {
		t.Errorf("left %+v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "debs/old")); err == nil {
		t.Error("the old file is still there")
	}
}
