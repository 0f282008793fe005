package sandbox_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/sandbox"
)

// closed makes directories of a mode; those that come later may lie in others.
func closed(t *testing.T, mode fs.FileMode, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := os.Chmod(dirs[i], mode); err != nil {
			t.Fatal(err)
		}
	}
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestMend(t *testing.T) {
	home := tempDir(t)
	top := filepath.Join(home, "top")
	a, b := filepath.Join(top, "a"), filepath.Join(top, "a", "b")
	closed(t, 0o015, top, a, b)
	if err := sandbox.Mend(top, "a"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{top: 0o715, a: 0o715, b: 0o015} {
		if got := modeOf(t, path); got != want|fs.ModeDir {
			t.Errorf("%s is %v, expected %v", path, got, want)
		}
	}

	t.Run("keeps special bits", func(t *testing.T) {
		sticky := filepath.Join(home, "sticky")
		closed(t, fs.ModeSticky|0o055, sticky)
		if err := sandbox.Mend(sticky); err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, sticky); got != fs.ModeDir|fs.ModeSticky|0o755 {
			t.Errorf("it is %v", got)
		}
	})

	t.Run("follows no link", func(t *testing.T) {
		elsewhere, within := filepath.Join(home, "elsewhere"), filepath.Join(home, "elsewhere", "within")
		closed(t, 0o500, elsewhere, within)
		link := filepath.Join(top, "link")
		if err := os.Symlink(elsewhere, link); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{sandbox.Mend(link), sandbox.Mend(link, "within"), sandbox.Mend(top, "link", "within")} {
			if err != nil {
				t.Error(err)
			}
		}
		for _, path := range []string{elsewhere, within} {
			if got := modeOf(t, path); got != fs.ModeDir|0o500 {
				t.Errorf("%s is %v", path, got)
			}
		}
	})

	t.Run("ends at what is not there, or is a file", func(t *testing.T) {
		file := filepath.Join(top, "file")
		if err := os.WriteFile(file, nil, 0o400); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"missing", "file"} {
			if err := sandbox.Mend(top, name, "x"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := modeOf(t, file); got != 0o400 {
			t.Errorf("the file is %v", got)
		}
	})
}

func TestMove(t *testing.T) {
	home := tempDir(t)
	to := filepath.Join(home, "other", "to")
	closed(t, 0o755, filepath.Dir(to))
	for _, mode := range []fs.FileMode{0, 0o555, 0o755, fs.ModeSticky | 0o511} {
		from := filepath.Join(home, "from")
		closed(t, mode, from)
		if err := sandbox.Move(from, to); err != nil {
			t.Fatalf("%v: %v", mode, err)
		}
		if got := modeOf(t, to); got != fs.ModeDir|mode {
			t.Errorf("%v became %v", mode, got)
		}
		if err := sandbox.Remove(to); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("what cannot be moved is as it was", func(t *testing.T) {
		from := filepath.Join(home, "stays")
		closed(t, 0o555, from)
		if err := sandbox.Move(from, filepath.Join(home, "no", "parent")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		if got := modeOf(t, from); got != fs.ModeDir|0o555 {
			t.Errorf("it is %v", got)
		}
	})

	t.Run("a link is moved itself", func(t *testing.T) {
		link, now := filepath.Join(home, "link"), filepath.Join(home, "other", "link")
		if err := os.Symlink(filepath.Join(home, "stays"), link); err != nil {
			t.Fatal(err)
		}
		if err := sandbox.Move(link, now); err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, now); got&fs.ModeSymlink == 0 {
			t.Errorf("it is %v", got)
		}
		if got := modeOf(t, filepath.Join(home, "stays")); got != fs.ModeDir|0o555 {
			t.Errorf("what it leads to is %v", got)
		}
	})
}
