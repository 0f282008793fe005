package base_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/base"
)

func TestSeal(t *testing.T) { spec.Run(t, "Seal", testSeal) }

func testSeal(t *testing.T, _ spec.G, it spec.S) {
	var s base.Store

	it.Before(func() { s = aStore(t, &maker{version: "1.0"}) })

	for name, change := range map[string]func(root string) error{
		"a file that is gone": func(root string) error { return os.Remove(filepath.Join(root, "usr/bin/run")) },
		"a file of another size": func(root string) error {
			return os.WriteFile(filepath.Join(root, "usr/bin/run"), []byte("something else"), 0o755)
		},
		"a file of another time": func(root string) error {
			at := time.Now().Add(time.Hour)
			return os.Chtimes(filepath.Join(root, "usr/bin/run"), at, at)
		},
		"a file of another mode": func(root string) error { return os.Chmod(filepath.Join(root, "usr/bin/run"), 0o700) },
		"a file more":            func(root string) error { return os.WriteFile(filepath.Join(root, "more"), nil, 0o600) },
		"a link in the place of a directory": func(root string) error {
			if err := os.Rename(filepath.Join(root, "etc"), filepath.Join(root, "etc2")); err != nil {
				return err
			}
			return os.Symlink("etc2", filepath.Join(root, "etc"))
		},
	} {
		it("makes a stack anew that has "+name, func() {
			made := create(t, s)
			want := files(t, made.Root)
			must(t, made.Close())
			must(t, change(made.Root))
			var warned []string
			s.Warn = func(err error) { warned = append(warned, err.Error()) }
			again := create(t, s)
			if files(t, again.Root) != want {
				t.Errorf("it is still changed: %s", files(t, again.Root))
			}
			if len(warned) != 1 || !strings.Contains(warned[0], "its files were changed after it was made") {
				t.Errorf("warned %q", warned)
			}
		})
	}

	it("is whole when nobody changed anything", func() {
		m := &maker{version: "1.0"}
		s.Maker = m
		must(t, create(t, s).Close())
		create(t, s)
		if m.made.Load() != 1 {
			t.Errorf("made %d times", m.made.Load())
		}
	})
}

// files are the names, modes and sizes of all that a directory has.
func files(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			all.WriteString(strings.TrimPrefix(path, dir) + " " + info.Mode().String() + " " + info.ModTime().Format(time.DateOnly) + "\n")
		}
		return err
	}))
	return all.String()
}
