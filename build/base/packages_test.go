package base_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slugc/slugc/build/base"
)

// layer is a layer with files, each a name and its content.
func layer(t *testing.T, files ...[2]string) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		must(t, w.WriteHeader(&tar.Header{Name: f[0], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f[1]))}))
		_, err := w.Write([]byte(f[1]))
		must(t, err)
	}
	must(t, w.Close())
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	must(t, err)
	return l
}

// stanza is what an image says about a package.
func stanza(name, version, more string) string {
	return "Package: " + name + "\nVersion: " + version + "\nArchitecture: amd64\nInstalled-Size: 2\n" + more
}

func TestPackages(t *testing.T) {
	const dir = "var/lib/dpkg/status.d/"
	for name, c := range map[string]struct {
		layers []v1.Layer
		want   []string
	}{
		"none": {[]v1.Layer{layer(t, [2]string{"etc/os-release", "ID=debian\n"})}, nil},
		"a file for each": {
			[]v1.Layer{layer(t, [2]string{dir + "libc6", stanza("libc6", "2.41-12", "")}, [2]string{dir + "libc6.md5sums", "Package: no\n"}, [2]string{"./" + dir + "bash", stanza("bash", "5.2", "")})},
			[]string{"bash 5.2", "libc6 2.41-12"},
		},
		"dpkg's own file, without what was removed": {
			[]v1.Layer{layer(t, [2]string{"/var/lib/dpkg/status", stanza("a", "1", "Status: install ok installed\n") + "\n" + stanza("b", "2", "Status: deinstall ok config-files\n")})},
			[]string{"a 1"},
		},
		"a newer one in a layer above": {
			[]v1.Layer{layer(t, [2]string{dir + "a", stanza("a", "1", "")}), layer(t, [2]string{dir + "a", stanza("a", "2", "")})},
			[]string{"a 2"},
		},
		"one that a layer above removes": {
			[]v1.Layer{layer(t, [2]string{dir + "a", stanza("a", "1", "")}, [2]string{dir + "ab", stanza("ab", "1", "")}), layer(t, [2]string{dir + ".wh.a", ""})},
			[]string{"ab 1"},
		},
		"all that a layer above replaces": {
			[]v1.Layer{layer(t, [2]string{dir + "a", stanza("a", "1", "")}), layer(t, [2]string{dir + "b", stanza("b", "1", "")}, [2]string{dir + ".wh..wh..opq", ""})},
			[]string{"b 1"},
		},
		"a directory above that a layer removes": {
			[]v1.Layer{layer(t, [2]string{dir + "a", stanza("a", "1", "")}), layer(t, [2]string{"var/lib/.wh.dpkg", ""})},
			nil,
		},
		"nonsense": {[]v1.Layer{layer(t, [2]string{dir + "a", "\x00\xff: :\n\n\nVersion: 1\n"})}, nil},
	} {
		image, err := mutate.AppendLayers(empty.Image, c.layers...)
		must(t, err)
		packages, err := base.Packages(t.Context(), image)
		must(t, err)
		var got []string
		for _, p := range packages {
			got = append(got, p.Name+" "+p.Version)
			if p.Architecture != "amd64" || p.InstalledSize != 2048 {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	image, err := mutate.AppendLayers(empty.Image, layer(t, [2]string{dir + "a", stanza("a", "1", "")}))
	must(t, err)
	if _, err := base.Packages(ctx, image); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
