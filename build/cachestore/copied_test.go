package cachestore_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestCopied(t *testing.T) { spec.Run(t, "Copied", testCopied) }

func testCopied(t *testing.T, _ spec.G, it spec.S) {
	var root, original string
	it.Before(func() {
		root = t.TempDir()
		e := entry(t, root)
		defer shut(t, e)
		write(t, filepath.Join(layersOf(e), "test_bp/launched/big"), strings.Repeat("some content ", 10_000))
		write(t, filepath.Join(layersOf(e), "test_bp/launched/small"), "small")
		write(t, filepath.Join(layersOf(e), "test_bp/cached/file"), "file")
		b := finish(t, e)
		if err := e.Save(t.Context(), b.tree, b.indexes); err != nil {
			t.Fatal(err)
		}
		if reused := packed(t, e); reused {
			t.Fatal("the first segment is no new one")
		}
		original = root
	})

	it("is as good as the cache that it was copied from", func() {
		root = throughTar(t, root)
		for range 2 {
			e, missed := restored(t, entry(t, root))
			if got := files(t, layersOf(e)); len(missed) > 0 || got["test_bp/launched/small"] != "small" || got["test_bp/cached/file"] != "file" {
				t.Errorf("missed %v, found %v", missed, got)
			}
			if !packed(t, e) {
				t.Error("the layer was packed again")
			}
			shut(t, e)
		}
	})
	it("does not get a packed layer past the check in which one byte is another", func() {
		root = throughTar(t, root)
		for _, name := range []string{"big", "small"} {
			found, err := filepath.Glob(filepath.Join(root, "apps/*/app/.slugc/layers/test_bp/launched", name))
			if err != nil || len(found) != 1 {
				t.Fatalf("found %v (%v)", found, err)
			}
			was, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			other := bytes.Clone(was)
			other[len(other)-1] ^= 1
			write(t, found[0], string(other))
			e, missed := restored(t, entry(t, root))
			if len(missed) != 1 || !strings.HasPrefix(missed[0], "test/bp:launched: ") {
				t.Errorf("%s: missed %v", name, missed)
			}
			shut(t, e)
			root = throughTar(t, original)
		}
	})
	it("does not get a layer past the check whose content is another one of that size", func() {
		root = throughTar(t, root)
		dirs, err := filepath.Glob(filepath.Join(root, "apps/*/app/.slugc/layers/test_bp/cached/file"))
		if err != nil || len(dirs) != 1 {
			t.Fatalf("found %v (%v)", dirs, err)
		}
		was, err := os.Stat(dirs[0])
		if err != nil {
			t.Fatal(err)
		}
		write(t, dirs[0], "FILE")
		if err := os.Chtimes(dirs[0], was.ModTime(), was.ModTime()); err != nil {
			t.Fatal(err)
		}
		e, missed := restored(t, entry(t, root))
		defer shut(t, e)
		if len(missed) != 1 || !strings.HasPrefix(missed[0], "test/bp:cached: ") {
			t.Errorf("missed %v", missed)
		}
	})
	it("does not trust a layer whose segment was damaged on the way", func() {
		root = throughTar(t, root)
		blobs, err := filepath.Glob(filepath.Join(root, "apps/*/pack/blobs/*"))
		if err != nil || len(blobs) != 1 {
			t.Fatalf("found %v (%v)", blobs, err)
		}
		data, err := os.ReadFile(blobs[0])
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		write(t, blobs[0], string(data))
		e, missed := restored(t, entry(t, root))
		defer shut(t, e)
		if len(missed) != 1 || !strings.HasPrefix(missed[0], "test/bp:launched: ") {
			t.Errorf("missed %v", missed)
		}
		if got := files(t, layersOf(e)); got["test_bp/cached/file"] != "file" {
			t.Errorf("found %v", got)
		}
	})
}

// packed packs the layer for processes and tells whether it was there already.
func packed(t *testing.T, e *cachestore.Entry) bool {
	t.Helper()
	part := pack.Part{Name: "test/bp:launched", Dir: filepath.Join(layersOf(e), "test_bp/launched")}
	shape := pack.Shape{Name: "oci", Prefix: "/layer", ModTime: pack.Epoch(), Root: true, Trailer: true}
	segments, err := pack.Packer{Store: pack.DirStore{Dir: e.Packed()}, Temp: t.TempDir()}.
		Pack(t.Context(), []pack.Job{{Part: part, Shapes: []pack.Shape{shape}}})
	if err != nil {
		t.Fatal(err)
	}
	return segments[0][0].Reused
}

// throughTar is a copy of a directory such as CI services make: with other
// inodes, and times in full seconds.
func throughTar(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	reader, writer := io.Pipe()
	go func() {
		archive := tar.NewWriter(writer)
		writer.CloseWithError(errors.Join(archive.AddFS(os.DirFS(from)), archive.Close()))
	}()
	archive := tar.NewReader(reader)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, filepath.FromSlash(header.Name))
		if header.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(data))
		if err := errors.Join(os.Chmod(path, header.FileInfo().Mode().Perm()), os.Chtimes(path, time.Time{}, header.ModTime.Truncate(time.Second))); err != nil {
			t.Fatal(err)
		}
	}
	apps, err := filepath.Glob(filepath.Join(to, "apps/*/app"))
	if err != nil || len(apps) != 1 {
		t.Fatalf("found %v (%v)", apps, err)
	}
	if err := sandbox.GiveTree(apps[0]); err != nil {
		t.Fatal(err)
	}
	return to
}
