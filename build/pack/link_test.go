package pack_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slugc/slugc/build/pack"
)

func TestLink(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("a/b/file", "one", 0o640)
	write("a/program", "two", 0o755|os.ModeSetgid)
	write("closed/file", "three", 0o400)
	if err := errors.Join(os.Symlink("../a", filepath.Join(from, "a/link")), os.Mkdir(filepath.Join(from, "empty"), 0o700),
		os.Chmod(filepath.Join(from, "closed"), 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range []string{"from", "to", "again", "late0", "late1", "late2", "late3"} {
			_ = os.Chmod(filepath.Join(dir, name, "closed"), 0o755)
		}
	})
	walk := func(dir string) pack.Index {
		t.Helper()
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return index
	}
	before := walk(from)
	to := filepath.Join(dir, "to")
	linked, err := pack.Link(t.Context(), from, to, before)
	if err != nil {
		t.Fatal(err)
	}
	now := walk(to)
	if what, differs := now.Diff(linked); differs {
		t.Errorf("the index that it returns is not that of the directory: %s", what)
	}
	if len(now) != len(before) {
		t.Errorf("%d entries, expected %d", len(now), len(before))
	}
	// Every link changes the change time, and nothing else does.
	if _, err := pack.Link(t.Context(), from, filepath.Join(dir, "again"), before); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if _, differs := walk(to).Diff(linked); !differs {
		t.Error("a link from elsewhere is not seen")
	}
	for i, change := range []func() error{
		func() error { return os.WriteFile(filepath.Join(to, "a/b/file"), []byte("1"), 0o640) },
		func() error { return os.Chmod(filepath.Join(to, "a/program"), 0o700) },
		func() error { return os.Chtimes(filepath.Join(to, "a/b/file"), time.Time{}, time.Unix(1, 0)) },
		func() error { return os.Remove(filepath.Join(from, "a/b/file")) },
	} {
		index := walk(from)
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := pack.Link(t.Context(), from, filepath.Join(dir, fmt.Sprint("late", i)), index); !errors.Is(err, pack.ErrChanged) {
			t.Errorf("change %d: %v", i, err)
		}
	}
}
