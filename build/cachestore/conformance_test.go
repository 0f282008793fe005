package cachestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

// medium is somewhere that builds of an app leave things for the next one.
type medium interface {
	// begin is the cache of the next build with what the medium has for it, and
	// why it has not more.
	begin(t *testing.T) (e *cachestore.Entry, missed []string)
	// leave keeps what a build made.
	leave(t *testing.T, e *cachestore.Entry, b built) error
	// state is another one whenever something was written.
	state(t *testing.T) string
	// damage makes the content of a layer another one, lose takes it away,
	// forget all of it.
	damage(t *testing.T, layer string)
	lose(t *testing.T, layer string)
	forget(t *testing.T)
}

func TestMedia(t *testing.T) {
	for name, start := range map[string]func(*testing.T) medium{"directory": startDirectory, "registry": startRegistry} {
		t.Run(name, func(t *testing.T) {
			spec.Run(t, name, func(t *testing.T, _ spec.G, it spec.S) { testMedium(t, it, start) }, spec.Parallel())
		})
	}
}

func testMedium(t *testing.T, it spec.S, start func(*testing.T) medium) {
	var m medium
	it.Before(func() { m = start(t) })
	// build is a build that fills its layers directory with a function. It
	// returns what it found.
	build := func(fill func(layers string)) (found, missed []string) {
		t.Helper()
		e, missed := m.begin(t)
		found = describe(t, layersOf(e))
		if fill != nil {
			if err := sandbox.Remove(layersOf(e)); err != nil {
				t.Fatal(err)
			}
			fill(layersOf(e))
		}
		if err := m.leave(t, e, finish(t, e)); err != nil {
			t.Fatal(err)
		}
		shut(t, e)
		return found, missed
	}
	rich := func(layers string) { richLayers(t, layers) }

	it("gives the next build what the last one left, as it was", func() {
		var want []string
		build(func(layers string) {
			rich(layers)
			want = append(describe(t, layers), describeTOML("test_bp/cached.toml", "[metadata]\n  at = 2020-01-02T03:04:05Z\n  version = 7\n"),
				describeTOML("test_bp/other.toml", ""), describeTOML("test_bp/store.toml", "[metadata]\n  runs = 1\n"))
		})
		found, missed := build(nil)
		if diff := cmp.Diff(sorted(want), sorted(found)); diff != "" || len(missed) > 0 {
			t.Errorf("missed %v; layers (-expected +got):\n%s", missed, diff)
		}
	})
	it("writes nothing when nothing has changed", func() {
		build(rich)
		before := m.state(t)
		for range 2 {
			build(nil)
		}
		if after := m.state(t); after != before {
			t.Errorf("before: %s\nafter: %s", before, after)
		}
	})
	it("gives the latest state", func() {
		build(rich)
		build(func(layers string) { write(t, filepath.Join(layers, "test_bp/cached/new"), "second") })
		found, _ := build(nil)
		if all := strings.Join(found, "\n"); !strings.Contains(all, "test_bp/cached/new") || strings.Contains(all, "test_bp/other") {
			t.Errorf("found\n%s", all)
		}
	})
	for _, harm := range []string{"damage", "lose"} {
		it(fmt.Sprintf("leaves a layer out, and only that one, after %s", harm), func() {
			build(rich)
			if harm == "damage" {
				m.damage(t, "cached")
			} else {
				m.lose(t, "cached")
			}
			found, missed := build(nil)
			all := strings.Join(found, "\n")
			if strings.Contains(all, "cached") || !strings.Contains(all, "test_bp/other/file") {
				t.Errorf("found\n%s", all)
			}
			if len(missed) != 1 || !strings.Contains(missed[0], "test/bp:cached") {
				t.Errorf("missed %q", missed)
			}
		})
	}
	it("has nothing before the first build, and after it was cleared", func() {
		for range 2 {
			found, missed := build(rich)
			if len(found)+len(missed) > 0 {
				t.Errorf("found %v, missed %v", found, missed)
			}
			m.forget(t)
		}
	})
	it("lets several builds save at once, and keeps one of them whole", func() {
		const builds = 4
		var group errgroup.Group
		for i := range builds {
			group.Go(func() error {
				e, _ := m.begin(t)
				for _, layer := range []string{"cached", "other"} {
					write(t, filepath.Join(layersOf(e), "test_bp", layer, "by"), fmt.Sprint(i))
				}
				err := m.leave(t, e, finish(t, e))
				shut(t, e)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		e, missed := m.begin(t)
		defer shut(t, e)
		all := files(t, layersOf(e))
		if by := all["test_bp/cached/by"]; by == "" || by != all["test_bp/other/by"] || len(missed) > 0 {
			t.Errorf("missed %v, found %v", missed, all)
		}
	})
}

// directory is a cache on this machine.
type directory struct{ root string }

func startDirectory(t *testing.T) medium { return &directory{t.TempDir()} }

func (d *directory) begin(t *testing.T) (*cachestore.Entry, []string) {
	t.Helper()
	return restored(t, entry(t, d.root))
}

func (d *directory) leave(t *testing.T, e *cachestore.Entry, b built) error {
	t.Helper()
	return e.Save(t.Context(), b.tree, b.indexes)
}

func (d *directory) entryDir(t *testing.T) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(d.root, "apps/*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("entries %v (%v)", dirs, err)
	}
	return dirs[0]
}

func (d *directory) state(t *testing.T) string {
	t.Helper()
	var state strings.Builder
	for _, name := range []string{"layers.toml", "index/*"} {
		paths, err := filepath.Glob(filepath.Join(d.entryDir(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			now, err := pack.FingerprintOf(path)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&state, path, now)
		}
	}
	return state.String()
}

func (d *directory) damage(t *testing.T, layer string) {
	t.Helper()
	write(t, filepath.Join(d.entryDir(t), "app/.slugc/layers/test_bp", layer, "big"), "short")
}

func (d *directory) lose(t *testing.T, layer string) {
	t.Helper()
	remove(t, filepath.Join(d.entryDir(t), "app/.slugc/layers/test_bp", layer))
}

func (d *directory) forget(t *testing.T) {
	t.Helper()
	e := entry(t, d.root)
	defer shut(t, e)
	if err := e.Clear(); err != nil {
		t.Fatal(err)
	}
}

// group is the buildpacks of every build.
func group() []buildpacks.Descriptor { return []buildpacks.Descriptor{{ID: "test/bp"}} }

func entry(t *testing.T, root string) *cachestore.Entry {
	t.Helper()
	e, err := cachestore.Open(t.Context(), root, cachestore.App{Name: "app", Source: "/src/app"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(layersOf(e), 0o755), sandbox.Give(e.AppDir())); err != nil {
		t.Fatal(err)
	}
	return e
}

func shut(t *testing.T, e *cachestore.Entry) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func layersOf(e *cachestore.Entry) string { return filepath.Join(e.AppDir(), ".slugc/layers") }

// restored restores an entry and says what it dropped.
func restored(t *testing.T, e *cachestore.Entry) (*cachestore.Entry, []string) {
	t.Helper()
	all, err := e.Restore(t.Context(), layersOf(e), group())
	if err != nil {
		t.Fatal(err)
	}
	var missed []string
	for _, r := range all {
		if r.Dropped != "" {
			missed = append(missed, r.Layer+": "+r.Dropped)
		}
	}
	return e, missed
}

// built is what a build made.
type built struct {
	tree    artifact.Tree
	indexes map[string]pack.Index
}

// finish makes a tree of what lies in the layers directory: every directory of
// the test buildpack is a cache layer, those whose name begins with "launch"
// are for processes.
func finish(t *testing.T, e *cachestore.Entry) built {
	t.Helper()
	b, err := finished(t.Context(), layersOf(e))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func finished(ctx context.Context, layers string) (built, error) {
	b := built{
		tree: artifact.Tree{
			Layers: buildpacks.Dir{Host: layers, Path: "/app/.slugc/layers"},
			Stores: map[string]map[string]any{"test/bp": {"runs": int64(1)}},
		},
		indexes: map[string]pack.Index{},
	}
	names, err := os.ReadDir(filepath.Join(layers, "test_bp"))
	if err != nil {
		return b, err
	}
	for _, name := range names {
		if !name.IsDir() {
			continue
		}
		dir := filepath.Join(layers, "test_bp", name.Name())
		l := buildpacks.Layer{Buildpack: "test/bp", Name: name.Name(), Cache: true, Dir: buildpacks.Dir{Host: dir, Path: "/app/.slugc/layers/test_bp/" + name.Name()}}
		if name.Name() == "cached" {
			l.Metadata = map[string]any{"version": int64(7), "at": aDate()}
		}
		if b.indexes[l.ID()], err = pack.Walk(ctx, dir, pack.WalkOptions{}); err != nil {
			return b, err
		}
		b.tree.CacheLayers = append(b.tree.CacheLayers, l)
		if sbom := dir + ".sbom.cdx.json"; exists(sbom) {
			for _, scope := range []string{"launch", "cache"} {
				b.tree.SBOM = append(b.tree.SBOM, buildpacks.SBOM{Buildpack: "test/bp", Layer: l.Name, Scope: scope, Format: "cdx.json", File: sbom})
			}
		}
		if strings.HasPrefix(l.Name, "launch") {
			l.Launch = true
			b.tree.LaunchLayers = append(b.tree.LaunchLayers, l)
		}
	}
	return b, nil
}

// richLayers writes layers that have all that a layer can have.
func richLayers(t *testing.T, layers string) {
	t.Helper()
	dir := filepath.Join(layers, "test_bp/cached")
	for name, text := range map[string]string{
		"bin/run": "#!/bin/sh\n", "käse/日本": "unicode", "new\nline": "", "secret": "mine", ".wh.file": "no whiteout",
		"big": strings.Repeat("something to compress ", 150_000), strings.Repeat("long/", 40) + "name": "deep",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	for link, target := range map[string]string{"link": "bin/run", "dangling": "/nowhere", "up": "../.."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, "big"), filepath.Join(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	write(t, dir+".sbom.cdx.json", `{"bomFormat": "CycloneDX"}`)
	write(t, filepath.Join(layers, "test_bp/other/file"), "other")
	if err := sandbox.GiveTree(layers); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{
		"bin/run": 0o755, "secret": 0o600, "big": fs.ModeSetuid | 0o755, "empty": fs.ModeSticky | 0o777, "bin": 0o500, "": 0o750,
	} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// describe is a tree as one line per path.
func describe(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, found fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || !strings.Contains(rel, "/") {
			return err // the directories that hold layers
		}
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all = append(all, describeFile(rel, info.Mode(), string(data)))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			all = append(all, fmt.Sprintf("%q -> %q", rel, target))
		default:
			all = append(all, fmt.Sprintf("%q %v", rel, info.Mode()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func describeTOML(path, text string) string { return describeFile(path, 0o644, text) }

func describeFile(path string, mode fs.FileMode, text string) string {
	if len(text) > 200 {
		text = fmt.Sprintf("%s... %d bytes", text[:20], len(text))
	}
	return fmt.Sprintf("%q %v %q", path, mode, text)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func sorted(lines []string) []string { return slices.Sorted(slices.Values(lines)) }

func aDate() time.Time { return time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC) }
