package target_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
)

func TestLayout(t *testing.T) {
	l := target.Layout{Dir: filepath.Join(t.TempDir(), "layouts"), Memory: pack.DirStore{Dir: t.TempDir()}}
	found, err := l.Find(t.Context(), "app")
	if err != nil || found.There {
		t.Fatalf("before: %+v, %v", found, err)
	}
	dir := filepath.Join(l.Dir, "index.docker.io", "library", "app", "latest")
	if found.Name != dir || l.Named("app") != dir {
		t.Errorf("the directory is %s, expected %s", found.Name, dir)
	}
	if got, want := l.Named("host:5000/a/b@sha256:"+strings.Repeat("a", 64)), l.Dir+"/host:5000/a/b/sha256/"+strings.Repeat("a", 64); got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
	if err := l.Access(t.Context(), []string{"none"}, []string{"", "app"}); err != nil {
		t.Error(err)
	}
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := l.Export(t.Context(), oci.Image{Image: image}, []string{"app", "host:5000/other:2"})
	if err != nil {
		t.Fatal(err)
	}
	if len(saved.Names) != 2 || saved.Names[0] != (target.Outcome{Name: dir}) || saved.Names[1].Err != nil || !strings.HasPrefix(saved.Place, dir+"@sha256:") || saved.ManifestSize == 0 {
		t.Errorf("got %+v", saved)
	}
	for _, name := range []string{"app", saved.Place, dir} {
		found, err := l.Find(t.Context(), name)
		if err != nil || !found.There || found.ID != saved.Place || found.Reference != saved.Place || found.Name != dir {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	index := readIndex(t, dir)
	if len(index.Manifests) != 1 || index.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "latest" {
		t.Errorf("the index is %+v", index)
	}

	// Another image takes its place.
	next, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if saved, err = l.Export(t.Context(), oci.Image{Image: next}, []string{"app"}); err != nil {
		t.Fatal(err)
	}
	if index := readIndex(t, dir); len(index.Manifests) != 1 || !strings.HasSuffix(saved.Place, index.Manifests[0].Digest.String()) {
		t.Errorf("the index is %+v after %s", index, saved.Place)
	}
	if err := os.WriteFile(dir+"/index.json", []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Find(t.Context(), "app"); err == nil {
		t.Error("a damaged layout is an image")
	}
}

// TestLayoutSparse has a base of which a platform left the layers out.
func TestLayoutSparse(t *testing.T) {
	l := target.Layout{Dir: t.TempDir()}
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Export(t.Context(), oci.Image{Image: image}, []string{"run"}); err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	gone, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(l.Named("run"), "blobs", "sha256", gone.Hex)); err != nil {
		t.Fatal(err)
	}
	run, err := l.Find(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	saved, err := l.Export(t.Context(), oci.Image{Image: run.Image}, []string{"app"})
	if err != nil || saved.Names[0].Err != nil {
		t.Fatalf("%+v, %v", saved, err)
	}
	blobs, err := filepath.Glob(filepath.Join(l.Named("app"), "blobs", "sha256", "*"))
	if err != nil || len(blobs) != 3 || slices.ContainsFunc(blobs, func(blob string) bool { return strings.HasSuffix(blob, gone.Hex) }) {
		t.Errorf("the layout has the blobs %q, %v", blobs, err)
	}
}

func readIndex(t *testing.T, dir string) (index v1.IndexManifest) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err == nil {
		err = json.Unmarshal(data, &index)
	}
	if err != nil {
		t.Fatal(err)
	}
	return index
}
