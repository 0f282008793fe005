//go:build bench

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack"
)

// TestBenchStack measures how long the images of slugc-13 take from a warm
// cache of packages, beside mmdebstrap, which unpacks the very same packages
// from as warm a cache and runs none of their scripts.
func TestBenchStack(t *testing.T) {
	b := newBench(t)
	d, err := stack.Find("slugc-13")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nStack %s, medians of %d, state on tmpfs, packages and indices cached\n", d.ID, runs)
	fmt.Printf("%-42s %8s %8s %8s\n", "", "wall s", "CPU s", "MiB")
	type result struct {
		variant       string
		ours, theirs  figure
		target, bytes float64
	}
	var results []result
	for _, c := range []struct {
		variant string
		target  float64
	}{{stack.Run, 2}, {stack.Build, 12}} {
		image := filepath.Join(b.dir, "image-"+c.variant)
		create := []string{"stack", "create", d.ID, "--variant", c.variant, "-o", "oci:" + image}
		b.stack(create...)
		packages := b.packages(d.ID, c.variant)
		b.mmdebstrap(d, packages)
		r := result{variant: c.variant, target: c.target, bytes: float64(b.layers(image))}
		var ours, theirs []figure
		for range runs {
			b.remove(image)
			ours = append(ours, b.stack(create...))
			theirs = append(theirs, b.mmdebstrap(d, packages))
		}
		r.ours, r.theirs = median(ours), median(theirs)
		row(fmt.Sprintf("slugc stack create, %s (%d packages)", c.variant, len(packages)), r.ours)
		row("mmdebstrap, the same packages, tar.gz", r.theirs)
		results = append(results, r)
	}
	fmt.Println()
	for _, r := range results {
		ratio(fmt.Sprintf("%s image / %.0f s", r.variant, r.target), r.ours.wall.Seconds()/r.target, 1)
		ratio(fmt.Sprintf("3 x %s image / mmdebstrap", r.variant), 3*r.ours.wall.Seconds()/r.theirs.wall.Seconds(), 1)
	}
	ratio("compressed run image / 30 MB", results[0].bytes/30e6, 1)
}

// stack is slugc with a store that has nothing in it.
func (b *bench) stack(args ...string) figure {
	b.t.Helper()
	home := filepath.Join(b.dir, "home")
	b.remove(home)
	cmd := exec.CommandContext(b.t.Context(), b.exe, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "SLUGC_CACHE="+filepath.Join(b.dir, "cache"), "SLUGC_HOME="+home)
	return b.measure(cmd)
}

// packages are those of the stack that was made last, as NAME=VERSION.
func (b *bench) packages(id, variant string) []string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), b.exe, "stack", "inspect", id, "--variant", variant, "--json")
	cmd.Env = append(os.Environ(), "SLUGC_CACHE="+filepath.Join(b.dir, "cache"), "SLUGC_HOME="+filepath.Join(b.dir, "home"))
	text, err := cmd.Output()
	if err != nil {
		b.t.Fatal(err)
	}
	var result struct {
		Stack struct {
			Packages []struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal(text, &result); err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, p := range result.Stack.Packages {
		names = append(names, p.Name+"="+p.Version)
	}
	if len(names) == 0 {
		b.t.Fatalf("no packages in %s", text)
	}
	return names
}

// mmdebstrap unpacks packages with what it fetched the last time.
func (b *bench) mmdebstrap(d stack.Definition, packages []string) figure {
	b.t.Helper()
	cache := filepath.Join(b.dir, "mmdebstrap")
	for _, dir := range []string{"lists/partial", "archives/partial", "tmp"} {
		if err := os.MkdirAll(filepath.Join(cache, dir), 0o755); err != nil {
			b.t.Fatal(err)
		}
	}
	tarball := filepath.Join(b.dir, "mmdebstrap.tar.gz")
	b.remove(tarball)
	debian, security := aptMirrors(b.t)
	cmd := exec.CommandContext(b.t.Context(), "mmdebstrap", "--mode=root", "--variant=extract", "--include="+strings.Join(packages, ","),
		"--setup-hook=mkdir -p \"$1/var/lib/apt\" \"$1/var/cache/apt\"; rm -rf \"$1/var/lib/apt/lists\" \"$1/var/cache/apt/archives\"; cp -al "+cache+"/lists \"$1/var/lib/apt/\"; cp -al "+cache+"/archives \"$1/var/cache/apt/\"",
		"--extract-hook=cp -alf \"$1/var/lib/apt/lists/.\" "+cache+"/lists/; cp -alf \"$1/var/cache/apt/archives/.\" "+cache+"/archives/",
		"--skip=download/empty",
		d.Codename, tarball,
		"deb "+debian+" "+d.Codename+" main", "deb "+debian+" "+d.Codename+"-updates main", "deb "+security+" "+d.Codename+"-security main")
	cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Join(cache, "tmp"))
	f := b.measure(cmd)
	f.memory = 0
	return f
}

// layers is the number of bytes of the layers of a layout.
func (b *bench) layers(image string) int64 {
	b.t.Helper()
	var total int64
	blobs, err := filepath.Glob(filepath.Join(image, "blobs/sha256/*"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, blob := range blobs {
		info, err := os.Stat(blob)
		if err != nil {
			b.t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

func (b *bench) remove(path string) {
	b.t.Helper()
	if err := os.RemoveAll(path); err != nil {
		b.t.Fatal(err)
	}
}
