package oci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/stack"
)

// appFor is the app of the tests for a platform, with something of its own.
func appFor(t *testing.T, platform, what string) oci.Image {
	t.Helper()
	words := append(strings.Split(platform, "/"), "")
	target := stack.Target{OS: words[0], Arch: words[1], Variant: words[2]}
	r := ocitest.Recipe(t, t.TempDir())
	base, err := oci.Scratch(target)
	must(t, err)
	r.Base = base
	switch target.Arch {
	case "arm64":
		r.Launcher.Content = ocitest.Program(ocitest.MachineARM64)
	case "arm":
		r.Launcher.Content = ocitest.Program(ocitest.MachineARM)
	}
	ocitest.Write(t, r.Tree.App.Host, map[string]string{"index.js": what + " on " + platform})
	return ocitest.Make(t, r)
}

// ofDocker is an image with the media types of Docker.
func ofDocker(t *testing.T, platform string) oci.Image {
	t.Helper()
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.DockerManifestSchema2), types.DockerConfigJSON)
	words := append(strings.Split(platform, "/"), "")
	image, err := mutate.ConfigFile(image, &v1.ConfigFile{OS: words[0], Architecture: words[1], Variant: words[2], RootFS: v1.RootFS{Type: "layers"}})
	must(t, err)
	return oci.Image{Image: image}
}

// joined takes an image to a destination of an index.
func joined(t *testing.T, to oci.Destination, image oci.Image) oci.Joint {
	t.Helper()
	var told oci.Joint
	made, err := oci.Joined{To: to, Told: func(_ artifact.Artifact, j oci.Joint) { told = j }}.Export(t.Context(), image)
	must(t, err)
	if want := ocitest.DigestOf(t, image.Image); made.Digest != want {
		t.Errorf("the artifact has the digest %s, want that of the image, %s", made.Digest, want)
	}
	return told
}

// indexAt is the index that another tool finds in a layout or a registry.
func indexAt(t *testing.T, to oci.Destination) v1.ImageIndex {
	t.Helper()
	switch d := to.(type) {
	case oci.Registry:
		index, err := remote.Index(d.Tag)
		must(t, err)
		return index
	case oci.Layout:
		path, err := layout.FromPath(d.Dir)
		must(t, err)
		all, err := path.ImageIndex()
		must(t, err)
		manifest, err := all.IndexManifest()
		must(t, err)
		for _, desc := range manifest.Manifests {
			if desc.Annotations["org.opencontainers.image.ref.name"] == d.Tag {
				index, err := all.ImageIndex(desc.Digest)
				must(t, err)
				return index
			}
		}
	}
	t.Fatalf("there is no index at %v", to)
	return nil
}

// holds fails unless a destination is a valid index of these images.
func holds(t *testing.T, to oci.Destination, mediaType types.MediaType, images ...oci.Image) {
	t.Helper()
	index := indexAt(t, to)
	if err := validate.Index(index); err != nil {
		t.Errorf("the index is not valid: %v", err)
	}
	manifest, err := index.IndexManifest()
	must(t, err)
	var want, got []string
	for _, image := range images {
		config := configOf(t, image.Image)
		want = append(want, config.Platform().String()+" "+ocitest.DigestOf(t, image.Image))
	}
	for _, d := range manifest.Manifests {
		got = append(got, d.Platform.String()+" "+d.Digest.String())
	}
	if diff := cmp.Diff(want, got); diff != "" || manifest.MediaType != mediaType {
		t.Errorf("%v is a %s of (-expected +got):\n%s", to, manifest.MediaType, diff)
	}
}

func TestJoined(t *testing.T) { spec.Run(t, "Joined", testJoined) }

func testJoined(t *testing.T, when spec.G, it spec.S) {
	var dir, registry string
	var amd, arm oci.Image
	it.Before(func() {
		dir, registry = t.TempDir(), aRegistry(t)
		amd, arm = appFor(t, "linux/amd64", "app"), appFor(t, "linux/arm64", "app")
	})
	// places are those that another tool reads as well.
	places := func() []oci.Destination {
		return []oci.Destination{
			oci.Layout{Dir: dir + "/plain"}, oci.Layout{Dir: dir + "/tagged", Tag: "v1"},
			oci.Registry{Tag: tagOf(t, registry+"/app:v1"), Backoff: 1},
		}
	}

	it("brings images of several machines together", func() {
		for _, to := range places() {
			joined(t, to, arm)
			holds(t, to, types.OCIImageIndex, arm)
			first := joined(t, to, amd)
			holds(t, to, types.OCIImageIndex, amd, arm)
			if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, first.Platforms); diff != "" {
				t.Error(diff)
			}

			newer := appFor(t, "linux/amd64", "newer")
			joined(t, to, newer)
			holds(t, to, types.OCIImageIndex, newer, arm)
			if again := joined(t, to, amd); again.Digest != first.Digest {
				t.Errorf("the same images are the index %s, and %s before", again.Digest, first.Digest)
			}
			digest, err := indexAt(t, to).Digest()
			must(t, err)
			if digest.String() != first.Digest {
				t.Errorf("told the digest %s of %s", first.Digest, digest)
			}
		}
		checkBlobs(t, dir+"/plain")
	})

	it("gives each builder its own image as the previous one", func() {
		for _, to := range places() {
			joined(t, to, amd)
			joined(t, to, arm)
		}
		file := oci.Archive{File: dir + "/file.tar"}
		joined(t, file, arm)
		joined(t, file, amd)
		for _, ref := range []string{"oci:" + dir + "/plain", "oci:" + dir + "/tagged:v1", "docker://" + registry + "/app:v1", "oci-archive:" + file.File} {
			for arch, want := range map[string]oci.Image{"amd64": amd, "arm64": arm} {
				base, err := oci.Opener{Target: stack.Target{OS: "linux", Arch: arch}}.Open(t.Context(), ref)
				must(t, err)
				ocitest.Valid(t, base.Image)
				if ocitest.DigestOf(t, base.Image) != ocitest.DigestOf(t, want.Image) {
					t.Errorf("%s: another image for %s", ref, arch)
				}
				if _, err := oci.NewPrevious(base.Image); err != nil {
					t.Error(err)
				}
			}
			_, err := oci.Opener{Target: stack.Target{OS: "linux", Arch: "riscv64"}}.Open(t.Context(), ref)
			failed, ok := errors.AsType[*oci.OpenError](err)
			if !ok || !failed.Missing() || !failed.OtherPlatform() {
				t.Errorf("%s: a platform that is not there: %v", ref, err)
			}
		}
	})

	it("makes an archive of the same bytes, whichever image comes last", func() {
		one, two := oci.Archive{File: dir + "/one.tar", Tag: "v1"}, oci.Archive{File: dir + "/two.tar", Tag: "v1"}
		joined(t, one, amd)
		joined(t, one, arm)
		joined(t, two, arm)
		joined(t, two, appFor(t, "linux/amd64", "older"))
		joined(t, two, amd)
		a, err := os.ReadFile(one.File)
		must(t, err)
		b, err := os.ReadFile(two.File)
		must(t, err)
		if string(a) != string(b) {
			t.Errorf("archives of %d and %d bytes differ", len(a), len(b))
		}
		// One that has other images too would lose them.
		for _, to := range []oci.Archive{{File: one.File}, {File: one.File, Tag: "v2"}} {
			err := oci.Joined{To: to}.Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), "it holds more than one image") || !strings.Contains(err.Error(), "there is v1") {
				t.Errorf("got the error %v", err)
			}
			if _, err := (oci.Joined{To: to}).Export(t.Context(), amd); err == nil {
				t.Error("it was written anew")
			}
		}
	})

	it("takes in a plain image for another platform, and replaces one for its own", func() {
		for _, to := range places() {
			_, err := to.Export(t.Context(), arm)
			must(t, err)
			joined(t, to, amd)
			holds(t, to, types.OCIImageIndex, amd, arm)

			_, err = to.Export(t.Context(), amd)
			must(t, err)
			newer := appFor(t, "linux/amd64", "newer")
			joined(t, to, newer)
			holds(t, to, types.OCIImageIndex, newer)

			// The same image becomes the only one of an index.
			_, err = to.Export(t.Context(), amd)
			must(t, err)
			joined(t, to, amd)
			holds(t, to, types.OCIImageIndex, amd)
		}
	})

	it("leaves alone what has another tag in a layout", func() {
		_, err := oci.Layout{Dir: dir, Tag: "other"}.Export(t.Context(), arm)
		must(t, err)
		joined(t, oci.Layout{Dir: dir, Tag: "v1"}, amd)
		joined(t, oci.Layout{Dir: dir}, amd)
		holds(t, oci.Layout{Dir: dir, Tag: "v1"}, types.OCIImageIndex, amd)
		holds(t, oci.Layout{Dir: dir}, types.OCIImageIndex, amd)
		if ocitest.DigestOf(t, pulled(t, dir, "other")) != ocitest.DigestOf(t, arm.Image) {
			t.Error("another image has the tag")
		}
	})

	it("tells platforms apart by their variants", func() {
		for _, to := range places() {
			all := []oci.Image{amd, appFor(t, "linux/amd64/v3", "app"), appFor(t, "linux/arm/v6", "app"), appFor(t, "linux/arm/v7", "app"), appFor(t, "linux/arm64/v8", "app")}
			joined(t, to, arm)
			for _, image := range slices.Backward(all) {
				joined(t, to, image)
			}
			// arm64 is arm64/v8.
			holds(t, to, types.OCIImageIndex, all...)
		}
	})

	it("is a manifest list of Docker if all images are", func() {
		for _, to := range places() {
			one, two := ofDocker(t, "linux/amd64"), ofDocker(t, "linux/s390x")
			joined(t, to, two)
			joined(t, to, one)
			holds(t, to, types.DockerManifestList, one, two)
			joined(t, to, arm)
			holds(t, to, types.OCIImageIndex, one, arm, two)
		}
	})

	it("keeps what others say about their images, and drops it with them", func() {
		about := func(image oci.Image, layer byte) mutate.IndexAddendum {
			attestation, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "unknown", Architecture: "unknown", Author: string(layer)})
			must(t, err)
			return mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
				Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.digest": ocitest.DigestOf(t, image.Image), "vnd.docker.reference.type": "attestation-manifest"},
			}}
		}
		index := mutate.Annotations(mutate.AppendManifests(empty.Index,
			about(arm, 1), about(amd, 2), mutate.IndexAddendum{Add: amd.Image}, mutate.IndexAddendum{Add: arm.Image},
		), map[string]string{"who": "somebody"}).(v1.ImageIndex)
		to := oci.Registry{Tag: tagOf(t, registry+"/app:v1"), Backoff: 1}
		must(t, remote.WriteIndex(to.Tag, index))
		newer := appFor(t, "linux/arm64", "newer")
		// Nothing says in this index what the images are for.
		if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, joined(t, to, newer).Platforms); diff != "" {
			t.Error(diff)
		}
		manifest, err := indexAt(t, to).IndexManifest()
		must(t, err)
		if len(manifest.Manifests) != 3 || manifest.Manifests[1].Digest.String() != ocitest.DigestOf(t, newer.Image) ||
			manifest.Manifests[2].Annotations["vnd.docker.reference.digest"] != ocitest.DigestOf(t, amd.Image) || manifest.Annotations["who"] != "somebody" {
			text, _ := json.MarshalIndent(manifest, "", "  ")
			t.Errorf("got %s", text)
		}
	})

	it("sends nothing for an image that is there", func() {
		tag := tagOf(t, registry+"/app:v1")
		joined(t, oci.Registry{Tag: tag, Backoff: 1}, arm)
		joined(t, oci.Registry{Tag: tag, Backoff: 1}, amd)
		counter := &counting{}
		joined(t, oci.Registry{Tag: tag, Backoff: 1, Transport: counter}, arm)
		for _, request := range counter.requests {
			if request != "GET /v2/" && request != "GET /v2/app/manifests/v1" {
				t.Errorf("the requests %q were made", counter.requests)
			}
		}
		joined(t, oci.Layout{Dir: dir}, amd)
		before := state(t, dir)
		joined(t, oci.Layout{Dir: dir}, amd)
		if diff := cmp.Diff(before, state(t, dir)); diff != "" {
			t.Error(diff)
		}
	})

	it("leaves what was there when an image is broken", func() {
		file := oci.Archive{File: dir + "/file.tar"}
		for _, to := range append(places(), file) {
			joined(t, to, amd)
			if _, err := (oci.Joined{To: to}).Export(t.Context(), withBroken(t, arm, errors.New("the disk is on fire"))); err == nil || !strings.Contains(err.Error(), "on fire") {
				t.Errorf("got the error %v", err)
			}
		}
		for _, to := range places() {
			holds(t, to, types.OCIImageIndex, amd)
		}
		joined(t, file, arm)
	})

	it("refuses what is no image of a platform, before a build", func() {
		nowhere := oci.Image{Image: mutate.MediaType(empty.Image, types.OCIManifestSchema1)}
		for _, to := range append(places(), oci.Archive{File: dir + "/file.tar"}) {
			must(t, oci.Joined{To: to}.Check(t.Context()))
			if r, ok := to.(oci.Registry); ok {
				must(t, remote.Write(r.Tag, nowhere.Image))
			} else if _, err := to.Export(t.Context(), nowhere); err != nil {
				t.Fatal(err)
			}
			err := oci.Joined{To: to}.Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), "does not say what machine it is for: name another place") {
				t.Errorf("%v: got the error %v", to, err)
			}
		}
		ocitest.Write(t, dir, map[string]string{"words": "words"})
		if err := (oci.Joined{To: oci.Archive{File: dir + "/words"}}).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "expected an uncompressed tar file") {
			t.Errorf("got the error %v", err)
		}
	})

	when("several machines do so at once", func() {
		const machines = 8
		var images []oci.Image
		it.Before(func() {
			images = nil
			for n := range machines {
				images = append(images, ofDocker(t, fmt.Sprintf("linux/cpu%d", n)))
			}
		})
		all := func(to oci.Destination) {
			t.Helper()
			group, ctx := errgroup.WithContext(t.Context())
			for _, image := range images {
				group.Go(func() error {
					_, err := oci.Joined{To: to}.Export(ctx, image)
					return err
				})
			}
			must(t, group.Wait())
			holds(t, to, types.DockerManifestList, images...)
		}

		it("has all of their images in a layout", func() { all(oci.Layout{Dir: filepath.Join(dir, "new")}) })

		it("has all of their images in a registry", func() {
			all(oci.Registry{Tag: tagOf(t, registry+"/app:v1"), Backoff: 2 * time.Second})
		})

		// another writes an index of another machine's image alone, as one does
		// who looked before there was anything.
		another := func(host string, image oci.Image) {
			tag := tagOf(t, host+"/app:v1")
			must(t, remote.WriteIndex(tag, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
				Add: image.Image, Descriptor: v1.Descriptor{Platform: configOf(t, image.Image).Platform()},
			})))
		}
		// meddled is a registry in which another machine writes the tag before the
		// n-th of the requests that look alike.
		meddled := func(method string, when func(n int) bool) (host string) {
			var seen atomic.Int32
			var busy atomic.Bool
			var n int
			_, host = flakyRegistry(t, func(_ int, _ http.ResponseWriter, r *http.Request) bool {
				if r.Method == method && strings.HasSuffix(r.URL.Path, "/manifests/v1") && busy.CompareAndSwap(false, true) {
					if when(int(seen.Add(1))) {
						n++
						another(host, ofDocker(t, fmt.Sprintf("linux/other%d", n)))
					}
					busy.Store(false)
				}
				return false
			})
			return host
		}
		other := func(n int) oci.Image { return ofDocker(t, fmt.Sprintf("linux/other%d", n)) }

		it("sees what was written while it sent its image", func() {
			to := oci.Registry{Tag: tagOf(t, meddled(http.MethodGet, func(n int) bool { return n == 2 })+"/app:v1"), Backoff: 1}
			joined(t, to, amd)
			holds(t, to, types.OCIImageIndex, amd, other(1))
		})

		it("writes again what another wrote over", func() {
			// The first look, the one before the write, the one after it.
			to := oci.Registry{Tag: tagOf(t, meddled(http.MethodGet, func(n int) bool { return n == 3 })+"/app:v1"), Backoff: 1}
			joined(t, to, amd)
			holds(t, to, types.OCIImageIndex, amd, other(1))
		})

		it("gives up when there is no end to it", func() {
			to := oci.Registry{Tag: tagOf(t, meddled(http.MethodGet, func(int) bool { return true })+"/app:v1"), Backoff: 1}
			_, err := oci.Joined{To: to}.Export(t.Context(), amd)
			failed, ok := errors.AsType[*oci.PushError](err)
			if !ok || !failed.Temporary() || !strings.Contains(err.Error(), "other machines write to this tag all the time") {
				t.Errorf("got the error %v", err)
			}
			// The image is there, only no index has it.
			if _, err := remote.Image(to.Tag.Context().Digest(ocitest.DigestOf(t, amd.Image))); err != nil {
				t.Error(err)
			}
		})
	})
}
