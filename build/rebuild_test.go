package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// TestRebuild shows what a buildpack finds of its last build: the table of
// layer types (CNB Buildpack API, "Layer Types").
func TestRebuild(t *testing.T) { spec.Run(t, "Rebuild", testRebuild) }

func testRebuild(t *testing.T, _ spec.G, it spec.S) {
	var cache string
	it.Before(func() { cache = t.TempDir() })

	// round builds once more, in the same cache.
	round := func(env map[string]string, dirs ...string) (*workshop, artifact.Tree) {
		t.Helper()
		entry, err := cachestore.Open(t.Context(), cache, cachestore.App{Name: "app", Source: "/src"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorkshop(t)
		w.site.App.Host = entry.AppDir()
		w.site.Layers = buildpacks.Dir{Host: filepath.Join(entry.AppDir(), ".slugc/layers"), Path: "/app/.slugc/layers"}
		w.site.Env = env
		group := []buildpacks.Descriptor{{ID: "test/layers"}, {ID: "test/old"}}
		if _, err := entry.Restore(t.Context(), w.site.Layers.Host, group); err != nil {
			t.Fatal(err)
		}
		tree, err := entry.Reclaim(w.build(dirs...))
		if err != nil {
			t.Fatal(err)
		}
		indexes := map[string]pack.Index{}
		for _, l := range append(append([]buildpacks.Layer{}, tree.LaunchLayers...), tree.CacheLayers...) {
			if indexes[l.ID()], err = pack.Walk(t.Context(), l.Dir.Host, pack.WalkOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := entry.Save(t.Context(), tree, indexes); err != nil {
			t.Fatal(err)
		}
		if err := entry.Close(); err != nil {
			t.Fatal(err)
		}
		return w, tree
	}
	content := func(w *workshop, layer string) string { return w.left("test_layers", layer, "content") }

	it("finds what the table says, and reuses it", func() {
		round(map[string]string{"ROUND": "1"}, "layers")
		w, tree := round(map[string]string{"ROUND": "2", "REUSE": "l bcl", "STORE": "keep"}, "layers")

		var want []string
		for _, layer := range []string{"bc", "bcl", "c", "cl"} {
			want = append(want, "./"+layer, "./"+layer+".sbom.cdx.json", "./"+layer+".toml", "./"+layer+"/content")
		}
		want = append(want, "./l.sbom.cdx.json", "./l.toml", "./store.toml")
		if diff := cmp.Diff(want, strings.Fields(w.left("test_layers", "seen", "found"))); diff != "" {
			t.Errorf("found (-expected +got):\n%s", diff)
		}
		for layer, says := range map[string]string{"l": "l, 1\n", "bcl": "bcl, 1\n", "cl": "cl, 2\n"} {
			if got := content(w, layer); got != says {
				t.Errorf("layer %s says %q, expected %q", layer, got, says)
			}
		}
		for _, l := range tree.LaunchLayers {
			if l.Name == "l" && l.Metadata["round"] != "2" {
				t.Errorf("the metadata of a reused layer is not what its buildpack last said: %v", l.Metadata)
			}
		}
		if got := w.files("sbom/launch")["test_layers/l/sbom.cdx.json"]; got != "{\"sbom of\": \"l\"}\n" {
			t.Errorf("the SBOM of a reused layer is %q", got)
		}
		if tree.Stores["test/layers"]["round"] != "1" {
			t.Errorf("the store is %v", tree.Stores)
		}
	})
	it("finds no SBOM that was tampered with, and no store that was removed", func() {
		round(map[string]string{"STORE": "write"}, "layers")
		round(map[string]string{"STORE": "remove"}, "layers")
		kept, err := filepath.Glob(filepath.Join(cache, "apps/*/sbom/*"))
		if err != nil || len(kept) == 0 {
			t.Fatalf("kept SBOM files: %v, %v", kept, err)
		}
		for _, file := range kept {
			if err := os.WriteFile(file, []byte("damaged"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		w, _ := round(map[string]string{}, "layers")
		if found := w.left("test_layers", "seen", "found"); strings.Contains(found, "sbom") || strings.Contains(found, "store.toml") {
			t.Errorf("found\n%s", found)
		}
	})
	it("forgets a buildpack that is not in the group", func() {
		round(map[string]string{}, "layers")
		_, tree := round(map[string]string{}, "old")
		if len(tree.Stores) > 0 || len(tree.SBOM) > 0 {
			t.Errorf("stores %v, SBOM %v", tree.Stores, tree.SBOM)
		}
		if kept, err := filepath.Glob(filepath.Join(cache, "apps/*/sbom/*")); err != nil || len(kept) > 0 {
			t.Errorf("kept SBOM files: %v, %v", kept, err)
		}
	})
}
