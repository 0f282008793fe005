package assemble_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/buildpacks"
)

// compressedAnew is an image of the same layers and labels, as another program
// would compress them.
func compressedAnew(t *testing.T, image v1.Image, manifest types.MediaType, layerType types.MediaType) v1.Image {
	t.Helper()
	config := configOf(t, image).DeepCopy()
	base, err := oci.Scratch(amd64)
	must(t, err)
	anew := mutate.MediaType(base.Image, manifest)
	layers, err := image.Layers()
	must(t, err)
	for i, layer := range layers {
		r, err := layer.Uncompressed()
		must(t, err)
		raw, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		again, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
			tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithMediaType(layerType))
		must(t, err)
		anew, err = mutate.Append(anew, mutate.Addendum{Layer: again, History: config.History[i], MediaType: layerType})
		must(t, err)
	}
	made := configOf(t, anew).DeepCopy()
	config.RootFS = made.RootFS
	anew, err = mutate.ConfigFile(anew, config)
	must(t, err)
	return inLayout(t, anew, t.TempDir())
}

// inLayout is an image as it is opened from a layout.
func inLayout(t *testing.T, anew v1.Image, dir string) v1.Image {
	t.Helper()
	_, err := oci.Layout{Dir: dir}.Export(t.Context(), oci.Image{Image: anew})
	must(t, err)
	opened, err := oci.Opener{Target: amd64}.Open(t.Context(), "oci:"+dir)
	must(t, err)
	return opened.Image
}

func digests(t *testing.T, image v1.Image) []string {
	t.Helper()
	manifest, err := image.Manifest()
	must(t, err)
	var all []string
	for _, layer := range manifest.Layers {
		all = append(all, layer.Digest.String())
	}
	return all
}

func TestPrevious(t *testing.T) {
	spec.Run(t, "Previous", func(t *testing.T, when spec.G, it spec.S) {
		when("another program made the previous image", func() {
			for _, media := range [][2]types.MediaType{
				{types.DockerManifestSchema2, types.DockerLayer}, {types.OCIManifestSchema1, types.OCILayer},
			} {
				it("keeps the layers that it has, with their digests: "+string(media[1]), func() {
					previous := compressedAnew(t, anImage(t), media[0], media[1])
					r := ocitest.Recipe(t, t.TempDir())
					r.Previous = previous
					image := ocitest.Make(t, r)
					ocitest.Valid(t, image)
					if diff := cmp.Diff(digests(t, previous), digests(t, image)); diff != "" {
						t.Errorf("the layers are not reused: %s", diff)
					}
					manifest, err := image.Manifest()
					must(t, err)
					for i, layer := range manifest.Layers {
						if layer.MediaType != types.OCILayer {
							t.Errorf("layer %d is %s in an OCI image", i, layer.MediaType)
						}
						if segment := image.Segments[i]; segment.Digest != layer.Digest.String() || segment.Size != layer.Size || !segment.Reused {
							t.Errorf("the segment %s is not the layer %s", segment.Name, layer.Digest)
						}
					}
				})
			}

			it("packs what changed", func() {
				previous := compressedAnew(t, anImage(t), types.DockerManifestSchema2, types.DockerLayer)
				dir := t.TempDir()
				r := ocitest.Recipe(t, dir)
				ocitest.Write(t, dir, map[string]string{"app/index.js": "console.log(2)\n"})
				r.Previous = previous
				image := ocitest.Make(t, r)
				ocitest.Valid(t, image)
				old, got := digests(t, previous), digests(t, image)
				for i := range old {
					if changed := image.Segments[i].Name == oci.AppPart; (old[i] != got[i]) != changed {
						t.Errorf("the layer %s: %s, was %s", image.Segments[i].Name, got[i], old[i])
					}
				}
			})

			it("takes no layer in a form that not everybody reads", func() {
				previous := compressedAnew(t, anImage(t), types.OCIManifestSchema1, types.OCILayerZStd)
				r := ocitest.Recipe(t, t.TempDir())
				r.Previous = previous
				if diff := cmp.Diff(digests(t, anImage(t)), digests(t, ocitest.Make(t, r))); diff != "" {
					t.Error(diff)
				}
			})

			it("packs what is gone", func() {
				dir := t.TempDir()
				previous := inLayout(t, compressedAnew(t, anImage(t), types.OCIManifestSchema1, types.OCILayer), dir)
				lost := digests(t, previous)[0]
				must(t, os.Remove(dir+"/blobs/sha256/"+strings.TrimPrefix(lost, "sha256:")))
				r := ocitest.Recipe(t, t.TempDir())
				r.Previous = previous
				image := ocitest.Make(t, r)
				ocitest.Valid(t, image)
				if got := digests(t, image); got[0] == lost || got[1] != digests(t, previous)[1] {
					t.Errorf("the layers are %v, were %v", got, digests(t, previous))
				}
			})

			it("takes a layer without contents", func() {
				previous := compressedAnew(t, anImage(t), types.DockerManifestSchema2, types.DockerLayer)
				r := ocitest.Recipe(t, t.TempDir())
				r.Tree.LaunchLayers[1].Dir = buildpacks.Dir{}
				r.Previous = previous
				image := ocitest.Make(t, r)
				ocitest.Valid(t, image)
				if diff := cmp.Diff(digests(t, previous), digests(t, image)); diff != "" {
					t.Error(diff)
				}
			})
		})

		it("is the same image if it changed nothing", func() {
			previous := anImage(t)
			r := ocitest.Recipe(t, t.TempDir())
			r.Previous = previous
			if got, want := ocitest.DigestOf(t, ocitest.Make(t, r)), ocitest.DigestOf(t, previous); got != want {
				t.Errorf("the image is %s, was %s", got, want)
			}
		})
	})
}
