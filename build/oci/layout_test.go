package oci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

// state is what tells whether a file was written: its inode and times.
func state(t *testing.T, dir string) map[string][3]int64 {
	t.Helper()
	files := map[string][3]int64{}
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files[rel] = [3]int64{int64(st.Ino), st.Mtim.Nano(), st.Size}
		return err
	}))
	return files
}

// pulled is an image of a layout as another tool reads it.
func pulled(t *testing.T, dir, tag string) v1.Image {
	t.Helper()
	path, err := layout.FromPath(dir)
	must(t, err)
	index, err := path.ImageIndex()
	must(t, err)
	manifest, err := index.IndexManifest()
	must(t, err)
	for _, d := range manifest.Manifests {
		if d.Annotations["org.opencontainers.image.ref.name"] == tag {
			image, err := index.Image(d.Digest)
			must(t, err)
			return image
		}
	}
	t.Fatalf("the layout has no tag %q", tag)
	return nil
}

// broken is an image with a layer that cannot be read to its end.
type broken struct {
	v1.Layer
	err error
}

func (b broken) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{b.err})), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// withBroken is an image with a broken layer on top.
func withBroken(t *testing.T, image oci.Image, err error) oci.Image {
	t.Helper()
	layers, layersErr := anotherImage(t).Layers()
	must(t, layersErr)
	appended, appendErr := mutate.AppendLayers(image.Image, broken{layers[0], err})
	must(t, appendErr)
	return oci.Image{Image: appended}
}

// anotherImage is an image of another tree.
func anotherImage(t *testing.T) oci.Image {
	t.Helper()
	r := ocitest.Recipe(t, t.TempDir())
	ocitest.Write(t, r.Tree.App.Host, map[string]string{"index.js": "console.log(2)\n"})
	ocitest.Write(t, r.Tree.Layers.Host, map[string]string{"acme_node/modules/a/b.js": "another"})
	return ocitest.Make(t, r)
}

func TestLayout(t *testing.T) {
	spec.Run(t, "Layout", func(t *testing.T, when spec.G, it spec.S) {
		var dir string
		var memory pack.Store
		it.Before(func() {
			dir = filepath.Join(t.TempDir(), "new", "layout")
			memory = pack.DirStore{Dir: t.TempDir()}
		})

		it("holds the image as other tools read it", func() {
			image := anImage(t)
			made, err := oci.Layout{Dir: dir, Tag: "v1"}.Export(t.Context(), image)
			must(t, err)
			read := pulled(t, dir, "v1")
			ocitest.Valid(t, read)
			if got, want := ocitest.DigestOf(t, read), ocitest.DigestOf(t, image); got != want || made.Digest != want {
				t.Errorf("read %s, returned %s, want %s", got, made.Digest, want)
			}
			var size int64
			for name, s := range state(t, dir) {
				if strings.HasPrefix(name, "blobs/") {
					size += s[2]
				} else if name != "index.json" && name != "oci-layout" {
					t.Errorf("the layout holds %s", name)
				}
			}
			if made.Kind != "oci" || made.Ref != dir+":v1" || made.Size != size {
				t.Errorf("returned %s %s of %d bytes, want oci %s:v1 of %d", made.Kind, made.Ref, made.Size, dir, size)
			}
			if diff := cmp.Diff(image.Segments, made.Layers); diff != "" {
				t.Error(diff)
			}
		})

		it("holds base layers too", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.Base = ocitest.Base(t, types.DockerManifestSchema2)
			image := ocitest.Make(t, r)
			_, err := oci.Layout{Dir: dir}.Export(t.Context(), image)
			must(t, err)
			read := pulled(t, dir, "")
			ocitest.Valid(t, read)
			if ocitest.DigestOf(t, read) != ocitest.DigestOf(t, image) {
				t.Error("the digest changed")
			}
		})

		for _, remembers := range []bool{true, false} {
			it(fmt.Sprintf("writes nothing for an image that it holds, with a memory: %t", remembers), func() {
				l := oci.Layout{Dir: dir, Tag: "v1"}
				if remembers {
					l.Memory = memory
				}
				_, err := l.Export(t.Context(), anImage(t))
				must(t, err)
				before := state(t, dir)
				copied := int64(0)
				l.Progress = func(done, _ int64) { copied = done }
				_, err = l.Export(t.Context(), anImage(t))
				must(t, err)
				if diff := cmp.Diff(before, state(t, dir)); diff != "" || copied != 0 {
					t.Errorf("%d bytes were copied: %s", copied, diff)
				}
			})
		}

		it("fails for a memory that fails only if nobody hears of it", func() {
			l := oci.Layout{Dir: dir, Memory: pack.DirStore{Dir: "/dev/null/none"}}
			if _, err := l.Export(t.Context(), anImage(t)); err == nil || !strings.Contains(err.Error(), "remembering the blob") {
				t.Errorf("got the error %v", err)
			}
			var warnings atomic.Int32
			l.Warn = func(error) { warnings.Add(1) }
			_, err := l.Export(t.Context(), anImage(t))
			must(t, err)
			if warnings.Load() == 0 {
				t.Error("nobody was warned")
			}
			ocitest.Valid(t, pulled(t, dir, ""))
		})

		it("does not read what it remembers", func() {
			l := oci.Layout{Dir: dir, Memory: memory}
			image := anImage(t)
			_, err := l.Export(t.Context(), image)
			must(t, err)
			// A blob that was changed behind the back of all time stamps
			// cannot be told from one that was not, unless it is read.
			digest, err := v1.NewHash(image.Segments[0].Digest)
			must(t, err)
			path := filepath.Join(dir, "blobs", "sha256", digest.Hex)
			known := pack.NewKey("oci layout", path)
			must(t, os.WriteFile(path, bytes.Repeat([]byte("x"), int(image.Segments[0].Size)), 0o644))
			now, err := pack.FingerprintOf(path)
			must(t, err)
			record, found := memory.Lookup(known)
			if !found {
				t.Fatal("the blob is not remembered")
			}
			record.File = now
			must(t, memory.Put(known, record))
			_, err = l.Export(t.Context(), image)
			must(t, err)
			if data, err := os.ReadFile(path); err != nil || data[0] != 'x' {
				t.Errorf("the blob was written again: %v", err)
			}
		})

		for name, damage := range map[string]func(path string) error{
			"cut":      func(path string) error { return os.Truncate(path, 10) },
			"changed":  func(path string) error { return flip(path) },
			"gone":     os.Remove,
			"a link":   func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
			"appended": func(path string) error { return appendTo(path) },
		} {
			for _, remembers := range []bool{true, false} {
				it(fmt.Sprintf("makes good a blob that is %s, with a memory: %t", name, remembers), func() {
					l := oci.Layout{Dir: dir}
					if remembers {
						l.Memory = memory
					}
					image := anImage(t)
					_, err := l.Export(t.Context(), image)
					must(t, err)
					must(t, damage(filepath.Join(dir, "blobs", strings.Replace(image.Segments[3].Digest, ":", "/", 1))))
					_, err = l.Export(t.Context(), image)
					must(t, err)
					ocitest.Valid(t, pulled(t, dir, ""))
				})
			}
		}

		it("keeps other images", func() {
			first, second := anImage(t), anotherImage(t)
			for tag, image := range map[string]oci.Image{"v1": first, "v2": second, "": first} {
				_, err := oci.Layout{Dir: dir, Tag: tag}.Export(t.Context(), image)
				must(t, err)
			}
			for tag, want := range map[string]oci.Image{"v1": first, "v2": second, "": first} {
				if read := pulled(t, dir, tag); ocitest.DigestOf(t, read) != ocitest.DigestOf(t, want) {
					t.Errorf("the tag %q is of another image", tag)
				} else {
					ocitest.Valid(t, read)
				}
			}
			_, err := oci.Layout{Dir: dir, Tag: "v1"}.Export(t.Context(), second)
			must(t, err)
			if ocitest.DigestOf(t, pulled(t, dir, "v1")) != ocitest.DigestOf(t, second) || ocitest.DigestOf(t, pulled(t, dir, "v2")) != ocitest.DigestOf(t, second) {
				t.Error("the tag was not moved, or another was")
			}
			_, err = oci.Layout{Dir: dir}.Export(t.Context(), second)
			must(t, err)
			path, err := layout.FromPath(dir)
			must(t, err)
			index, err := path.ImageIndex()
			must(t, err)
			manifest, err := index.IndexManifest()
			must(t, err)
			if len(manifest.Manifests) != 3 {
				t.Errorf("the index lists %d images, want 3", len(manifest.Manifests))
			}
		})

		it("keeps images for other platforms without a tag", func() {
			_, err := oci.Layout{Dir: dir}.Export(t.Context(), anImage(t))
			must(t, err)
			r := ocitest.Recipe(t, t.TempDir())
			target := stack.Target{OS: "linux", Arch: "arm64"}
			r.Base, err = oci.Scratch(target)
			must(t, err)
			r.Launcher.Content = ocitest.Program(ocitest.MachineARM64)
			other := ocitest.Make(t, r)
			_, err = oci.Layout{Dir: dir}.Export(t.Context(), other)
			must(t, err)
			for _, target := range []stack.Target{amd64, target} {
				base, err := oci.Opener{Target: target}.Open(t.Context(), dir)
				must(t, err)
				if base.Target.Arch != target.Arch {
					t.Errorf("the image for %s is for %s", target, base.Target)
				}
			}
		})

		it("loses no image when several processes export at a time", func() {
			var group errgroup.Group
			tags := []string{"a", "b", "c", "d", "e", "f"}
			image := anImage(t)
			for _, tag := range tags {
				group.Go(func() error {
					_, err := oci.Layout{Dir: dir, Tag: tag}.Export(t.Context(), image)
					return err
				})
			}
			must(t, group.Wait())
			for _, tag := range tags {
				ocitest.Valid(t, pulled(t, dir, tag))
			}
		})

		when("the export fails", func() {
			for name, failure := range map[string]error{"a broken read": errors.New("the disk is on fire"), "an early end": io.EOF} {
				it("leaves the layout as it was after "+name, func() {
					l := oci.Layout{Dir: dir, Tag: "v1"}
					good := anImage(t)
					_, err := l.Export(t.Context(), good)
					must(t, err)
					index, err := os.ReadFile(dir + "/index.json")
					must(t, err)
					_, err = l.Export(t.Context(), withBroken(t, good, failure))
					if err == nil || !strings.Contains(err.Error(), "oci:"+dir+":v1") {
						t.Fatalf("got the error %v", err)
					}
					after, err := os.ReadFile(dir + "/index.json")
					must(t, err)
					if !bytes.Equal(index, after) {
						t.Error("the index changed")
					}
					checkBlobs(t, dir)
					if ocitest.DigestOf(t, pulled(t, dir, "v1")) != ocitest.DigestOf(t, good) {
						t.Error("the tag is of another image")
					}
				})
			}

			it("ends with the context", func() {
				ctx, cancel := context.WithCancel(t.Context())
				l := oci.Layout{Dir: dir, Progress: func(int64, int64) { cancel() }}
				if _, err := l.Export(ctx, anImage(t)); !errors.Is(err, context.Canceled) {
					t.Errorf("got the error %v", err)
				}
				if _, err := os.Stat(dir + "/index.json"); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("there is an index: %v", err)
				}
				checkBlobs(t, dir)
			})
		})

		it("removes what a killed process left, when it is old", func() {
			ocitest.Write(t, dir, map[string]string{".slugc-old": "x", ".slugc-young": "x"})
			old := time.Now().Add(-48 * time.Hour)
			must(t, os.Chtimes(dir+"/.slugc-old", old, old))
			_, err := oci.Layout{Dir: dir}.Export(t.Context(), anImage(t))
			must(t, err)
			if _, err := os.Stat(dir + "/.slugc-old"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the old file: %v", err)
			}
			if _, err := os.Stat(dir + "/.slugc-young"); err != nil {
				t.Errorf("the young file: %v", err)
			}
		})

		for want, files := range map[string]map[string]string{
			"holds something else than an OCI layout": {"main.go": "package main"},
			// What the reference lifecycle writes with -layout.
			"something else than an OCI layout: name a new one": {"registry.example/app/v1/oci-layout": `{"imageLayoutVersion":"1.0.0"}`},
			"index.json":            {"index.json": "{", "oci-layout": `{"imageLayoutVersion":"1.0.0"}`},
			"schemaVersion is 1":    {"index.json": `{"schemaVersion":1}`},
			`is of version "2.0.0"`: {"oci-layout": `{"imageLayoutVersion":"2.0.0"}`},
		} {
			it("refuses a directory with: "+want, func() {
				ocitest.Write(t, dir, files)
				before := state(t, dir)
				if _, err := (oci.Layout{Dir: dir}).Export(t.Context(), anImage(t)); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got the error %v", err)
				}
				after := state(t, dir)
				for name, s := range before {
					if after[name] != s {
						t.Errorf("%s was changed", name)
					}
				}
			})
		}
	})
}

// checkBlobs fails unless every blob is what its name says, and nothing else
// is left.
func checkBlobs(t *testing.T, dir string) {
	t.Helper()
	for name := range state(t, dir) {
		hex, isBlob := strings.CutPrefix(name, "blobs/sha256/")
		if !isBlob {
			if name != "index.json" && name != "oci-layout" {
				t.Errorf("%s was left", name)
			}
			continue
		}
		f, err := os.Open(filepath.Join(dir, name))
		must(t, err)
		digest, _, err := v1.SHA256(f)
		must(t, errors.Join(err, f.Close()))
		if digest.Hex != hex {
			t.Errorf("the blob %s has the digest %s", hex, digest.Hex)
		}
	}
}

func flip(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(path, data, 0o644)
}

func appendTo(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("more")
	return errors.Join(err, f.Close())
}
