package build_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/ordinarytest"
)

// TestModes prepares a build where the last one took permissions away, for a
// user whom they keep out.
func TestModes(t *testing.T) {
	if !ordinarytest.Here(t) {
		return
	}
	w := newWorkshop(t)
	elsewhere := t.TempDir()
	w.site.Layers = buildpacks.Dir{Host: filepath.Join(w.site.App.Host, ".slugc/layers"), Path: "/app/.slugc/layers"}
	way := []string{w.site.Layers.Host, filepath.Dir(w.site.Layers.Host), w.site.App.Host}
	for _, mode := range []fs.FileMode{0o755, 0o555, 0} {
		if err := build.Prepare(w.site); err != nil {
			t.Fatalf("%v: %v", mode, err)
		}
		put(t, "no business of the build", 0o644, way[1], "beside")
		for _, dir := range way {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := build.Prepare(w.site); err != nil {
			t.Fatalf("%v: %v", mode, err)
		}
		put(t, "a layer", 0o644, way[0], "bp/layer")
		if _, err := os.Lstat(filepath.Join(way[1], "beside")); err == nil {
			t.Errorf("%v: it is still there", mode)
		}
	}

	if err := os.RemoveAll(way[1]); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, way[1]); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(elsewhere, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := build.Prepare(w.site); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(elsewhere); err != nil || info.Mode() != fs.ModeDir|0o555 {
		t.Errorf("what a link led to is %v, %v", info, err)
	}
}
