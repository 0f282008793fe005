package oci_test

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/stack"
)

// aRegistry is a registry in this process.
func aRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// anIndex is images for two platforms.
func anIndex(t *testing.T) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		image := ocitest.Base(t, types.OCIManifestSchema1).Image
		config := configOf(t, image)
		config.Architecture = arch
		image, err := mutate.ConfigFile(image, config)
		must(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return mutate.AppendManifests(index, mutate.IndexAddendum{
		Add: ocitest.Base(t, types.OCIManifestSchema1).Image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}},
	})
}

func TestOpener(t *testing.T) {
	spec.Run(t, "Opener", func(t *testing.T, _ spec.G, it spec.S) {
		arm64 := stack.Target{OS: "linux", Arch: "arm64"}

		it("opens what destinations made", func() {
			image := anImage(t)
			dir, file, host := t.TempDir(), filepath.Join(t.TempDir(), "image.tar"), aRegistry(t)
			for dest, refs := range map[string][]string{
				"oci:" + dir + ":v1":           {"oci:" + dir + ":v1", "oci:" + dir, dir},
				"oci-archive:" + file:          {"oci-archive:" + file},
				"docker://" + host + "/app:v1": {"docker://" + host + "/app:v1", host + "/app:v1", host + "/app@" + ocitest.DigestOf(t, image)},
			} {
				d, err := oci.ParseDest(dest, oci.Access{})
				must(t, err)
				_, err = d.Export(t.Context(), image)
				must(t, err)
				for _, ref := range refs {
					base, err := oci.Opener{Target: amd64}.Open(t.Context(), ref)
					must(t, err)
					ocitest.Valid(t, base.Image)
					if ocitest.DigestOf(t, base.Image) != ocitest.DigestOf(t, image) || base.Target.Arch != "amd64" {
						t.Errorf("%s: another image, or one for %s", ref, base.Target)
					}
				}
			}
		})

		it("says by digest what it opened", func() {
			image, host, dir := anImage(t), aRegistry(t), t.TempDir()
			_, err := oci.Layout{Dir: dir}.Export(t.Context(), image)
			must(t, err)
			tag, err := name.NewTag(host + "/app:v1")
			must(t, err)
			must(t, remote.Write(tag, image))
			base, err := oci.Opener{}.Open(t.Context(), tag.String())
			must(t, err)
			if base.Name != tag.String() || base.Reference != host+"/app@"+ocitest.DigestOf(t, image) {
				t.Errorf("name %s, reference %s", base.Name, base.Reference)
			}
			base, err = oci.Opener{}.Open(t.Context(), dir)
			must(t, err)
			if base.Name != "" || base.Reference != ocitest.DigestOf(t, image) {
				t.Errorf("name %s, reference %s", base.Name, base.Reference)
			}
		})

		it("chooses by the target", func() {
			index, host, dir := anIndex(t), aRegistry(t), t.TempDir()
			tag, err := name.NewTag(host + "/base:1")
			must(t, err)
			must(t, remote.WriteIndex(tag, index))
			path, err := layout.Write(dir, empty.Index)
			must(t, err)
			must(t, path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1"})))
			for _, ref := range []string{tag.String(), "oci:" + dir + ":1", dir} {
				for _, target := range []stack.Target{amd64, arm64} {
					base, err := oci.Opener{Target: target}.Open(t.Context(), ref)
					must(t, err)
					if base.Target.Arch != target.Arch || base.Target.DistroName != "debian" {
						t.Errorf("%s for %s: opened one for %s", ref, target, base.Target)
					}
				}
				_, err := oci.Opener{Target: stack.Target{OS: "linux", Arch: "s390x"}}.Open(t.Context(), ref)
				if err == nil || !strings.Contains(err.Error(), ref) || !strings.Contains(err.Error(), "s390x") {
					t.Errorf("%s: got the error %v", ref, err)
				}
			}
			if _, err := (oci.Opener{}).Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "it has 2 images, name one; there is 1") {
				t.Errorf("got the error %v", err)
			}
		})

		it("opens an image of several tags without one", func() {
			dir := t.TempDir()
			for _, tag := range []string{"v1", "latest"} {
				_, err := oci.Layout{Dir: dir, Tag: tag}.Export(t.Context(), anImage(t))
				must(t, err)
			}
			base, err := oci.Opener{}.Open(t.Context(), dir)
			must(t, err)
			ocitest.Valid(t, base.Image)
		})

		it("refuses an image for something else", func() {
			dir := t.TempDir()
			_, err := oci.Layout{Dir: dir, Tag: "v1"}.Export(t.Context(), oci.Image{Image: ocitest.Base(t, types.OCIManifestSchema1).Image})
			must(t, err)
			data, err := os.ReadFile(dir + "/index.json")
			must(t, err)
			must(t, os.WriteFile(dir+"/index.json", bytes.Replace(data, []byte(`,"platform":{"architecture":"amd64","os":"linux"}`), nil, 1), 0o644))
			_, err = oci.Opener{Target: arm64}.Open(t.Context(), dir)
			if err == nil || !strings.Contains(err.Error(), "it is for linux/amd64, expected linux/arm64") {
				t.Errorf("got the error %v", err)
			}
		})

		it("reads no layer until somebody asks", func() {
			r := ocitest.Recipe(t, t.TempDir())
			host, dir := aRegistry(t), t.TempDir()
			base := ocitest.Base(t, types.OCIManifestSchema1)
			tag, err := name.NewTag(host + "/base:1")
			must(t, err)
			must(t, remote.Write(tag, base.Image))
			counter := &counting{}
			r.Base, err = oci.Opener{Target: amd64, Transport: counter}.Open(t.Context(), tag.String())
			must(t, err)
			image := ocitest.Make(t, r)
			requests := len(counter.blobs("GET"))
			if requests != 1 {
				t.Errorf("the image was assembled with %d blobs of the base, want 1, the config", requests)
			}
			for range 2 {
				_, err = oci.Layout{Dir: dir}.Export(t.Context(), image)
				must(t, err)
			}
			if now := len(counter.blobs("GET")); now != 3 {
				t.Errorf("two exports to one layout read %d blobs of the base, want 2", now-requests)
			}
		})

		it("is empty from scratch", func() {
			base, err := oci.Opener{Target: arm64}.Open(t.Context(), "scratch")
			must(t, err)
			layers, err := base.Image.Layers()
			must(t, err)
			if len(layers) != 0 || base.Target != arm64 {
				t.Errorf("%d layers for %s", len(layers), base.Target)
			}
			ocitest.Valid(t, base.Image)
		})

		it("tells what is wrong", func() {
			dir := t.TempDir()
			good := anImage(t)
			_, err := oci.Layout{Dir: dir + "/l", Tag: "v1"}.Export(t.Context(), good)
			must(t, err)
			must(t, os.WriteFile(dir+"/file", []byte("x"), 0o644))
			ocitest.Write(t, dir, map[string]string{"broken/index.json": "{", "empty/index.json": `{"schemaVersion":2,"manifests":[]}`})
			damaged := dir + "/damaged"
			_, err = oci.Layout{Dir: damaged}.Export(t.Context(), good)
			must(t, err)
			must(t, flip(filepath.Join(damaged, "blobs", strings.Replace(ocitest.DigestOf(t, good), ":", "/", 1))))
			for ref, want := range map[string]string{
				"oci:" + dir + "/l:v2":         "it has no tag v2; there is v1",
				"oci:" + dir + "/none":         "there is no directory",
				"oci:" + dir:                   "expected an OCI layout, and it has no index.json",
				"oci:" + dir + "/file":         "an archive of an OCI layout is oci-archive:FILE",
				"oci:":                         "it names no directory",
				dir + "/file":                  "an archive of an OCI layout is oci-archive:FILE",
				"oci-archive:" + dir:           "it is a directory",
				"oci-archive:" + dir + "/file": "expected an uncompressed tar file",
				"oci-archive:" + dir + "/none": "no such file",
				"oci:" + dir + "/broken":       "reading index.json",
				"oci:" + dir + "/empty":        "it has no image for",
				"oci:" + damaged:               "is damaged",
				"Not A Reference":              "expected oci:DIR[:TAG]",
			} {
				if _, err := (oci.Opener{Target: amd64}).Open(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ref) {
					t.Errorf("%s: got the error %v, want %q", ref, err, want)
				}
			}
		})
	})
}

// FuzzOpenLayout has an index that anybody could have written.
func FuzzOpenLayout(f *testing.F) {
	for _, index := range []string{
		"{", `{"schemaVersion":2}`, `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:00","size":1}]}`,
		`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("../", 22) + `","size":1}]}`,
		`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `","platform":{}}]}`,
	} {
		f.Add([]byte(index))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, index []byte) {
		must(t, os.WriteFile(dir+"/index.json", index, 0o600))
		if base, err := (oci.Opener{Target: amd64}).Open(t.Context(), "oci:"+dir); err == nil {
			t.Errorf("opened %+v from %q", base, index)
		}
	})
}
