package oci_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

func TestIndex(t *testing.T) { spec.Run(t, "Index", testIndex) }

func testIndex(t *testing.T, _ spec.G, it spec.S) {
	var images []oci.Image
	it.Before(func() { images = []oci.Image{imageFor(t, "amd64"), imageFor(t, "arm64")} })

	// opened are the digests of the images that openers for the two
	// architectures find.
	opened := func(ref string) []string {
		t.Helper()
		var digests []string
		for _, arch := range []string{"amd64", "arm64"} {
			base, err := oci.Opener{Target: stack.Target{OS: "linux", Arch: arch}}.Open(t.Context(), ref)
			must(t, err)
			ocitest.Valid(t, base.Image)
			digests = append(digests, ocitest.DigestOf(t, base.Image))
		}
		return digests
	}
	want := func() []string {
		return []string{ocitest.DigestOf(t, images[0].Image), ocitest.DigestOf(t, images[1].Image)}
	}

	it("gives each reader the image for its platform", func() {
		dir, registry := t.TempDir(), aRegistry(t)
		refs := map[string]oci.IndexDestination{
			"oci:" + dir + "/layout":           oci.Layout{Dir: dir + "/layout"},
			"oci:" + dir + "/tagged:v1":        oci.Layout{Dir: dir + "/tagged", Tag: "v1"},
			"oci-archive:" + dir + "/file.tar": oci.Archive{File: dir + "/file.tar"},
			"docker://" + registry + "/base:1": oci.Registry{Tag: tagOf(t, registry+"/base:1")},
		}
		digests := map[string]bool{}
		for ref, destination := range refs {
			made, err := destination.ExportIndex(t.Context(), images)
			must(t, err)
			digests[made.Digest] = true
			if got := made.Kind + ":" + made.Ref; got != strings.Replace(ref, "docker://", "docker:", 1) || made.Size == 0 || len(made.Layers) != 2 {
				t.Errorf("made %+v of %s", made, ref)
			}
			if diff := cmp.Diff(want(), opened(ref)); diff != "" {
				t.Errorf("%s: %s", ref, diff)
			}
		}
		if len(digests) != 1 {
			t.Errorf("the index has different digests: %v", digests)
		}
		checkBlobs(t, dir+"/layout")
	})

	it("takes the place of what has no tag, and makes way for it", func() {
		dir := t.TempDir()
		export := func(destination oci.Destination) {
			t.Helper()
			_, err := destination.Export(t.Context(), anotherImage(t))
			must(t, err)
		}
		export(oci.Layout{Dir: dir})
		export(oci.Layout{Dir: dir, Tag: "other"})
		for range 2 {
			_, err := oci.Layout{Dir: dir}.ExportIndex(t.Context(), images)
			must(t, err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "index.json")); err != nil || strings.Count(string(data), `"digest"`) != 2 {
			t.Errorf("the layout has %s, %v", data, err)
		}
		export(oci.Layout{Dir: dir})
		base, err := oci.Opener{Target: amd64}.Open(t.Context(), "oci:"+dir)
		must(t, err)
		_, err = oci.Opener{Target: amd64}.Open(t.Context(), "oci:"+dir+":other")
		must(t, err)
		if ocitest.DigestOf(t, base.Image) == want()[0] {
			t.Error("the image did not take the place of the index")
		}
	})

	it("leaves what was there when an image is broken", func() {
		dir, registry := t.TempDir(), aRegistry(t)
		broken := []oci.Image{images[0], withBroken(t, images[1], errors.New("the disk is on fire"))}
		tag := tagOf(t, registry+"/base:1")
		for _, destination := range []oci.IndexDestination{oci.Layout{Dir: dir}, oci.Archive{File: dir + ".tar"}, oci.Registry{Tag: tag}} {
			_, err := destination.ExportIndex(t.Context(), images)
			must(t, err)
			if _, err := destination.ExportIndex(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "on fire") {
				t.Errorf("got the error %v", err)
			}
		}
		for _, ref := range []string{"oci:" + dir, "oci-archive:" + dir + ".tar", "docker://" + tag.String()} {
			if diff := cmp.Diff(want(), opened(ref)); diff != "" {
				t.Errorf("%s: %s", ref, diff)
			}
		}
	})

	it("is tried again when the registry fails for now", func() {
		_, host := flakyRegistry(t, func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n > 0 || r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/1") {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		_, err := oci.Registry{Tag: tagOf(t, host+"/base:1"), Backoff: 1}.ExportIndex(t.Context(), images)
		must(t, err)
		if diff := cmp.Diff(want(), opened("docker://"+host+"/base:1")); diff != "" {
			t.Error(diff)
		}
	})

	it("has no two images for one platform, and at least one", func() {
		dir := filepath.Join(t.TempDir(), "none")
		if _, err := (oci.Layout{Dir: dir}).ExportIndex(t.Context(), []oci.Image{images[0], images[0]}); err == nil || !strings.Contains(err.Error(), "two are for linux/amd64") {
			t.Errorf("got the error %v", err)
		}
		if _, err := (oci.Layout{Dir: dir}).ExportIndex(t.Context(), nil); err == nil {
			t.Error("an index of nothing was made")
		}
		if _, err := os.Stat(dir); err == nil {
			t.Error("there is a layout")
		}
	})
}

// imageFor is an image of one segment for an architecture.
func imageFor(t *testing.T, arch string) oci.Image {
	t.Helper()
	dir := t.TempDir()
	ocitest.Write(t, dir, map[string]string{"etc/arch": arch})
	segments, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{
		Part: pack.Part{Name: "root", Dir: dir}, Shapes: []pack.Shape{{Name: "oci", ModTime: pack.Epoch(), Trailer: true}},
	}})
	must(t, err)
	image, err := oci.Compose(v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{User: "1000"}}, "a test", segments[0]...)
	must(t, err)
	return image
}

func TestCompose(t *testing.T) {
	image := imageFor(t, "arm64")
	ocitest.Valid(t, image.Image)
	config := configOf(t, image.Image)
	if config.Architecture != "arm64" || config.Config.User != "1000" || len(config.History) != 1 || config.History[0].CreatedBy != "a test" {
		t.Errorf("%+v", config)
	}
	if mediaType, err := image.MediaType(); err != nil || mediaType != types.OCIManifestSchema1 {
		t.Errorf("it is a %s, %v", mediaType, err)
	}
	// Its layers can be those of an image on top.
	if _, err := mutate.AppendLayers(image.Image); err != nil {
		t.Error(err)
	}
}
