package cachestore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestUnlucky(t *testing.T) { spec.Run(t, "Unlucky", testUnlucky) }

func testUnlucky(t *testing.T, when spec.G, it spec.S) {
	var root string
	it.Before(func() { root = t.TempDir() })
	open := func(app cachestore.App) *cachestore.Entry {
		t.Helper()
		e, err := cachestore.Open(t.Context(), root, app, nil)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	shut := func(e *cachestore.Entry) {
		t.Helper()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	app := cachestore.App{Name: "app", Source: "/src/app"}

	when("the app has an odd name", func() {
		it("stays below the root, apart from others", func() {
			seen := map[string]bool{}
			for _, name := range []string{"../../up", ".._.._up", "..", strings.Repeat("n", 300)} {
				e := open(cachestore.App{Name: name, Source: "/src/app"})
				dir := filepath.Dir(e.AppDir())
				if filepath.Dir(dir) != filepath.Join(root, "apps") || seen[dir] {
					t.Errorf("%.20q is at %s", name, dir)
				}
				seen[dir] = true
				shut(e)
			}
		})
	})

	when("another user's builds come after each other", func() {
		it("keeps nothing that the sandbox could not write", func() {
			if os.Geteuid() != 0 {
				t.Skip("only root can hand files to another user")
			}
			e := open(app)
			write(t, filepath.Join(e.AppDir(), "file"), "")
			write(t, e.SourceState(), "")
			if err := os.Chown(e.AppDir(), 1234, 1234); err != nil {
				t.Fatal(err)
			}
			shut(e)
			e = open(app)
			for _, path := range []string{e.AppDir(), e.SourceState()} {
				if _, err := os.Lstat(path); err == nil {
					t.Errorf("%s is still there", path)
				}
			}
			write(t, filepath.Join(e.AppDir(), "file"), "")
			if err := sandbox.Give(e.AppDir()); err != nil {
				t.Fatal(err)
			}
			shut(e)
			e = open(app)
			if _, err := os.Lstat(filepath.Join(e.AppDir(), "file")); err != nil {
				t.Error(err)
			}
			shut(e)
		})
	})

	when("a prune was killed", func() {
		it("is finished by the next one, and is no entry meanwhile", func() {
			left := filepath.Join(root, "apps", ".going-LEFT")
			write(t, filepath.Join(left, "app", "file"), "")
			infos, err := cachestore.List(t.Context(), root)
			if err != nil || len(infos) > 0 {
				t.Errorf("listed %v: %v", infos, err)
			}
			if _, err := cachestore.Prune(t.Context(), root, time.Now()); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(left); err == nil {
				t.Errorf("%s is still there", left)
			}
		})
	})

	when("a build packed something new", func() {
		it("drops the segment that it replaced", func() {
			e := open(app)
			defer shut(e)
			store := pack.DirStore{Dir: e.Packed()}
			blob := func(digit string) string {
				file := filepath.Join(e.Temp("pack"), digit)
				write(t, file, digit)
				sum := ""
				for range 64 {
					sum += digit
				}
				kept, err := store.Keep(file, "sha256:"+sum)
				if err != nil {
					t.Fatal(err)
				}
				var r pack.Record
				r.Segment.File = kept
				if err := store.Put(pack.NewKey("part"), r); err != nil {
					t.Fatal(err)
				}
				return kept
			}
			old := blob("1")
			if err := e.Trim(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			now := blob("2")
			if err := e.Trim(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(old); err != nil {
				t.Errorf("a build that packed nothing looked: %v", err)
			}
			if err := e.Trim(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(old); err == nil {
				t.Error("the old segment is still there")
			}
			if _, err := os.Stat(now); err != nil {
				t.Error(err)
			}
		})
	})
}
