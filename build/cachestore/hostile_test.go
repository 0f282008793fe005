package cachestore_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestHostile pulls caches whose digests are right and whose archives are not.
func TestHostile(t *testing.T) {
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "precious"), "mine")
	for name, c := range map[string]struct {
		entries []tar.Header
		want    string
	}{
		"a link in the place of the layer":   {[]tar.Header{{Name: "layer", Typeflag: tar.TypeSymlink, Linkname: elsewhere}}, "no directory layer"},
		"a file in the place of the layer":   {[]tar.Header{{Name: "layer", Typeflag: tar.TypeReg}}, "no directory layer"},
		"no layer":                           {nil, "no directory layer"},
		"another content":                    {[]tar.Header{{Name: "layer", Typeflag: tar.TypeDir, Mode: 0o755}}, "its content is"},
		"a file above":                       {[]tar.Header{{Name: "../file", Typeflag: tar.TypeReg}}, "../file"},
		"a device":                           {[]tar.Header{{Name: "layer/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, "layer/null"},
		"a file behind a link":               {[]tar.Header{{Name: "layer", Typeflag: tar.TypeSymlink, Linkname: elsewhere}, {Name: "layer/precious", Typeflag: tar.TypeReg}}, "layer/precious"},
		"a hard link to what is not in it":   {[]tar.Header{{Name: "layer/link", Typeflag: tar.TypeLink, Linkname: filepath.Join(elsewhere, "precious")}}, "layer/link"},
		"a directory that hides what it has": {[]tar.Header{{Name: "layer", Typeflag: tar.TypeDir}, {Name: "other/file", Typeflag: tar.TypeReg}}, "its content is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newRemote(t)
			e, _ := m.begin(t)
			write(t, filepath.Join(layersOf(e), "test_bp/cached/file"), "content")
			if err := m.leave(t, e, finish(t, e)); err != nil {
				t.Fatal(err)
			}
			shut(t, e)
			m.replaceBlob(t, c.entries)

			e, missed := m.begin(t)
			defer shut(t, e)
			if len(missed) != 1 || !strings.Contains(missed[0], c.want) {
				t.Errorf("missed %q, expected %q", missed, c.want)
			}
			for path := range files(t, layersOf(e)) {
				if path != "test_bp/store.toml" {
					t.Errorf("there is %s", path)
				}
			}
			if got := files(t, elsewhere); len(got) != 1 || got["precious"] != "mine" {
				t.Errorf("elsewhere is %v", got)
			}
		})
	}
}

// replaceBlob puts an archive in the place of that of the only layer, as someone
// would who may write the tag.
func (m *remoteMedium) replaceBlob(t *testing.T, entries []tar.Header) {
	t.Helper()
	var raw, packed bytes.Buffer
	archive := tar.NewWriter(&raw)
	for _, header := range entries {
		if err := archive.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
	}
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(raw.Bytes())
	if len(entries) == 0 {
		_, err = zip.Write(make([]byte, 1024)) // an archive's end
		raw.Write(make([]byte, 1024))
	}
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	data := m.inventory(t)
	var inventory map[string]any
	if err := json.Unmarshal(data, &inventory); err != nil {
		t.Fatal(err)
	}
	segment := inventory["layers"].([]any)[0].(map[string]any)["segment"].(map[string]any)
	blob := static.NewLayer(packed.Bytes(), types.OCILayer)
	segment["digest"], segment["size"] = sumOf(t, packed.Bytes()), packed.Len()
	segment["diff_id"], segment["raw_size"] = sumOf(t, raw.Bytes()), raw.Len()
	if data, err = json.Marshal(inventory); err != nil {
		t.Fatal(err)
	}
	config := static.NewLayer(data, "application/vnd.slugc.cache.config.v1+json")
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, layer := range []v1.Layer{config, blob} {
		if err := remote.WriteLayer(m.cache.Tag.Context(), layer); err != nil {
			t.Fatal(err)
		}
		digest, err := layer.Digest()
		if err != nil {
			t.Fatal(err)
		}
		size, err := layer.Size()
		if err != nil {
			t.Fatal(err)
		}
		manifest.Layers = append(manifest.Layers, v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size})
	}
	manifest.Config = manifest.Layers[0]
	manifest.Config.MediaType = "application/vnd.slugc.cache.config.v1+json"
	if data, err = json.Marshal(manifest); err != nil {
		t.Fatal(err)
	}
	if err := remote.Put(m.cache.Tag, rawManifest(data)); err != nil {
		t.Fatal(err)
	}
}

// rawManifest is a manifest as it is.
type rawManifest []byte

func (r rawManifest) RawManifest() ([]byte, error)        { return r, nil }
func (r rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

func sumOf(t *testing.T, data []byte) string {
	t.Helper()
	digest, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}
