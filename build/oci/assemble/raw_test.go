package assemble_test

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slugc/slugc/build/oci/ocitest"
)

// TestRaw: an image of raw segments is the same to who runs it, and says of its
// layers that they are not compressed.
func TestRaw(t *testing.T) {
	for manifest, layerType := range map[types.MediaType]types.MediaType{
		types.OCIManifestSchema1: types.OCIUncompressedLayer, types.DockerManifestSchema2: types.DockerUncompressedLayer,
	} {
		r := ocitest.Recipe(t, t.TempDir())
		r.Base = ocitest.Base(t, manifest)
		zipped := ocitest.Make(t, r)
		r.Previous = zipped
		image := ocitest.MakeRaw(t, r)
		// The validator of the library takes every layer for gzip.
		must(t, validate.Image(image, validate.Fast))
		if diff := cmp.Diff(configOf(t, zipped), configOf(t, image)); diff != "" {
			t.Error(diff)
		}
		layers, err := image.Layers()
		must(t, err)
		for i, layer := range layers[2:] {
			got, err := layer.MediaType()
			must(t, err)
			if got != layerType {
				t.Errorf("%s: layer %d is %s, want %s", manifest, i, got, layerType)
			}
			s := image.Segments[i]
			if !s.Raw() || s.File == "" {
				t.Errorf("%+v", s)
			}
			for _, open := range []func() (io.ReadCloser, error){layer.Compressed, layer.Uncompressed} {
				content, err := open()
				must(t, err)
				sum, size, err := v1.SHA256(content)
				must(t, errors.Join(err, content.Close()))
				if sum.String() != s.DiffID || size != s.Size {
					t.Errorf("%s has %d bytes with the digest %s", s.Name, size, sum)
				}
			}
		}
	}
}
