package lifecycle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
)

// TestImagesOfLayout gives the store a run image of a layout; those of registries are
// compared with the reference lifecycle by the program.
func TestImagesOfLayout(t *testing.T) {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, store := t.TempDir(), extend.Store{Dir: t.TempDir()}
	image, err := random.Image(100, 1)
	check(err)
	config, err := image.ConfigFile()
	check(err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	image, err = mutate.ConfigFile(image, config)
	check(err)
	at := filepath.Join(dir, "example.com", "run", "1")
	check(os.MkdirAll(at, 0o755))
	path, err := layout.Write(at, empty.Index)
	check(err)
	check(path.AppendImage(image))
	digest, err := image.Digest()
	check(err)

	api, err := platform.ParseAPI("0.15")
	check(err)
	images := lifecycle.Images{API: api, Target: target.Layout{Dir: dir}, Layout: true, Store: store}
	got, err := images.Run(t.Context(), files.RunImage{Image: "example.com/run:1", Extend: true})
	check(err)
	want := files.RunImage{
		Reference: at + "@" + digest.String(), Image: "example.com/run:1", Extend: true, Target: &files.Target{OS: "linux", Arch: "amd64"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run image (-expected +got):\n%s", diff)
	}
	kept, err := store.Image(got.Reference)
	check(err)
	if of, err := kept.Digest(); err != nil || of != digest {
		t.Errorf("the store has %s, %v, expected %s", of, err, digest)
	}

	// Who builds may write to the store, where the image is found again.
	name, err := image.ConfigName()
	check(err)
	blob := filepath.Join(store.Dir, "cache", "base", digest.String(), "blobs", "sha256", name.Hex)
	check(os.WriteFile(blob, []byte(`{"config":{"User":"0"}}`), 0o644))
	if _, err := store.Image(got.Reference); err == nil || !strings.Contains(err.Error(), "its config is damaged") {
		t.Errorf("a config of somebody else: %v", err)
	}
	check(store.Keep(image))
	if _, err := store.Image(got.Reference); err != nil {
		t.Errorf("kept again: %v", err)
	}

	if _, err := images.Run(t.Context(), files.RunImage{Image: "example.com/none", Extend: true}); err == nil || !strings.Contains(err.Error(), "failed to pull run image example.com/none") {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := store.Image("example.com/run:1"); err == nil || !strings.Contains(err.Error(), "has no digest") {
		t.Errorf("a reference without a digest: %v", err)
	}
	if _, err := store.Image("x@sha256:" + strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), "run the restorer before") {
		t.Errorf("an image that nobody kept: %v", err)
	}
}
