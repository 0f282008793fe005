package cachestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/ordinarytest"
	"github.com/slugc/slugc/stack/sandbox"
)

func chmod(t *testing.T, mode fs.FileMode, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
}

// TestModes restores what buildpacks took permissions from, for a user whom they
// keep out.
func TestModes(t *testing.T) {
	if !ordinarytest.Here(t) {
		return
	}
	// save notes what lies there: a cached layer, and one for processes alone.
	save := func(t *testing.T, e *cachestore.Entry) {
		t.Helper()
		b := finish(t, e)
		b.tree.CacheLayers = slices.DeleteFunc(b.tree.CacheLayers, func(l buildpacks.Layer) bool { return l.Name == "launched" })
		for i := range b.tree.LaunchLayers {
			b.tree.LaunchLayers[i].Cache = false
		}
		if err := e.Save(t.Context(), b.tree, b.indexes); err != nil {
			t.Fatal(err)
		}
	}
	left := func(t *testing.T) (root string, dir string) {
		t.Helper()
		root = t.TempDir()
		e := entry(t, root)
		dir = filepath.Join(layersOf(e), "test_bp")
		write(t, filepath.Join(dir, "launched/d/f"), "1")
		write(t, filepath.Join(dir, "cached/f"), "2")
		chmod(t, 0o555, filepath.Join(dir, "launched/d"), filepath.Join(dir, "launched"), filepath.Join(dir, "cached"))
		t.Cleanup(func() {
			if err := sandbox.Remove(root); err != nil {
				t.Error(err)
			}
		})
		save(t, e)
		shut(t, e)
		return root, dir
	}

	t.Run("a layer that nobody may write is set aside and reclaimed", func(t *testing.T) {
		root, dir := left(t)
		for range 2 {
			e := entry(t, root)
			if _, missed := restored(t, e); len(missed) > 0 {
				t.Fatalf("dropped %q", missed)
			}
			if exists(filepath.Join(dir, "launched")) || !exists(filepath.Join(dir, "cached/f")) {
				t.Error("the layers are not where they belong")
			}
			reused := buildpacks.Layer{Buildpack: "test/bp", Name: "launched", Launch: true}
			tree := artifact.Tree{Layers: buildpacks.Dir{Host: layersOf(e)}, LaunchLayers: []buildpacks.Layer{reused}}
			if _, err := e.Reclaim(tree); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(filepath.Join(dir, "launched")); err != nil || info.Mode() != fs.ModeDir|0o555 {
				t.Fatalf("the layer is %v, %v", info, err)
			}
			save(t, e)
			shut(t, e)
		}
	})

	t.Run("directories of buildpacks, and that of the layers", func(t *testing.T) {
		root, dir := left(t)
		write(t, filepath.Join(filepath.Dir(dir), "zz/a/file"), "left")
		for _, mode := range []fs.FileMode{0, 0o555} {
			chmod(t, mode, filepath.Join(filepath.Dir(dir), "zz"), dir, filepath.Dir(dir))
			e := entry(t, root)
			if _, missed := restored(t, e); len(missed) > 0 {
				t.Fatalf("%v: dropped %q", mode, missed)
			}
			if exists(filepath.Join(filepath.Dir(dir), "zz/a")) || !exists(filepath.Join(dir, "cached/f")) {
				t.Errorf("%v: the layers are not those of the last build", mode)
			}
			save(t, e) // what was set aside is gone with this build
			shut(t, e)
		}
	})

	t.Run("a link in the place of a directory is not followed", func(t *testing.T) {
		root, dir := left(t)
		elsewhere := t.TempDir()
		write(t, filepath.Join(elsewhere, "mine"), "mine")
		chmod(t, 0o555, elsewhere)
		if err := errors.Join(os.Rename(dir, dir+"_"), os.Symlink(elsewhere, dir)); err != nil {
			t.Fatal(err)
		}
		e := entry(t, root)
		if _, missed := restored(t, e); len(missed) != 2 {
			t.Errorf("dropped %q", missed)
		}
		shut(t, e)
		if info, err := os.Lstat(elsewhere); err != nil || info.Mode() != fs.ModeDir|0o555 || !exists(filepath.Join(elsewhere, "mine")) {
			t.Errorf("elsewhere is %v, %v", info, err)
		}
		chmod(t, 0o755, elsewhere)
	})

	t.Run("what cannot be restored is forgotten", func(t *testing.T) {
		root, dir := left(t)
		chmod(t, 0, dir)
		e := entry(t, root)
		if err := e.Forget(layersOf(e)); err != nil {
			t.Fatal(err)
		}
		all, err := e.Restore(t.Context(), layersOf(e), group())
		if err != nil || len(all) > 0 || exists(dir) || !exists(layersOf(e)) {
			t.Errorf("restored %v, %v", all, err)
		}
		shut(t, e)
	})
}
