package cache_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/pack"
)

func TestTrees(t *testing.T) { spec.Run(t, "the trees of a volume", testTrees) }

func testTrees(t *testing.T, _ spec.G, it spec.S) {
	var (
		dir, layer string
		records    *cache.Records
		trees      cache.Trees
		one, two   = "sha256:" + strings.Repeat("1", 64), "sha256:" + strings.Repeat("2", 64)
	)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	walk := func(dir string) pack.Index {
		t.Helper()
		index, err := pack.Walk(t.Context(), dir, pack.WalkOptions{})
		must(err)
		return index
	}
	settle := func(diffID, dir string, unchanged bool) {
		t.Helper()
		must(trees.Settle(t.Context(), map[string]cache.Settled{diffID: {Dir: dir, Index: walk(dir), Unchanged: unchanged}}))
	}
	lend := func(diffID string) (string, pack.Index) {
		t.Helper()
		to := filepath.Join(t.TempDir(), "l")
		index, err := trees.Lend(t.Context(), diffID, to)
		must(err)
		return to, index
	}
	none := func(diffID string) {
		t.Helper()
		to := filepath.Join(t.TempDir(), "l")
		if _, err := trees.Lend(t.Context(), diffID, to); !errors.Is(err, cache.ErrNoTree) {
			t.Errorf("got %v", err)
		}
		if _, err := os.Lstat(to); err == nil {
			t.Error("there is a layer")
		}
	}
	it.Before(func() {
		dir, layer = t.TempDir(), filepath.Join(t.TempDir(), "layer")
		records = open(t, dir).Records()
		have := false
		if trees, have = records.Trees(); !have {
			t.Skip("nothing names the boot of this machine")
		}
		must(errors.Join(os.MkdirAll(filepath.Join(layer, "lib"), 0o755), os.WriteFile(filepath.Join(layer, "lib/file"), []byte("one"), 0o644)))
	})
	it("has none at first, and none for a path", func() {
		none(one)
		none("../../committed")
		none("")
	})
	it("lends what is in the state that it returns", func() {
		settle(one, layer, false)
		to, index := lend(one)
		if what, differs := walk(to).Diff(index); differs {
			t.Error(what)
		}
		if text, err := os.ReadFile(filepath.Join(to, "lib/file")); err != nil || string(text) != "one" {
			t.Errorf("%q, %v", text, err)
		}
	})
	it("lends again what did not change", func() {
		settle(one, layer, false)
		for range 3 {
			to, _ := lend(one)
			settle(one, to, true)
			must(os.RemoveAll(to)) // as platforms do
		}
	})
	it("trusts no tree of which nobody said whether it changed", func() {
		settle(one, layer, false)
		lend(one)
		none(one)
	})
	it("makes a tree anew that a build wrote to", func() {
		settle(one, layer, false)
		to, _ := lend(one)
		must(os.WriteFile(filepath.Join(to, "lib/file"), []byte("1"), 0o644))
		settle(two, to, false)
		none(one)
		again, _ := lend(two)
		if text, err := os.ReadFile(filepath.Join(again, "lib/file")); err != nil || string(text) != "1" {
			t.Errorf("%q, %v", text, err)
		}
	})
	it("sees a tree that was written to behind its back", func() {
		settle(one, layer, false)
		must(os.WriteFile(filepath.Join(dir, "slugc/v1/trees", one, "tree/lib/file"), []byte("2"), 0o644))
		none(one)
	})
	it("trusts no tree from before the machine started", func() {
		settle(one, layer, false)
		file := filepath.Join(dir, "slugc/v1/trees", one, "record")
		record, err := os.ReadFile(file)
		must(err)
		record[0] ^= 1
		must(os.WriteFile(file, record, 0o644))
		none(one)
	})
	it("passes over a damaged record", func() {
		settle(one, layer, false)
		file := filepath.Join(dir, "slugc/v1/trees", one, "record")
		record, err := os.ReadFile(file)
		must(err)
		record[len(record)-1] ^= 1
		must(os.WriteFile(file, record, 0o644))
		none(one)
	})
	it("removes what is of no layer and what was never finished", func() {
		settle(one, layer, false)
		must(os.Mkdir(filepath.Join(dir, "slugc/v1/trees/.new-1"), 0o755))
		settle(two, layer, false)
		entries, err := os.ReadDir(filepath.Join(dir, "slugc/v1/trees"))
		if err != nil || len(entries) != 1 || entries[0].Name() != two {
			t.Errorf("%v, %v", entries, err)
		}
	})
}

func TestHandover(t *testing.T) {
	dir, layer := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(layer, "file"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	index, err := pack.Walk(t.Context(), layer, pack.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	records := open(t, dir).Records()
	if taken := records.Taken(); len(taken) > 0 {
		t.Errorf("at first there is %v", taken)
	}
	if err := records.Handover(map[string]cache.Known{"b:one": {DiffID: "sha256:1", Index: index}, "b:two": {DiffID: "sha256:2", Index: index}}); err != nil {
		t.Fatal(err)
	}
	taken := open(t, dir).Records().Taken()
	if got := slices.Sorted(maps.Keys(taken)); !slices.Equal(got, []string{"b:one", "b:two"}) {
		t.Fatalf("got %q", got)
	}
	if known := taken["b:two"]; known.DiffID != "sha256:2" || !known.Index.Unchanged(index) {
		t.Errorf("got %+v", known)
	}
	file := filepath.Join(dir, "slugc/v1/handover")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{whole[:len(whole)-1], whole[:10], append([]byte("{}\n"), whole...), append(slices.Clone(whole), '{')} {
		if err := os.WriteFile(file, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if taken := records.Taken(); len(taken) > 0 {
			t.Errorf("of %d damaged bytes of %d it takes %v", len(damaged), len(whole), taken)
		}
	}
}

func TestTemp(t *testing.T) {
	dir := t.TempDir()
	records := open(t, dir).Records()
	abandoned := filepath.Join(dir, "slugc/v1/temp-1")
	if err := os.Mkdir(abandoned, 0o755); err != nil {
		t.Fatal(err)
	}
	one, release, err := records.Temp()
	if err != nil {
		t.Fatal(err)
	}
	two, releaseTwo, err := records.Temp()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abandoned); err == nil {
		t.Error("what a process left that was killed is there")
	}
	if _, err := os.Stat(one); err != nil || one == two {
		t.Errorf("two processes have %s and %s: %v", one, two, err)
	}
	if err := errors.Join(release(), releaseTwo()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(one); err == nil {
		t.Error("it is there when it was released")
	}
}
