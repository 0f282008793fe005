package slug_test

import (
	"archive/tar"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/slug"
)

func TestSlug(t *testing.T) { spec.Run(t, "Slug", testSlug) }

func testSlug(t *testing.T, when spec.G, it spec.S) {
	var top, dest string
	var built artifact.Tree
	var e maker

	it.Before(func() {
		top = t.TempDir()
		built = tree(t, top)
		e = exporter(t, top)
		must(t, os.Mkdir(filepath.Join(top, "out"), 0o755))
		dest = filepath.Join(top, "out/slug.tgz")
	})

	export := func() artifact.Artifact {
		t.Helper()
		a, err := e.Export(t.Context(), dest, built, extra())
		must(t, err)
		content := read(t, dest)
		if a.Kind != "slug" || a.Ref != dest || a.Size != int64(len(content)) || a.Digest != sha(content) {
			t.Errorf("%+v does not describe a file of %d bytes with %s", a, len(content), sha(content))
		}
		if diff := cmp.Diff([]string{"slug.tgz"}, names(t, filepath.Dir(dest))); diff != "" {
			t.Error(diff)
		}
		return a
	}
	made := func(a artifact.Artifact) []string {
		var list []string
		for _, s := range a.Layers {
			if !s.Reused {
				list = append(list, s.Name)
			}
		}
		return list
	}

	it("holds the app and the launch layers below ./app/, each entry once", func() {
		export()
		want := []header{
			{"./app/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_node/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_npm/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_node/node/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_node/node/bin/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_node/node/bin/node", "", tar.TypeReg, 0o755},
			{"./app/.slugc/layers/some_node/node/current", "/app/.slugc/layers/some_node/node/bin", tar.TypeSymlink, 0o777},
			{"./app/.slugc/layers/some_node/node/env/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_node/node/env/NODE_ENV.default", "", tar.TypeReg, 0o644},
			{"./app/.slugc/layers/some_npm/tools/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/some_npm/tools/x", "", tar.TypeReg, 0o600},
			{"./app/.profile.d/", "", tar.TypeDir, 0o755},
			{"./app/.profile.d/app.sh", "", tar.TypeReg, 0o640},
			{"./app/Procfile", "", tar.TypeReg, 0o644},
			{"./app/bin/", "", tar.TypeDir, 0o755},
			{"./app/bin/web", "", tar.TypeReg, 0o755},
			{"./app/src/", "", tar.TypeDir, 0o755},
			{"./app/src/index.js", "", tar.TypeReg, 0o644},
			{"./app/node_modules/", "", tar.TypeDir, 0o755},
			{"./app/node_modules/.bin/", "", tar.TypeDir, 0o755},
			{"./app/node_modules/.bin/left", "../left/index.js", tar.TypeSymlink, 0o777},
			{"./app/node_modules/left/", "", tar.TypeDir, 0o755},
			{"./app/node_modules/left/index.js", "", tar.TypeReg, 0o644},
			{"./app/node_modules/left/package.json", "", tar.TypeReg, 0o644},
			{"./app/node_modules/left-pad/", "", tar.TypeDir, 0o755},
			{"./app/node_modules/left-pad/index.js", "", tar.TypeReg, 0o644},
			{"./app/node_modules/left-pad/package.json", "", tar.TypeReg, 0o644},
			{"./app/node_modules/left.pad/", "", tar.TypeDir, 0o755},
			{"./app/node_modules/left.pad/index.js", "", tar.TypeReg, 0o644},
			{"./app/node_modules/left.pad/package.json", "", tar.TypeReg, 0o644},
			{"./app/.profile.d/000_slugc.sh", "", tar.TypeReg, 0o644},
			{"./app/.slugc/layers/config/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/config/metadata.toml", "", tar.TypeReg, 0o644},
		}
		if diff := cmp.Diff(want, headers(t, dest)); diff != "" {
			t.Error(diff)
		}
	})

	it("holds the bill of materials for launch, which a build may write anew", func() {
		const text = `{"bomFormat": "CycloneDX"}`
		without := headers(t, func() string { export(); return dest }())
		for _, scope := range []string{"launch", "build"} {
			write(t, built.Layers.Host, "sbom/"+scope+"/some_node/sbom.cdx.json", strings.Repeat(text, 1000), 0o644)
		}
		if diff := cmp.Diff([]string{"head", "sbom"}, made(export())); diff != "" {
			t.Error(diff)
		}
		var more []header
		for _, h := range headers(t, dest) {
			if !slices.Contains(without, h) {
				more = append(more, h)
			}
		}
		want := []header{
			{"./app/.slugc/layers/sbom/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/sbom/launch/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/sbom/launch/some_node/", "", tar.TypeDir, 0o755},
			{"./app/.slugc/layers/sbom/launch/some_node/sbom.cdx.json", "", tar.TypeReg, 0o644},
		}
		if diff := cmp.Diff(want, more); diff != "" {
			t.Error(diff)
		}
		must(t, os.RemoveAll(filepath.Join(built.Layers.Host, "sbom")))
		write(t, built.Layers.Host, "sbom/launch/some_node/sbom.cdx.json", strings.Repeat(text, 1000), 0o644)
		if diff := cmp.Diff([]string(nil), made(export())); diff != "" {
			t.Error(diff)
		}
	})

	it("is the same bytes from the same app elsewhere", func() {
		first := export()
		other := t.TempDir()
		must(t, os.Mkdir(filepath.Join(other, "out"), 0o755))
		second, err := exporter(t, other).Export(t.Context(), filepath.Join(other, "out/other.tgz"), tree(t, other), extra())
		must(t, err)
		if first.Digest != second.Digest {
			t.Error("the digests differ")
		}
	})

	it("is read by GNU tar and gzip", func() {
		export()
		run(t, "gzip", "-t", dest)
		var listed, want []string
		for name := range strings.Lines(run(t, "tar", "-tzf", dest)) {
			listed = append(listed, strings.TrimSpace(name))
		}
		for _, h := range headers(t, dest) {
			want = append(want, h.Name)
		}
		if diff := cmp.Diff(want, listed); diff != "" {
			t.Error(diff)
		}
		out := t.TempDir()
		run(t, "tar", "-xzpf", dest, "-C", out)
		unpacked := filepath.Join(t.TempDir(), "app")
		must(t, slug.Unpack(t.Context(), dest, unpacked, slug.Limits{}))
		if diff := cmp.Diff(listing(t, filepath.Join(out, "app")), listing(t, unpacked)); diff != "" {
			t.Error(diff)
		}
	})

	it("makes only the piece anew that holds an edit", func() {
		first := export()
		write(t, built.App.Host, "src/index.js", "console.log(2)\n", 0o644)
		second := export()
		if diff := cmp.Diff([]string{"app"}, made(second)); diff != "" {
			t.Error(diff)
		}
		var small int64
		for _, s := range second.Layers {
			if !s.Reused {
				small = s.Size
			}
		}
		if first.Digest == second.Digest || small > 2000 {
			t.Errorf("the piece has %d bytes", small)
		}
	})

	it("reuses layers whose env files were written anew", func() {
		export()
		path := filepath.Join(built.LaunchLayers[0].Dir.Host, "env/NODE_ENV.default")
		must(t, os.Remove(path))
		must(t, os.WriteFile(path, []byte("production"), 0o644))
		if diff := cmp.Diff([]string(nil), made(export())); diff != "" {
			t.Error(diff)
		}
	})

	it("writes nothing when the slug is there already", func() {
		first := export()
		before, err := os.Stat(dest)
		must(t, err)
		second := export()
		after, err := os.Stat(dest)
		must(t, err)
		if !os.SameFile(before, after) || first.Digest != second.Digest {
			t.Error("the slug was written again")
		}

		must(t, os.WriteFile(dest, read(t, dest), 0o644))
		export()
		after, err = os.Stat(dest)
		must(t, err)
		if os.SameFile(before, after) {
			t.Error("a slug that somebody else wrote was taken for ours")
		}

		must(t, os.Remove(dest))
		if export().Digest != first.Digest {
			t.Error("the slug is another one")
		}
	})

	it("keeps what the app has, and gives way to what slugc has", func() {
		write(t, built.App.Host, ".profile.d/000_slugc.sh", "the app's", 0o600)
		write(t, built.App.Host, ".slugc/note", "the app's as well", 0o600)
		export()
		c, err := slug.Inspect(t.Context(), dest, slug.Limits{}, ".profile.d/000_slugc.sh", ".slugc/note", ".profile.d/app.sh", "absent")
		must(t, err)
		want := map[string][]byte{
			".profile.d/000_slugc.sh": extra()[0].Content,
			".slugc/note":             []byte("the app's as well"),
			".profile.d/app.sh":       []byte("export APP=1\n"),
		}
		if diff := cmp.Diff(want, c.Files); diff != "" {
			t.Error(diff)
		}
		seen := map[string]bool{}
		for _, entry := range c.Index {
			if seen[entry.Path] {
				t.Errorf("%s comes twice", entry.Path)
			}
			seen[entry.Path] = true
		}
	})

	for _, wrong := range []struct {
		name, want string
		make       func()
	}{
		{"the app has a file where slugc needs a directory", "app/.profile.d is not a directory", func() {
			must(t, os.RemoveAll(filepath.Join(built.App.Host, ".profile.d")))
			write(t, built.App.Host, ".profile.d", "", 0o644)
		}},
		{"the app has a link where layers lie", "app/.slugc is not a directory", func() {
			must(t, os.Rename(filepath.Join(built.App.Host, ".slugc"), filepath.Join(top, "moved")))
			link(t, built.App.Host, ".slugc", filepath.Join(top, "moved"))
		}},
		{"the app has a directory where slugc puts a file", "000_slugc.sh is a directory", func() {
			must(t, os.Mkdir(filepath.Join(built.App.Host, ".profile.d/000_slugc.sh"), 0o755))
		}},
		{"the app was built elsewhere", "built at /workspace", func() { built.App.Path = "/workspace" }},
		{"a layer was built elsewhere", "layer some/node:node was built at /layers/x", func() { built.LaunchLayers[0].Dir.Path = "/layers/x" }},
		{"a layer is missing", "no such file", func() { must(t, os.RemoveAll(built.LaunchLayers[1].Dir.Host)) }},
		{"the destination is a directory", "is a directory: name the slug's file", func() { dest = filepath.Dir(dest) }},
		{"the destination is not a file", "is not a regular file", func() { dest = "/dev/null" }},
		{"the directory of the destination is missing", "there is no directory", func() { dest = filepath.Join(top, "none/slug.tgz") }},
	} {
		it("says so when "+wrong.name, func() {
			wrong.make()
			_, err := e.Export(t.Context(), dest, built, extra())
			if err == nil || !strings.Contains(err.Error(), wrong.want) {
				t.Errorf("%v; expected %q", err, wrong.want)
			}
			if got := names(t, filepath.Join(top, "out")); len(got) > 0 {
				t.Errorf("%q was left behind", got)
			}
		})
	}

	it("writes through a link that stands for the destination", func() {
		target := filepath.Join(top, "real.tgz")
		must(t, os.WriteFile(target, nil, 0o644))
		must(t, os.Symlink(target, dest))
		a, err := e.Export(t.Context(), dest, built, extra())
		must(t, err)
		if info, err := os.Lstat(dest); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Error("the link was replaced")
		}
		if sha(read(t, target)) != a.Digest {
			t.Error("the target is not the slug")
		}
	})

	it("replaces the slug before in one step, and not at all when it is cancelled", func() {
		must(t, os.WriteFile(dest, []byte("the slug before"), 0o644))
		app, err := pack.Walk(t.Context(), built.App.Host, pack.WalkOptions{Exclude: func(rel string, _ bool) bool { return rel == ".slugc/layers" }})
		must(t, err)
		jobs, err := slug.Jobs(built, app, extra())
		must(t, err)
		packed, err := e.Packer.Pack(t.Context(), jobs)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.Writer.Write(ctx, dest, built, flat(packed)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if string(read(t, dest)) != "the slug before" {
			t.Error("the slug before is gone")
		}
		if diff := cmp.Diff([]string{"slug.tgz"}, names(t, filepath.Dir(dest))); diff != "" {
			t.Error(diff)
		}
	})

	it("names a segment that is not what it should be", func() {
		app, err := pack.Walk(t.Context(), built.App.Host, pack.WalkOptions{Exclude: func(rel string, _ bool) bool { return rel == ".slugc/layers" }})
		must(t, err)
		jobs, err := slug.Jobs(built, app, extra())
		must(t, err)
		packed, err := e.Packer.Pack(t.Context(), jobs)
		must(t, err)
		segments := flat(packed)
		at := slices.IndexFunc(segments, func(s artifact.Segment) bool { return s.Name == "app/node_modules" })
		must(t, os.Truncate(segments[at].File, 10))
		_, err = e.Writer.Write(t.Context(), dest, built, segments)
		if err == nil || !strings.Contains(err.Error(), "segment app/node_modules has 10 bytes") {
			t.Error(err)
		}
		if got := names(t, filepath.Dir(dest)); len(got) > 0 {
			t.Error(got)
		}
	})

	when("the slug is large", func() {
		it("warns, and refuses with the biggest directories", func() {
			size := export().Size
			must(t, os.Remove(dest))
			var warned int64
			e.Writer.Large = func(size int64) { warned = size }
			e.Writer.WarnSize = size
			export()
			if warned != 0 {
				t.Error("a slug of the limit is not above it")
			}
			e.Writer.WarnSize = size - 1
			export()
			if warned != size {
				t.Errorf("warned of %d bytes, expected %d", warned, size)
			}
			must(t, os.Remove(dest))
			e.Writer.MaxSize = size - 1
			_, err := e.Export(t.Context(), dest, built, extra())
			var large *slug.TooLargeError
			if !errors.As(err, &large) || large.Size != size || large.Max != size-1 {
				t.Fatal(err)
			}
			want := []pack.DirSize{
				{Path: "/app/node_modules", Size: 2_220_006},
				{Path: "/app/node_modules/left-pad", Size: 780_002},
				{Path: "/app/node_modules/left.pad", Size: 780_002},
				{Path: "/app/node_modules/left", Size: 660_002},
				{Path: "/app/.slugc/layers/some_node/node", Size: 300_010},
			}
			if diff := cmp.Diff(want, large.Biggest[:5]); diff != "" {
				t.Error(diff)
			}
			if text := err.Error(); !strings.Contains(text, "leave out") || !strings.Contains(text, "2.1 MiB  /app/node_modules\n") {
				t.Error(text)
			}
			if got := names(t, filepath.Dir(dest)); len(got) > 0 {
				t.Error(got)
			}
		})
	})
}

func flat(packed [][]artifact.Segment) []artifact.Segment {
	var all []artifact.Segment
	for _, s := range packed {
		all = append(all, s...)
	}
	return all
}
