package cache_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/oci"
)

// layer makes the tar of a layer at /layers/b/l, and returns its diffID and file.
func layer(t *testing.T, dir string, entries ...tar.Header) (diffID, file string) {
	t.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for _, h := range append([]tar.Header{{Name: "/layers", Typeflag: tar.TypeDir, Mode: 0o755}}, entries...) {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	diffID = fmt.Sprintf("sha256:%x", sha256.Sum256(text.Bytes()))
	file = filepath.Join(dir, "made.tar")
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return diffID, file
}

func open(t *testing.T, dir string) *cache.Volume {
	t.Helper()
	v, err := cache.OpenVolume(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// add commits a state with one layer, of which the file is nobody's any more.
func add(t *testing.T, v *cache.Volume, diffID, file string) cache.Metadata {
	t.Helper()
	m := cache.Metadata{Buildpacks: []oci.BuildpackLayers{{ID: "b", Version: "1", Layers: map[string]oci.LayerMetadata{
		"l": {LayerRef: oci.LayerRef{SHA: diffID}, Cache: true},
	}}}}
	u, err := v.Begin(t.Context())
	if err == nil {
		err = u.Add(t.Context(), artifact.Segment{DiffID: diffID, File: file})
	}
	if err == nil {
		err = u.Commit(t.Context(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVolume(t *testing.T) {
	dir, layers := t.TempDir(), t.TempDir()
	v := open(t, dir)
	diffID, file := layer(t, dir,
		tar.Header{Name: "/layers/b/l", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "/layers/b/l/closed", Typeflag: tar.TypeDir, Mode: 0o555},
		tar.Header{Name: "/layers/b/l/closed/run", Typeflag: tar.TypeReg, Mode: 0o4755, Linkname: "hello"},
		tar.Header{Name: "/layers/b/l/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})
	m := add(t, v, diffID, file)
	for range 2 { // from what another process left, and again
		v = open(t, dir)
		got, err := v.Metadata(t.Context())
		if diff := cmp.Diff(m, got); err != nil || diff != "" {
			t.Fatalf("%v, metadata (-expected +got):\n%s", err, diff)
		}
		to := filepath.Join(layers, "l")
		if err := v.Restore(t.Context(), diffID, "/layers/b/l", to); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(to + "/closed/run")
		if err != nil || info.Mode().String() != "urwxr-xr-x" {
			t.Errorf("%v, %v", info, err)
		}
		if info, err := os.Stat(to + "/closed"); err != nil || info.Mode().Perm() != 0o555 {
			t.Errorf("%v, %v", info, err)
		}
		if link, err := os.Readlink(to + "/link"); err != nil || link != "/etc/passwd" {
			t.Errorf("%q, %v", link, err)
		}
		u, err := v.Begin(t.Context())
		if err == nil {
			err = u.Keep(t.Context(), diffID, true)
		}
		if err == nil {
			err = u.Commit(t.Context(), m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestVolumeRefuses(t *testing.T) {
	dir, layers := t.TempDir(), t.TempDir()
	v := open(t, dir)
	top := tar.Header{Name: "/layers/b/l", Typeflag: tar.TypeDir, Mode: 0o755}
	for name, entries := range map[string][]tar.Header{
		"outside":        {top, {Name: "/layers/b/other", Typeflag: tar.TypeReg}},
		"up":             {top, {Name: "/layers/b/l/../../x", Typeflag: tar.TypeReg}},
		"through a link": {top, {Name: "/layers/b/l/x", Typeflag: tar.TypeSymlink, Linkname: layers}, {Name: "/layers/b/l/x/y", Typeflag: tar.TypeReg}},
		"hard link":      {top, {Name: "/layers/b/l/x", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}},
		"no layer":       {{Name: "/layers/b", Typeflag: tar.TypeDir}},
		"no directory":   {{Name: "/layers/b/l", Typeflag: tar.TypeReg}},
	} {
		diffID, file := layer(t, dir, entries...)
		add(t, v, diffID, file)
		err := v.Restore(t.Context(), diffID, "/layers/b/l", filepath.Join(layers, "l"))
		if _, ok := errors.AsType[*cache.LayerError](err); !ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
	diffID, file := layer(t, dir, top)
	add(t, v, diffID, file)
	damaged := filepath.Join(dir, "committed", diffID+".tar")
	data, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	data[700] ^= 1
	if err := os.WriteFile(damaged, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{diffID, "sha256:none", "../x"} {
		err := v.Restore(t.Context(), id, "/layers/b/l", filepath.Join(layers, "l"))
		if _, ok := errors.AsType[*cache.LayerError](err); !ok {
			t.Errorf("%s: got %v", id, err)
		}
	}
	if entries, err := os.ReadDir(layers); err != nil || len(entries) > 0 {
		t.Errorf("there is %v, %v", entries, err)
	}
}

func TestVolumeAfterAKill(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	diffID, file := layer(t, dir, tar.Header{Name: "/layers/b/l", Typeflag: tar.TypeDir, Mode: 0o755})
	m := add(t, v, diffID, file)
	if err := os.Rename(filepath.Join(dir, "committed"), filepath.Join(dir, "committed-backup")); err != nil {
		t.Fatal(err)
	}
	v = open(t, dir)
	got, err := v.Metadata(t.Context())
	if diff := cmp.Diff(m, got); err != nil || diff != "" {
		t.Errorf("%v, metadata (-expected +got):\n%s", err, diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "committed", cache.MetadataName), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Metadata(t.Context()); err != nil || len(got.Buildpacks) > 0 {
		t.Errorf("damaged metadata: %+v, %v", got, err)
	}
}
