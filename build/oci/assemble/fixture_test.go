package assemble_test

import (
	"archive/tar"
	"errors"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/stack"
)

var amd64 = stack.Target{OS: "linux", Arch: "amd64"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// anImage is the image of the tree.
func anImage(t *testing.T) oci.Image {
	t.Helper()
	return ocitest.Make(t, ocitest.Recipe(t, t.TempDir()))
}

// entries are the tar entries of a layer.
func entries(t *testing.T, layer v1.Layer) []tar.Header {
	t.Helper()
	reader, err := layer.Uncompressed()
	must(t, err)
	defer func() { must(t, reader.Close()) }()
	var headers []tar.Header
	for files := tar.NewReader(reader); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		must(t, err)
		headers = append(headers, *header)
	}
}

// layerOf is a layer of an image by the name of its segment.
func layerOf(t *testing.T, image oci.Image, name string) v1.Layer {
	t.Helper()
	for _, segment := range image.Segments {
		if segment.Name == name {
			digest, err := v1.NewHash(segment.Digest)
			must(t, err)
			layer, err := image.LayerByDigest(digest)
			must(t, err)
			return layer
		}
	}
	t.Fatalf("there is no layer %s", name)
	return nil
}
