package build_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build"
)

func TestBindings(t *testing.T) { spec.Run(t, "Bindings", testBindings) }

func testBindings(t *testing.T, when spec.G, it spec.S) {
	var root string
	it.Before(func() {
		root = t.TempDir()
		put(t, "postgresql\n", 0o600, root, "all/db/type")
		put(t, "s3cret\n", 0o600, root, "all/db/password")
		put(t, "5432", 0o600, root, "all/db/port")
		put(t, "redis", 0o600, root, "all/cache/type")
	})
	dir := func(name string) string { return filepath.Join(root, name) }

	when("they are named", func() {
		it("are one directory, several in one, or under another name", func() {
			want := map[string]string{"db": dir("all/db"), "cache": dir("all/cache"), "other": dir("all/cache")}
			got, err := build.FindBindings([]string{dir("all"), "other=" + dir("all/cache")})
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v, found (-expected +got):\n%s", err, diff)
			}
			got, err = build.FindBindings([]string{dir("all/db") + "/"})
			if diff := cmp.Diff(map[string]string{"db": dir("all/db")}, got); diff != "" || err != nil {
				t.Errorf("%v, found (-expected +got):\n%s", err, diff)
			}
		})
		it("have to be there, and differ", func() {
			if err := os.Mkdir(dir("empty"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, tt := range []struct {
				words []string
				want  string
			}{
				{[]string{dir("none")}, dir("none") + ": open"},
				{[]string{dir("all/db/type")}, "expected a directory, found a file"},
				{[]string{dir("empty")}, `no file "type"`},
				{[]string{dir("all"), dir("all/db")}, "one of that name in " + dir("all/db")},
				{[]string{"..=" + dir("all/db")}, "write NAME=DIR"},
				{[]string{"db="}, "expected DIR or NAME=DIR"},
				{[]string{""}, "expected DIR or NAME=DIR"},
			} {
				_, err := build.FindBindings(tt.words)
				if failed, ok := errors.AsType[*build.BindingError](err); !ok || !strings.Contains(failed.Error(), tt.want) {
					t.Errorf("%q: got %v, expected %q", tt.words, err, tt.want)
				}
			}
		})
	})

	when("they are read", func() {
		it("tell what is secret in them", func() {
			read, err := build.ReadBindings(map[string]string{"db": dir("all/db"), "cache": dir("all/cache")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"s3cret", "s3cret\n"}, build.Secrets(read)); diff != "" {
				t.Errorf("secrets (-expected +got):\n%s", diff)
			}
		})
		for _, tt := range []struct {
			name  string
			spoil func(dir string) error
			want  string
		}{
			{"a link that leads out", func(dir string) error { return os.Symlink("/etc/hostname", filepath.Join(dir, "out")) }, "path escapes"},
			{"a link above", func(dir string) error { return os.Symlink("../../all/cache/type", filepath.Join(dir, "out")) }, "path escapes"},
			{"a link in a circle", func(dir string) error { return os.Symlink(".", filepath.Join(dir, "again")) }, "a link to a directory"},
			{"a link to nothing", func(dir string) error { return os.Symlink("gone", filepath.Join(dir, "out")) }, "no such file"},
			{"a named pipe", func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600) }, "neither a file nor a directory"},
			{"without a type", func(dir string) error { return os.Remove(filepath.Join(dir, "type")) }, `no file "type"`},
			{"gone", os.RemoveAll, "no such file"},
			{"far too large for one", func(dir string) error { return os.Truncate(filepath.Join(dir, "password"), 1<<40) }, "more than 16 MiB"},
			{"far too many files", func(dir string) error {
				for i := range 1001 {
					if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600); err != nil {
						return err
					}
				}
				return nil
			}, "more than 1000 files"},
		} {
			it("name the one that cannot be used: "+tt.name, func() {
				if err := tt.spoil(dir("all/db")); err != nil {
					t.Fatal(err)
				}
				w := newWorkshop(t)
				w.site.Bindings = map[string]string{"db": dir("all/db")}
				err := build.Prepare(w.site)
				if err == nil || !strings.Contains(err.Error(), "service binding db in "+dir("all/db")) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, expected %q", err, tt.want)
				}
			})
		}
	})

	it("do not stay when the next build has none", func() {
		w := newWorkshop(t)
		w.site.Bindings = map[string]string{"db": dir("all/db")}
		if err := build.Prepare(w.site); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(w.site.Platform.Host, "bindings/db/password")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		w.site.Bindings = nil
		if err := build.Prepare(w.site); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the binding is still there: %v", err)
		}
	})
	it("are beside variables, whose names are checked too", func() {
		for _, name := range []string{"../escape", "", "..", "A=B"} {
			w := newWorkshop(t)
			w.site.Env = map[string]string{name: "x"}
			if err := build.Prepare(w.site); err == nil || !strings.Contains(err.Error(), "no name of a variable") {
				t.Errorf("%q: got %v", name, err)
			}
		}
	})
}
