package cachestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestEntry(t *testing.T) { spec.Run(t, "Entry", testEntry) }

func testEntry(t *testing.T, when spec.G, it spec.S) {
	var (
		root  string
		app   cachestore.App
		group []buildpacks.Descriptor
	)
	it.Before(func() {
		root = t.TempDir()
		app = cachestore.App{Name: "app", Source: "/src/app"}
		group = []buildpacks.Descriptor{{ID: "test/bp"}}
	})
	open := func() *cachestore.Entry {
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
			t.Fatal(err)
		}
	}
	layers := func(e *cachestore.Entry) string { return filepath.Join(e.AppDir(), ".slugc/layers") }

	// build stands for a successful build that leaves one layer of each kind.
	build := func() {
		t.Helper()
		e := open()
		dir := filepath.Join(layers(e), "test_bp")
		tree := artifact.Tree{Stores: map[string]map[string]any{"test/bp": {"runs": int64(1)}}}
		indexes := map[string]pack.Index{}
		for _, name := range []string{"cached", "launched", "scratch"} {
			write(t, filepath.Join(dir, name, "file"), name)
			l := buildpacks.Layer{Buildpack: "test/bp", Name: name, Dir: buildpacks.Dir{Host: filepath.Join(dir, name)}, Metadata: map[string]any{"version": int64(7)}}
			index, err := pack.Walk(t.Context(), l.Dir.Host, pack.WalkOptions{})
			if err != nil {
				t.Fatal(err)
			}
			indexes[l.ID()] = index
			switch name {
			case "cached":
				l.Cache = true
				tree.CacheLayers = append(tree.CacheLayers, l)
			case "launched":
				l.Launch = true
				tree.LaunchLayers = append(tree.LaunchLayers, l)
			}
		}
		write(t, filepath.Join(dir, "launch.toml"), "")
		if err := sandbox.Give(e.AppDir()); err != nil {
			t.Fatal(err)
		}
		if err := e.Save(t.Context(), tree, indexes); err != nil {
			t.Fatal(err)
		}
		shut(e)
	}
	restore := func(e *cachestore.Entry) []cachestore.Restored {
		t.Helper()
		e.Look(t.Context(), layers(e))
		restored, err := e.Restore(t.Context(), layers(e), group)
		if err != nil {
			t.Fatal(err)
		}
		return restored
	}

	it("is another for each directory of a source, and for that of a name", func() {
		dirs := map[string]string{}
		for _, app := range []cachestore.App{
			{Name: "web", Source: "/src"}, {Name: "web", Source: "/src", Subdir: "web"}, {Name: "web", Source: "/src", Subdir: "a/web"},
			{Name: "web", Source: "/src", Subdir: "b/web"}, {Name: "web", Source: "/src/a/web"}, {Name: "web", Named: true},
			{Name: "web", Named: true, Subdir: "a/web"}, {Name: "web", Source: "/src", Subdir: "a/web", ExecEnv: "test"}, {Name: "../../up"},
		} {
			e, err := cachestore.Open(t.Context(), root, app, nil)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Dir(e.AppDir())
			if other, taken := dirs[dir]; taken || filepath.Dir(dir) != filepath.Join(root, "apps") {
				t.Errorf("%+v has %s, as %s", app, dir, other)
			}
			dirs[dir] = fmt.Sprintf("%+v", app)
			shut(e)
		}
	})

	when("the next build begins", func() {
		it("gets cached contents, metadata without types, and the store; nothing else", func() {
			build()
			e := open()
			defer shut(e)
			restored := restore(e)
			want := map[string]string{
				"test_bp/cached.toml": "[metadata]\n  version = 7\n", "test_bp/cached/file": "cached",
				"test_bp/launched.toml": "[metadata]\n  version = 7\n", "test_bp/store.toml": "[metadata]\n  runs = 1\n",
			}
			if diff := cmp.Diff(want, files(t, layers(e))); diff != "" {
				t.Errorf("layers (-expected +got):\n%s", diff)
			}
			if diff := cmp.Diff([]cachestore.Restored{{Layer: "test/bp:cached"}, {Layer: "test/bp:launched"}}, restored); diff != "" {
				t.Errorf("restored (-expected +got):\n%s", diff)
			}
		})
		it("gets a layer for processes back, as it was, when its buildpack wants it", func() {
			build()
			e := open()
			defer shut(e)
			restore(e)
			wanted := artifact.Tree{
				Layers:       buildpacks.Dir{Host: layers(e)},
				LaunchLayers: []buildpacks.Layer{{Buildpack: "test/bp", Name: "launched", Launch: true}},
			}
			tree, err := e.Reclaim(wanted)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(layers(e), "test_bp/launched")
			if got := tree.LaunchLayers[0].Dir.Host; got != dir || wanted.LaunchLayers[0].Dir.Host != "" {
				t.Errorf("the layer is at %q, the given tree says %q", got, wanted.LaunchLayers[0].Dir.Host)
			}
			if got := files(t, dir); !cmp.Equal(got, map[string]string{"file": "launched"}) {
				t.Errorf("it holds %v", got)
			}
			var failed *buildpacks.CompileError
			wanted.LaunchLayers[0].Name = "never"
			if _, err := e.Reclaim(wanted); !errors.As(err, &failed) || !strings.Contains(err.Error(), "layer never") {
				t.Errorf("got %v", err)
			}
		})
		it("gets nothing of buildpacks that do not build any more", func() {
			build()
			group = []buildpacks.Descriptor{{ID: "test/other"}}
			e := open()
			defer shut(e)
			if restored := restore(e); len(restored) != 0 || len(files(t, layers(e))) != 0 {
				t.Errorf("restored %v: %v", restored, files(t, layers(e)))
			}
		})
		damages := map[string]func(layers string){
			"changed":  func(dir string) { write(t, filepath.Join(dir, "test_bp/cached/file"), "CACHED") },
			"added to": func(dir string) { write(t, filepath.Join(dir, "test_bp/cached/more"), "") },
			"removed":  func(dir string) { remove(t, filepath.Join(dir, "test_bp/cached")) },
			"made a file": func(dir string) {
				remove(t, filepath.Join(dir, "test_bp/cached"))
				write(t, filepath.Join(dir, "test_bp/cached"), "")
			},
			"moved behind a link": func(dir string) {
				if err := errors.Join(os.Rename(filepath.Join(dir, "test_bp"), filepath.Join(dir, "other")), os.Symlink("other", filepath.Join(dir, "test_bp"))); err != nil {
					t.Fatal(err)
				}
			},
			"not recorded": func(dir string) { remove(t, filepath.Join(dir, "../../../index")) },
			"recorded badly": func(dir string) {
				for name := range files(t, filepath.Join(dir, "../../../index")) {
					write(t, filepath.Join(dir, "../../../index", name), "damaged")
				}
			},
		}
		// spec runs this function once for each spec, and counts on one order.
		for _, name := range slices.Sorted(maps.Keys(damages)) {
			damage := damages[name]
			it("drops a layer that was "+name, func() {
				build()
				e := open()
				defer shut(e)
				damage(layers(e))
				restored := restore(e)
				if restored[0].Dropped == "" {
					t.Errorf("restored %v", restored)
				}
				for path := range files(t, layers(e)) {
					if strings.Contains(path, "cached") {
						t.Errorf("%s is still there", path)
					}
				}
			})
		}
		it("starts cold when the record is damaged, or cleared", func() {
			build()
			e := open()
			defer shut(e)
			write(t, filepath.Join(e.AppDir(), "../layers.toml"), "not [ toml")
			if restored := restore(e); len(restored) != 0 {
				t.Errorf("restored %v", restored)
			}
			if err := e.Clear(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(e.AppDir()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the app directory is still there: %v", err)
			}
		})
	})

	when("another build of the app is running", func() {
		it("waits for it and says so", func() {
			first := open()
			waiting := make(chan struct{})
			second := make(chan error)
			go func() {
				e, err := cachestore.Open(t.Context(), root, app, func() { close(waiting) })
				if err == nil {
					err = e.Close()
				}
				second <- err
			}()
			<-waiting
			select {
			case err := <-second:
				t.Fatalf("it did not wait: %v", err)
			default:
			}
			shut(first)
			if err := <-second; err != nil {
				t.Fatal(err)
			}
		})
		it("stops waiting when it is cancelled", func() {
			first := open()
			defer shut(first)
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := cachestore.Open(ctx, root, app, cancel); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		it("does not wait for that of the app in another execution environment", func() {
			dirs := map[string]bool{}
			for _, app.ExecEnv = range []string{"", "test", "development"} {
				e := open()
				defer shut(e)
				dirs[e.AppDir()] = true
			}
			app.ExecEnv = ""
			if len(dirs) != 3 {
				t.Errorf("got %v", dirs)
			}
		})
		it("does not wait for another app's", func() {
			first := open()
			defer shut(first)
			app.Source = "/src/other"
			shut(open())
		})
	})

	it("is listed and pruned, but not while it is in use", func() {
		build()
		app.Source = "/src/busy"
		busy := open()
		all, err := cachestore.List(t.Context(), root)
		if err != nil || len(all) != 2 {
			t.Fatalf("listed %v (%v)", all, err)
		}
		gone, err := cachestore.Prune(t.Context(), root, time.Now().Add(-time.Hour))
		if err != nil || len(gone) != 0 {
			t.Errorf("pruned what was just used: %v (%v)", gone, err)
		}
		gone, err = cachestore.Prune(t.Context(), root, time.Now().Add(time.Hour))
		if err != nil || len(gone) != 1 || gone[0].Source != "/src/app" {
			t.Errorf("pruned %v (%v)", gone, err)
		}
		shut(busy)
		if all, err = cachestore.List(t.Context(), root); err != nil || len(all) != 1 || all[0].Source != "/src/busy" || all[0].Busy {
			t.Errorf("left: %v (%v)", all, err)
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// files is a tree as path to content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
