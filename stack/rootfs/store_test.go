package rootfs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/rootfs"
	"github.com/slugc/slugc/stack/untar"
)

func TestStore(t *testing.T) { spec.Run(t, "Store", testStore) }

func testStore(t *testing.T, _ spec.G, it spec.S) {
	var store rootfs.Store

	it.Before(func() { store = rootfs.Store{Dir: filepath.Join(t.TempDir(), "images")} })

	kept := func() []string {
		t.Helper()
		entries, err := os.ReadDir(store.Dir)
		must(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}

	it("unpacks layers of each compression, one above the other", func() {
		image := imageOf(t,
			layerOf(t, "plain", entry("a/x", "1"), entry("a/y", "1"), entry("f", "1")),
			layerOf(t, "gzip", entry("a/.wh.x", ""), tar.Header{Name: "f/", Typeflag: tar.TypeDir, Mode: 0o755}, entry("f/x", "2"),
				tar.Header{Name: "su", Typeflag: tar.TypeReg, Mode: 0o4000, Uid: 5, Linkname: "2"},
				tar.Header{Name: "closed", Typeflag: tar.TypeDir, Mode: 0},
				tar.Header{Name: "closed/null", Typeflag: tar.TypeChar}),
			layerOf(t, "zstd", tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "a/y"}, entry("closed/z", "3")))
		dir, err := store.Unpack(t.Context(), image)
		must(t, err)
		name, err := image.ConfigName()
		must(t, err)
		if want := filepath.Join(store.Dir, name.Hex, "root"); dir != want {
			t.Errorf("it is in %s, expected %s", dir, want)
		}
		if diff := cmp.Diff(map[string]string{
			"a": "drwxr-xr-x", "a/y": "-rw-r--r-- 1", "hard": "-rw-r--r-- 1", "f": "drwxr-xr-x", "f/x": "-rw-r--r-- 2",
			"su": "-r-------- 2", "closed": "drwx------", "closed/z": "-rw-r--r-- 3",
		}, listing(t, dir)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{name.Hex}, kept()); diff != "" {
			t.Error(diff)
		}
	})

	it("makes the same image once, also when several want it at a time", func() {
		image := imageOf(t, layerOf(t, "gzip", entry("x", strings.Repeat("x", 1<<20))))
		group := errgroup.Group{}
		for range 4 {
			group.Go(func() error { _, err := store.Unpack(t.Context(), image); return err })
		}
		must(t, group.Wait())
		if got := kept(); len(got) != 1 {
			t.Errorf("%q", got)
		}
		dir, err := store.Unpack(t.Context(), image)
		must(t, err)
		before, err := os.Stat(dir)
		must(t, err)
		dir, err = store.Unpack(t.Context(), image)
		must(t, err)
		if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) {
			t.Error("it was made anew", err)
		}
	})

	it("removes what a killed process left, and nothing of one that lives", func() {
		must(t, os.MkdirAll(store.Dir, 0o755))
		long := time.Now().Add(-time.Hour)
		for _, name := range []string{"dead", "alive"} {
			dir := filepath.Join(store.Dir, ".unfinished-"+name)
			must(t, os.MkdirAll(filepath.Join(dir, "root"), 0o755))
			must(t, os.Chtimes(dir, long, long))
		}
		alive, err := os.Open(filepath.Join(store.Dir, ".unfinished-alive"))
		must(t, err)
		defer alive.Close()
		must(t, unix.Flock(int(alive.Fd()), unix.LOCK_EX))
		_, err = store.Unpack(t.Context(), imageOf(t))
		must(t, err)
		if got := kept(); len(got) != 2 || got[0] != ".unfinished-alive" {
			t.Errorf("%q", got)
		}
	})

	it("makes an image anew that was removed in part", func() {
		image := imageOf(t, layerOf(t, "gzip", entry("x", "1")))
		dir, err := store.Unpack(t.Context(), image)
		must(t, err)
		must(t, os.Rename(dir, dir+"-elsewhere"))
		again, err := store.Unpack(t.Context(), image)
		must(t, err)
		if diff := cmp.Diff(map[string]string{"x": "-rw-r--r-- 1"}, listing(t, again)); diff != "" {
			t.Error(diff)
		}
		if got := kept(); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})

	for _, evil := range []struct {
		name, want string
		image      func() v1.Image
	}{
		{"a layer that is not what the configuration says", "the configuration of the image expects sha256:", func() v1.Image {
			return imageOf(t, lying{layerOf(t, "gzip", entry("x", "1")), layerOf(t, "gzip", entry("x", "2"))})
		}},
		{"a path above the root", `layer 2 of 2: "../x": the path has ".."`, func() v1.Image {
			return imageOf(t, layerOf(t, "gzip", entry("good", "1")), layerOf(t, "gzip", entry("../x", "1")))
		}},
		{"too much", `"x": a file of 2000 bytes`, func() v1.Image { return imageOf(t, layerOf(t, "zstd", entry("x", strings.Repeat("x", 2000)))) }},
		{"half a layer", "layer 1 of 1", func() v1.Image {
			whole := layerOf(t, "gzip", entry("x", fmt.Sprint(time.Now())))
			return imageOf(t, lying{static.NewLayer(bytesOf(t, whole)[:60], types.OCILayer), whole})
		}},
	} {
		it("refuses "+evil.name+" and leaves nothing", func() {
			store.Limits = untar.Limits{FileBytes: 1000}
			_, err := store.Unpack(t.Context(), evil.image())
			if err == nil || !strings.Contains(err.Error(), evil.want) || !strings.Contains(err.Error(), "unpacking the image sha256:") {
				t.Errorf("%v; expected %q", err, evil.want)
			}
			if got := kept(); len(got) > 0 {
				t.Errorf("%q was left behind", got)
			}
		})
	}

	it("stops when it is told to and leaves nothing", func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := store.Unpack(ctx, imageOf(t, layerOf(t, "gzip", entry("x", "1")))); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := kept(); len(got) > 0 {
			t.Errorf("%q was left behind", got)
		}
	})
}

// lying is a layer with the diffID of another.
type lying struct {
	v1.Layer
	other v1.Layer
}

func (l lying) DiffID() (v1.Hash, error) { return l.other.DiffID() }

// layer is one with the diffID of its content.
type layer struct {
	v1.Layer
	diffID v1.Hash
}

func (l layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

func entry(name, content string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Linkname: content}
}

// layerOf makes a layer. For a file, Linkname is the content.
func layerOf(t testing.TB, compression string, entries ...tar.Header) v1.Layer {
	t.Helper()
	var plain, packed bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, h := range entries {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
			h.Size = int64(len(content))
		}
		must(t, w.WriteHeader(&h))
		_, err := w.Write([]byte(content))
		must(t, err)
	}
	must(t, w.Close())
	diffID, _, err := v1.SHA256(bytes.NewReader(plain.Bytes()))
	must(t, err)
	var z io.WriteCloser
	switch compression {
	case "gzip":
		z = gzip.NewWriter(&packed)
	case "zstd":
		z, err = zstd.NewWriter(&packed)
		must(t, err)
	default:
		return layer{static.NewLayer(plain.Bytes(), types.OCIUncompressedLayer), diffID}
	}
	_, err = z.Write(plain.Bytes())
	must(t, errors.Join(err, z.Close()))
	return layer{static.NewLayer(packed.Bytes(), types.OCILayer), diffID}
}

func bytesOf(t testing.TB, l v1.Layer) []byte {
	t.Helper()
	r, err := l.Compressed()
	must(t, err)
	data, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return data
}

func imageOf(t testing.TB, layers ...v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(empty.Image, layers...)
	must(t, err)
	return image
}

// listing is what a directory holds.
func listing(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || path == dir {
			return err
		}
		is := info.Mode().String()
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			is += " " + string(content)
		}
		rel, err := filepath.Rel(dir, path)
		all[rel] = is
		return err
	}))
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
