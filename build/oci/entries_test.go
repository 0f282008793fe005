package oci_test

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slugc/slugc/build/oci"
)

// tarLayer is a layer of tar headers, each with so many zeros as it says, as far
// as there are any.
func tarLayer(t *testing.T, zeros int64, headers ...tar.Header) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range headers {
		must(t, w.WriteHeader(&h))
		_, err := w.Write(make([]byte, min(h.Size, zeros)))
		must(t, err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	must(t, err)
	return l
}

func TestReadFiles(t *testing.T) {
	file := func(name string, size int64) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size}
	}
	for name, c := range map[string]struct {
		layers []v1.Layer
		want   map[string]int
		fails  string
	}{
		"wanted files, by the names that people use": {
			layers: []v1.Layer{tarLayer(t, 512, file("./etc/a", 1), file("/etc/b", 2), file("usr/c", 3))},
			want:   map[string]int{"etc/a": 1, "etc/b": 2},
		},
		"not through links": {
			layers: []v1.Layer{tarLayer(t, 512, tar.Header{Name: "etc/a", Typeflag: tar.TypeSymlink, Linkname: "/usr/c"}, file("usr/c", 3))},
			want:   map[string]int{},
		},
		"what layers leave": {
			layers: []v1.Layer{tarLayer(t, 512, file("etc/a", 1), file("etc/b", 2)), tarLayer(t, 512, file("etc/a", 4), file("etc/.wh.b", 0))},
			want:   map[string]int{"etc/a": 4},
		},
		"no more than there is room for": {
			layers: []v1.Layer{tarLayer(t, 0, file("etc/a", 100<<30))},
			fails:  "etc/a and what was read before have more than",
		},
	} {
		t.Run(name, func(t *testing.T) {
			image, err := mutate.AppendLayers(empty.Image, c.layers...)
			must(t, err)
			files, err := oci.ReadFiles(t.Context(), image, func(name string) bool { return strings.HasPrefix(name, "etc/") })
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %v, want %q", err, c.fails)
				}
				return
			}
			must(t, err)
			got := map[string]int{}
			for name, data := range files {
				got[name] = len(data)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
