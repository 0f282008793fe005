package oci_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/stack"
)

// export takes an image to a destination.
func export(t *testing.T, dest string, image oci.Image) {
	t.Helper()
	destination, err := oci.ParseDest(dest, oci.Access{})
	must(t, err)
	_, err = destination.Export(t.Context(), image)
	must(t, err)
}

func open(t *testing.T, opener oci.Opener, ref string) oci.Base {
	t.Helper()
	base, err := opener.Open(t.Context(), ref)
	must(t, err)
	return base
}

// rebaseInPlace rebases an image where it is and opens it again.
func rebaseInPlace(t *testing.T, opener oci.Opener, ref string, base oci.Base) (before, after oci.Base) {
	t.Helper()
	before = open(t, opener, ref)
	rebased, err := rebase.Recipe{App: before, Base: base}.Assemble()
	must(t, err)
	destination, err := before.InPlace(ref, oci.Access{Transport: opener.Transport})
	must(t, err)
	made, err := destination.Export(t.Context(), rebased.Image)
	must(t, err)
	after = open(t, opener, ref)
	ocitest.Valid(t, after.Image)
	if got := ocitest.DigestOf(t, after.Image); got != made.Digest || got != ocitest.DigestOf(t, rebased) {
		t.Errorf("%s holds %s, want %s", ref, got, made.Digest)
	}
	return before, after
}

// filesOf are the files below a directory with what would change if they were
// written again.
func filesOf(t *testing.T, dir string) map[string]os.FileInfo {
	t.Helper()
	files := map[string]os.FileInfo{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = d.Info()
		return err
	}))
	return files
}

func TestRebaseInPlace(t *testing.T) {
	spec.Run(t, "RebaseInPlace", func(t *testing.T, _ spec.G, it spec.S) {
		it("replaces one image of a layout and writes only what is new", func() {
			host, dir := aRegistry(t), t.TempDir()
			export(t, "oci:"+dir+":v1", ocitest.On(t, ocitest.RunImage(t, "", nil)))
			export(t, "oci:"+dir+":other", anImage(t))
			blobs := filesOf(t, dir+"/blobs")
			must(t, remote.Write(tagOf(t, host+"/run:1"), ocitest.RunImage(t, "", nil).Image))
			counter := &counting{}
			opener := oci.Opener{Target: amd64, Transport: counter}
			base := open(t, opener, "docker://"+host+"/run:1")

			before, after := rebaseInPlace(t, opener, "oci:"+dir+":v1", base)
			if got := open(t, opener, "oci:"+dir+":other"); ocitest.DigestOf(t, got.Image) == ocitest.DigestOf(t, after.Image) {
				t.Error("the other image was replaced")
			}
			for path, info := range filesOf(t, dir+"/blobs") {
				if old := blobs[path]; old != nil && (!os.SameFile(old, info) || !old.ModTime().Equal(info.ModTime())) {
					t.Errorf("%s was written again", path)
				}
			}
			if added := len(filesOf(t, dir+"/blobs")) - len(blobs); added != 4 {
				t.Errorf("%d blobs were added, want 2 layers, config and manifest", added)
			}
			// Its config and two layers.
			if read := counter.blobs("GET"); len(read) != 3 {
				t.Errorf("the registry was asked for the blobs %q", read)
			}
			rebaseInPlace(t, opener, "oci:"+dir+":v1", base)
			if read := counter.blobs("GET"); len(read) != 3 {
				t.Errorf("a second time the registry was asked for the blobs %q", read)
			}
			metadata, err := after.Metadata()
			must(t, err)
			if got := metadata.RunImage; got.Image != base.Name || got.Reference != base.Reference {
				t.Errorf("the label names %+v", got)
			}
			if ocitest.DigestOf(t, before.Image) == ocitest.DigestOf(t, after.Image) {
				t.Error("nothing was changed")
			}
		})

		it("replaces the image of a layout that needs no tag to be found", func() {
			dir := t.TempDir()
			export(t, "oci:"+dir+":v1", ocitest.On(t, ocitest.RunImage(t, "", nil)))
			_, after := rebaseInPlace(t, oci.Opener{}, "oci:"+dir, ocitest.RunImage(t, "", nil))
			if got := open(t, oci.Opener{}, "oci:"+dir+":v1"); ocitest.DigestOf(t, got.Image) != ocitest.DigestOf(t, after.Image) {
				t.Error("the tag names another image")
			}
		})

		it("replaces one of the images that a layout has for several platforms", func() {
			dir := t.TempDir()
			onARM := func(c *v1.ConfigFile) { c.Architecture = "arm64" }
			arm, next := ocitest.RunImage(t, "", onARM), ocitest.RunImage(t, "", onARM)
			// The launcher of the tests is for one machine.
			arm.Target = amd64
			export(t, "oci:"+dir, ocitest.On(t, arm))
			export(t, "oci:"+dir, ocitest.On(t, ocitest.RunImage(t, "", nil)))
			other := ocitest.DigestOf(t, open(t, oci.Opener{Target: amd64}, "oci:"+dir).Image)
			rebaseInPlace(t, oci.Opener{Target: next.Target}, "oci:"+dir, next)
			if got := ocitest.DigestOf(t, open(t, oci.Opener{Target: amd64}, "oci:"+dir).Image); got != other {
				t.Errorf("the image for another platform became %s, was %s", got, other)
			}
		})

		it("replaces an image whose manifest does not say that it is one", func() {
			dir := t.TempDir()
			export(t, "oci:"+dir, ocitest.On(t, ocitest.RunImage(t, "", nil)))
			made := open(t, oci.Opener{}, "oci:"+dir)
			manifest, err := made.Image.RawManifest()
			must(t, err)
			silent := bytes.Replace(manifest, []byte(`"mediaType":"application/vnd.oci.image.manifest.v1+json",`), nil, 1)
			digest, size, err := v1.SHA256(bytes.NewReader(silent))
			must(t, err)
			index, err := os.ReadFile(dir + "/index.json")
			must(t, err)
			must(t, os.WriteFile(dir+"/blobs/sha256/"+digest.Hex, silent, 0o600))
			must(t, os.WriteFile(dir+"/index.json", []byte(strings.NewReplacer(
				ocitest.DigestOf(t, made.Image), digest.String(), fmt.Sprintf(`"size":%d`, len(manifest)), fmt.Sprintf(`"size":%d`, size),
			).Replace(string(index))), 0o600))
			rebaseInPlace(t, oci.Opener{}, "oci:"+dir, ocitest.Changed(t, ocitest.Base(t, types.DockerManifestSchema2), "", nil))
		})

		it("replaces the image of an archive", func() {
			file := filepath.Join(t.TempDir(), "app.tar")
			export(t, "oci-archive:"+file+":v1", ocitest.On(t, ocitest.RunImage(t, "", nil)))
			rebaseInPlace(t, oci.Opener{}, "oci-archive:"+file, ocitest.RunImage(t, "", nil))
			open(t, oci.Opener{}, "oci-archive:"+file+":v1")
		})

		it("replaces a tag of a registry and mounts the base there", func() {
			host := aRegistry(t)
			for _, tag := range []string{"run:1", "run:2"} {
				must(t, remote.Write(tagOf(t, host+"/"+tag), ocitest.RunImage(t, "", nil).Image))
			}
			opener := oci.Opener{Target: amd64}
			old := open(t, opener, host+"/run:1")
			old.Mirrors = []string{host + "/run:2"}
			export(t, "docker://"+host+"/app:1", ocitest.On(t, old))
			next := open(t, opener, "docker://"+host+"/run:2")
			counter := &counting{}
			opener.Transport = counter
			rebaseInPlace(t, opener, "docker://"+host+"/app:1", next)
			if sent := counter.blobs("PATCH"); len(sent) != 1 {
				t.Errorf("sent the blobs %q, want the config alone", sent)
			}
		})

		it("replaces the image of an index and keeps the others", func() {
			host, dir := aRegistry(t), t.TempDir()
			for _, ref := range []string{"docker://" + host + "/app:1", "oci:" + dir, "oci-archive:" + dir + ".tar"} {
				to := ref
				if !strings.HasPrefix(ref, "docker://") {
					to += ":v1" // whoever rebases need not know it
				}
				destination, err := oci.ParseDest(to, oci.Access{})
				must(t, err)
				other := appFor(t, "linux/arm64", "app")
				for _, image := range []oci.Image{other, ocitest.On(t, ocitest.RunImage(t, "", nil))} {
					joined(t, destination, image)
				}
				opener := oci.Opener{Target: amd64}
				before := open(t, opener, ref)
				rebased, err := rebase.Recipe{App: before, Base: ocitest.RunImage(t, "", nil)}.Assemble()
				must(t, err)
				next, err := before.InIndex(ref, oci.Access{})
				must(t, err)
				_, err = next.Export(t.Context(), rebased.Image)
				must(t, err)
				if got := open(t, opener, to); ocitest.DigestOf(t, got.Image) != ocitest.DigestOf(t, rebased) || rebased.Unchanged {
					t.Errorf("%s: another image is there", ref)
				}
				if got := open(t, oci.Opener{Target: stack.Target{Arch: "arm64"}}, to); ocitest.DigestOf(t, got.Image) != ocitest.DigestOf(t, other.Image) {
					t.Errorf("%s: the image for the other platform is another", ref)
				}
			}
			if _, err := (oci.Base{}).InIndex("docker://"+host+"/app@sha256:"+strings.Repeat("0", 64), oci.Access{}); err == nil || !strings.Contains(err.Error(), "is a digest") {
				t.Errorf("a digest: %v", err)
			}
		})

		it("does not replace an index, a digest or an archive of several", func() {
			host, dir := aRegistry(t), t.TempDir()
			must(t, remote.WriteIndex(tagOf(t, host+"/index:1"), anIndex(t)))
			path, err := layout.Write(dir, empty.Index)
			must(t, err)
			must(t, path.AppendIndex(anIndex(t), layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1"})))
			opener := oci.Opener{Target: stack.Target{OS: "linux", Arch: "arm64"}}
			pinned := open(t, opener, host+"/index:1").Reference
			for ref, want := range map[string]string{
				"docker://" + host + "/index:1": "is an index",
				"oci:" + dir + ":1":             "is an index",
				"docker://" + pinned:            "is a digest",
			} {
				_, err := open(t, opener, ref).InPlace(ref, oci.Access{})
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: error %v, want %q", ref, err, want)
				}
			}
			several := oci.Base{Place: oci.Place{Others: 1}}
			if _, err := several.InPlace("oci-archive:a.tar:1", oci.Access{}); err == nil || !strings.Contains(err.Error(), "has 2 images") {
				t.Errorf("error %v, want that the archive has 2 images", err)
			}
		})
	})
}

func TestOpenNearest(t *testing.T) {
	host, dir := aRegistry(t), t.TempDir()
	must(t, remote.WriteIndex(tagOf(t, host+"/index:1"), anIndex(t)))
	export(t, "oci:"+dir, oci.Image{Image: ocitest.Base(t, types.OCIManifestSchema1).Image})
	arm64 := oci.Opener{Target: stack.Target{OS: "linux", Arch: "arm64"}}
	for ref, want := range map[string]string{"docker://" + host + "/index:1": "arm64", "oci:" + dir: "amd64"} {
		base, err := arm64.OpenNearest(t.Context(), ref)
		must(t, err)
		if base.Target.Arch != want {
			t.Errorf("%s: opened the one for %s, want %s", ref, base.Target.Arch, want)
		}
	}
	several := t.TempDir()
	path, err := layout.Write(several, empty.Index)
	must(t, err)
	must(t, path.AppendIndex(anIndex(t)))
	_, err = oci.Opener{Target: stack.Target{Arch: "s390x"}}.OpenNearest(t.Context(), "oci:"+several)
	if err == nil || !strings.Contains(err.Error(), "it has no image for ") {
		t.Errorf("error %v, want that there is no image for s390x", err)
	}
	_, err = oci.Opener{}.Open(t.Context(), "oci:"+several)
	if err == nil || !strings.Contains(err.Error(), "it has 2 images, name one; they are for linux/amd64, linux/arm64") {
		t.Errorf("error %v, want the two platforms in it", err)
	}
	_, err = arm64.OpenNearest(t.Context(), "oci:"+dir+":none")
	if err == nil || !strings.Contains(err.Error(), "it has no tag none") {
		t.Errorf("error %v, want that there is no such tag", err)
	}
}
