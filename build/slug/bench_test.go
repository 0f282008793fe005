package slug_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks"
)

// benchTree is an app of 5 000 files and 60 MB, most of it in node_modules.
func benchTree(b *testing.B, top string) artifact.Tree {
	b.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	var words strings.Builder
	for words.Len() < 1<<20 {
		fmt.Fprintf(&words, "var v%d = require(%q)\n", rnd.IntN(1000), strings.Repeat("x", rnd.IntN(9)))
	}
	app := filepath.Join(top, "app")
	for i := range 5000 {
		size := 200 + rnd.IntN(4000)
		if i%8 == 0 {
			size += 80_000
		}
		at := rnd.IntN(words.Len() - size)
		write(b, app, fmt.Sprintf("node_modules/package-%d/lib/file-%d.js", i/25, i), words.String()[at:at+size], 0o644)
	}
	write(b, app, "server.js", "require('x')\n", 0o644)
	return artifact.Tree{App: buildpacks.Dir{Host: app, Path: "/app"}}
}

func BenchmarkExport(b *testing.B) {
	top := b.TempDir()
	built := benchTree(b, top)
	e := exporter(b, top)
	dest := filepath.Join(top, "slug.tgz")
	export := func(b *testing.B) {
		b.Helper()
		if _, err := e.Export(b.Context(), dest, built, extra()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("Cold", func(b *testing.B) {
		for b.Loop() {
			must(b, os.RemoveAll(filepath.Join(top, "store")))
			export(b)
		}
	})
	b.Run("OneLineEdited", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			write(b, built.App.Host, "server.js", fmt.Sprintf("require('x')(%d)\n", i), 0o644)
			export(b)
		}
	})
	b.Run("Unchanged", func(b *testing.B) {
		for b.Loop() {
			export(b)
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	top := b.TempDir()
	dest := filepath.Join(top, "slug.tgz")
	if _, err := exporter(b, top).Export(b.Context(), dest, benchTree(b, top), extra()); err != nil {
		b.Fatal(err)
	}
	b.Run("Unpack", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			must(b, slug.Unpack(b.Context(), dest, filepath.Join(top, fmt.Sprintf("unpacked-%d", i)), slug.Limits{}))
		}
	})
	b.Run("GNUTar", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			out := filepath.Join(top, fmt.Sprintf("tar-%d", i))
			must(b, os.Mkdir(out, 0o755))
			must(b, exec.CommandContext(b.Context(), "tar", "-xzf", dest, "-C", out).Run())
		}
	})
}
