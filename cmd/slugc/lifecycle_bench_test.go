//go:build bench

package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/referencetest"
)

// TestBenchLifecycle measures the creator of our lifecycle, out/lifecycle, beside
// that of the reference, with the same flags: on the host, to a registry, with a
// cache directory on the mount of the layers.
func TestBenchLifecycle(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the creators need root")
	}
	ours, err := filepath.Abs("../../out/lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []subject{
		{"15 000 files in two layers", fewFiles, packageLayers},
		{"200 npm packages and Node.js", expressApp, expressLayers},
		{"1 GiB in 4 layers, 20 000 files in the app", manyFiles, bigLayers},
	} {
		t.Run(s.name, func(t *testing.T) {
			b := newBench(t)
			source, _ := s.prepare(b)
			both := []*contestant{
				newCreator(b, "reference", referencetest.Build(b.t), source, toRegistry),
				newCreator(b, "lifecycle", referencetest.Lifecycle{Dir: ours}, source, toRegistry),
			}
			measure(t, b, source, both)
			compareFigures("creator to a registry, "+s.name, both, targets{cold: 0.35, unchanged: 0.15, edited: 0.15})
		})
	}
}

// fewFiles is an app as small as the Express example.
func fewFiles(b *bench, source string) {
	b.t.Helper()
	if err := errors.Join(os.MkdirAll(source, 0o755), os.WriteFile(filepath.Join(source, "server.js"), []byte("// nothing\n"), 0o644)); err != nil {
		b.t.Fatal(err)
	}
}

// packageLayers are a layer of 15 000 files in 170 MB and one with a program of
// 120 MB, in the proportions of an app of Node.js.
func packageLayers(b *bench, dir string) {
	b.t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	for name, add := range map[string]func(put func(string, []byte)){
		"modules": func(put func(string, []byte)) {
			for i := range 15_000 {
				put(fmt.Sprintf("node_modules/package-%d/lib/file-%d.js", i/60, i), programText(random, 2_000+random.IntN(19_000)))
			}
		},
		"program": func(put func(string, []byte)) {
			put("bin/program", programText(random, 120<<20))
			for i := range 500 {
				put(fmt.Sprintf("lib/file-%d.js", i), programText(random, 4_000))
			}
		},
	} {
		f, err := os.Create(filepath.Join(dir, name+".tar"))
		if err != nil {
			b.t.Fatal(err)
		}
		writer := tar.NewWriter(f)
		add(func(path string, data []byte) {
			err := writer.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg})
			if err == nil {
				_, err = writer.Write(data)
			}
			if err != nil {
				b.t.Fatal(err)
			}
		})
		if err := errors.Join(writer.Close(), f.Close()); err != nil {
			b.t.Fatal(err)
		}
	}
}
