//go:build acceptance

package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/lifecycle/platform"
)

// TestArchive looks at the archive that pack takes into a builder: one program that
// is all phases, and the launcher beside it.
func TestArchive(t *testing.T) {
	f, err := os.Open("../../out/lifecycle-linux-amd64.tgz")
	if err != nil {
		t.Fatalf("%v; run make build", err)
	}
	t.Cleanup(func() { f.Close() })
	unpacked, err := gzip.NewReader(f)
	must(t, err)
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "lifecycle"), 0o755))
	var names []string
	for archive := tar.NewReader(unpacked); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		at := filepath.Join(dir, filepath.FromSlash(h.Name))
		switch h.Typeflag {
		case tar.TypeReg:
			content, err := io.ReadAll(archive)
			must(t, err)
			must(t, os.WriteFile(at, content, h.FileInfo().Mode()))
			names = append(names, h.Name)
		case tar.TypeSymlink:
			must(t, os.Symlink(h.Linkname, at))
			names = append(names, h.Name+" -> "+h.Linkname)
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
	}
	want := []string{"lifecycle.toml", "lifecycle/lifecycle", "lifecycle/launcher"}
	for _, phase := range platform.Phases() {
		want = append(want, "lifecycle/"+string(phase)+" -> lifecycle")
	}
	slices.Sort(want)
	slices.Sort(names)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("entries (-expected +got):\n%s", diff)
	}
	for name, code := range map[string]int{"analyzer": 11, "lifecycle": 3, "launcher": 11} {
		c := exec.CommandContext(t.Context(), filepath.Join(dir, "lifecycle", name))
		c.Env = []string{"PATH=/usr/bin:/bin"}
		if got, out := ended(t, c); got != code {
			t.Errorf("%s without an API ends with %d\n%s", name, got, out)
		}
	}
	c := exec.CommandContext(t.Context(), filepath.Join(dir, "lifecycle/lifecycle"), "-version")
	if code, out := ended(t, c); code != 0 || out != version+"\n" {
		t.Errorf("-version: code %d, %q", code, out)
	}
}
