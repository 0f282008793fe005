package workbench_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/slugc/slugc/stack/flock"
	"github.com/slugc/slugc/stack/workbench"
)

func TestBench(t *testing.T) {
	store := filepath.Join(t.TempDir(), "below", "store")
	defer syscall.Umask(syscall.Umask(0o077))
	b, err := workbench.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	made, err := b.Folder("thing")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder is %v, %v", info, err)
	}
	if err := errors.Join(b.Flush(), os.Rename(made, filepath.Join(store, "thing")), b.Close()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, store); !slices.Equal(got, []string{"thing"}) {
		t.Errorf("the store has %q", got)
	}
}

// TestSweep: what is left of processes that were killed goes, and nothing else.
func TestSweep(t *testing.T) {
	store := t.TempDir()
	long := time.Now().Add(-time.Hour)
	for name, age := range map[string]time.Time{".unfinished-dead": long, ".unfinished-alive": long, ".unfinished-new": time.Now(), "thing": long} {
		dir := filepath.Join(store, name)
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "root"), 0o755), os.Chtimes(dir, age, age)); err != nil {
			t.Fatal(err)
		}
	}
	alive, err := os.Open(filepath.Join(store, ".unfinished-alive"))
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	if err := flock.Share(alive); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, store), []string{".unfinished-alive", ".unfinished-new", "thing"}; !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

// TestOthers: a bench that is old and in use stays while others are opened and closed.
func TestOthers(t *testing.T) {
	store := t.TempDir()
	mine, err := workbench.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(mine.Dir, long, long); err != nil {
		t.Fatal(err)
	}
	other, err := workbench.Open(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine.Dir); err != nil {
		t.Error(err)
	}
	if err := mine.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the bench is left: %v", err)
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}
