package pack_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/pgzip"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/pack"
)

// The tree that the benchmarks pack is like a node_modules: 15 000 files, 160
// MB, most of the bytes in files of 16 KiB and more.
const (
	benchSmall = 12_500
	benchBig   = 2_500
)

// script returns about size bytes of text that compresses like JavaScript.
func script(rnd *rand.Rand, size int) []byte {
	words := strings.Fields(`function return const let var if else for while this exports module require
		prototype undefined null true false new typeof instanceof object string number array value key index length
		options callback error result promise async await default import from class extends super static get set
		=== !== && || => ( ) { } [ ] ; , . = + - * ! ? : 0 1 2`)
	var b strings.Builder
	b.Grow(size + 64)
	for b.Len() < size {
		for range rnd.IntN(4) {
			b.WriteString("  ")
		}
		for range 3 + rnd.IntN(9) {
			b.WriteString(words[rnd.IntN(len(words))])
			b.WriteByte(' ')
			if rnd.IntN(4) == 0 {
				fmt.Fprintf(&b, "_%x", rnd.Uint32N(1<<16))
			}
		}
		b.WriteByte('\n')
	}
	return []byte(b.String()[:size])
}

// benchTree writes the tree once and returns its directory and size.
func benchTree(b *testing.B) (string, int64) {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "node_modules")
	rnd := rand.New(rand.NewPCG(1, 2))
	text := script(rnd, 8<<20)
	var total int64
	write := func(path string, size int) {
		at := rnd.IntN(len(text) - size)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, text[at:at+size], 0o644); err != nil {
			b.Fatal(err)
		}
		total += int64(size)
	}
	for i := range benchSmall {
		write(filepath.Join(dir, fmt.Sprintf("package-%d/lib/part-%d/file-%d.js", i/40, i/10%4, i)), 200+rnd.IntN(3500))
	}
	for i := range benchBig {
		size := 16<<10 + rnd.IntN(48<<10)
		if i%50 == 0 {
			size = 1<<20 + rnd.IntN(1<<20)
		}
		write(filepath.Join(dir, fmt.Sprintf("package-%d/dist/bundle-%d.js", i/8, i)), size)
	}
	return dir, total
}

func slugShape() pack.Shape {
	return pack.Shape{Name: "slug", Prefix: "./app/node_modules", ModTime: pack.Epoch(), Root: true, Slash: true}
}

func ociShape() pack.Shape {
	return pack.Shape{Name: "oci", Prefix: "/workspace/node_modules", UID: 1000, GID: 1000, ModTime: pack.Epoch(), Root: true, Trailer: true}
}

func BenchmarkPack(b *testing.B) {
	dir, total := benchTree(b)
	for _, bm := range []struct {
		name   string
		shapes []pack.Shape
	}{
		{"OneShape", []pack.Shape{slugShape()}},
		{"TwoShapes", []pack.Shape{slugShape(), ociShape()}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(total)
			b.ReportAllocs()
			for b.Loop() {
				p := pack.Packer{Temp: b.TempDir()}
				job := pack.Job{Part: pack.Part{Name: "app", Dir: dir}, Shapes: bm.shapes}
				if _, err := p.Pack(b.Context(), []pack.Job{job}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPackUnchanged(b *testing.B) {
	dir, _ := benchTree(b)
	p := pack.Packer{Temp: b.TempDir(), Store: pack.DirStore{Dir: b.TempDir()}}
	jobs := []pack.Job{{Part: pack.Part{Name: "app", Dir: dir}, Shapes: []pack.Shape{slugShape()}}}
	if _, err := p.Pack(b.Context(), jobs); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		segments, err := p.Pack(b.Context(), jobs)
		if err != nil || !segments[0][0].Reused {
			b.Fatal(segments, err)
		}
	}
}

// BenchmarkPackOneFileChanged packs a tree of which one file is another.
func BenchmarkPackOneFileChanged(b *testing.B) {
	dir, total := benchTree(b)
	p := pack.Packer{Temp: b.TempDir(), Store: pack.DirStore{Dir: b.TempDir()}}
	jobs := []pack.Job{{Part: pack.Part{Name: "app", Dir: dir}, Shapes: []pack.Shape{slugShape()}}}
	if _, err := p.Pack(b.Context(), jobs); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(total)
	for i := 0; b.Loop(); i++ {
		if err := os.WriteFile(filepath.Join(dir, "edited.js"), fmt.Appendf(nil, "module.exports = %d", i), 0o644); err != nil {
			b.Fatal(err)
		}
		segments, err := p.Pack(b.Context(), jobs)
		if err != nil || segments[0][0].Reused {
			b.Fatal(segments, err)
		}
	}
}

// BenchmarkLimit is what the machine can do with one file of as many bytes:
// read, hash, compress on all cores, hash and write, each on its own.
func BenchmarkLimit(b *testing.B) {
	dir, total := benchTree(b)
	file := filepath.Join(b.TempDir(), "all")
	concatenate(b, dir, file)
	b.SetBytes(total)
	for b.Loop() {
		if err := limit(b.Context(), file, filepath.Join(b.TempDir(), "all.gz")); err != nil {
			b.Fatal(err)
		}
	}
}

func concatenate(b *testing.B, dir, file string) {
	b.Helper()
	out, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
}

func limit(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	group, _ := errgroup.WithContext(ctx)
	raw, rawIn := io.Pipe()
	packed, packedIn := io.Pipe()
	group.Go(func() error {
		_, err := io.CopyBuffer(struct{ io.Writer }{sha256.New()}, raw, make([]byte, 1<<20))
		return err
	})
	group.Go(func() error {
		_, err := io.CopyBuffer(io.MultiWriter(sha256.New(), out), packed, make([]byte, 1<<20))
		return err
	})
	group.Go(func() error {
		z, err := pgzip.NewWriterLevel(packedIn, 6)
		if err != nil {
			return err
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(rawIn, z)}, struct{ io.Reader }{in}, make([]byte, 1<<20)); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := rawIn.Close(); err != nil {
			return err
		}
		return packedIn.Close()
	})
	return group.Wait()
}

func BenchmarkWalk(b *testing.B) {
	dir, _ := benchTree(b)
	b.Run("Walk", func(b *testing.B) {
		for b.Loop() {
			if _, err := pack.Walk(b.Context(), dir, pack.WalkOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Find", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.CommandContext(b.Context(), "find", dir, "-printf", `%s %T@ %C@ %i %p\n`)
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
