//go:build acceptance

package lifecycle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack/referencetest"
)

// TestRestoreLikeReference lets both programs restore the same layers, from a volume
// and from an image: every combination of types, in the app image, in the cache, in
// both, with other contents and with other types; on every Platform API.
func TestRestoreLikeReference(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the reference becomes a user that is named")
	}
	for _, kind := range []string{"volume", "image"} {
		for _, version := range platform.APIs() {
			for _, skip := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, Platform API %s, skip layers %v", kind, version, skip), func(t *testing.T) {
					r := newRestores(t, kind == "image")
					r.fill()
					theirs := r.reference(version, skip)
					ours := r.ours(version, skip)
					if diff := cmp.Diff(theirs, ours); diff != "" {
						t.Errorf("what is restored (-reference +ours):\n%s", diff)
					}
					if !skip && len(ours) < 20 {
						t.Errorf("it restored no more than %q", slices.Sorted(maps.Keys(ours)))
					}
				})
			}
		}
	}
}

// restores is a place in which both programs restore in turn.
type restores struct {
	t      *testing.T
	dir    string
	layers string
	// image is the name of the cache image, empty for a volume.
	image    string
	group    []files.Element
	metadata files.LayersMetadata
}

func newRestores(t *testing.T, inImage bool) *restores {
	t.Helper()
	dir := t.TempDir()
	r := &restores{t: t, dir: dir, layers: filepath.Join(dir, "layers"), group: []files.Element{
		{ID: "test/b", Version: "1", API: "0.10"}, {ID: "test/other", Version: "2", API: "0.10"},
	}}
	if inImage {
		server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
		t.Cleanup(server.Close)
		r.image = server.Listener.Addr().String() + "/cache:1"
	}
	must(t, os.Mkdir(filepath.Join(dir, "cache"), 0o755))
	return r
}

func (r *restores) open() cache.Cache {
	r.t.Helper()
	if r.image != "" {
		return &cache.Image{Name: r.image, Images: target.Registry{}, Warn: func(err error) { r.t.Errorf("warned: %v", err) }}
	}
	volume, err := cache.OpenVolume(filepath.Join(r.dir, "cache"))
	must(r.t, err)
	return volume
}

// fill makes the cache and what is known of the app image.
func (r *restores) fill() {
	r.t.Helper()
	c := r.open()
	update, err := c.Begin(r.t.Context())
	must(r.t, err)
	add := func(path, text string) string {
		segment := r.segment(c.Raw(), path, text)
		must(r.t, update.Add(r.t.Context(), segment))
		return segment.DiffID
	}
	cached, inImage := map[string]oci.LayerMetadata{}, map[string]files.BuildpackLayer{}
	for types := range 8 {
		layer := oci.LayerMetadata{Build: types&1 > 0, Cache: types&2 > 0, Launch: types&4 > 0}
		for _, where := range []string{"image", "cache", "both", "changed", "retyped"} {
			name := fmt.Sprintf("b%vc%vl%v-%s", types&1, types>>1&1, types>>2&1, where)
			layer.Data = map[string]any{"of": "cache", "name": name}
			layer.SHA = add(filepath.Join(r.layers, "test_b", name), name)
			own := files.BuildpackLayer{SHA: layer.SHA, Build: layer.Build, Cache: layer.Cache, Launch: layer.Launch, Metadata: map[string]any{"of": "image", "name": name}}
			switch where {
			case "changed":
				own.SHA = "sha256:" + strings.Repeat("0", 64)
			case "retyped":
				own.Cache = !own.Cache
			}
			if where != "cache" {
				inImage[name] = own
			}
			if where != "image" {
				cached[name] = layer
			}
		}
	}
	m := cache.Metadata{Buildpacks: []oci.BuildpackLayers{
		{ID: "test/b", Version: "1", Layers: cached}, {ID: "test/gone", Version: "1", Layers: cached},
	}}
	m.SBOM.SHA = add(filepath.Join(r.layers, "sbom/cache/test_b/b0c1l0-cache"), "sbom.cdx.json")
	must(r.t, update.Commit(r.t.Context(), m))
	r.metadata.Buildpacks = []files.BuildpackLayers{
		{ID: "test/b", Version: "1", Layers: inImage, Store: &files.Store{Metadata: map[string]any{"kept": "yes"}}},
		{ID: "test/gone", Version: "1", Layers: inImage},
	}
}

// segment is a layer with one file. That of the SBOM has a path of more directories.
func (r *restores) segment(raw bool, path, text string) artifact.Segment {
	r.t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	put := func(h tar.Header, content string) {
		must(r.t, w.WriteHeader(&h))
		_, err := w.Write([]byte(content))
		must(r.t, err)
	}
	file := "file"
	if strings.HasPrefix(text, "sbom.") {
		path = filepath.Dir(filepath.Dir(path))
		put(tar.Header{Name: path, Typeflag: tar.TypeDir, Mode: 0o755}, "")
		for _, sub := range []string{"test_b", "test_b/b0c1l0-cache"} {
			put(tar.Header{Name: filepath.Join(path, sub), Typeflag: tar.TypeDir, Mode: 0o755}, "")
		}
		file = "test_b/b0c1l0-cache/" + text
	} else {
		put(tar.Header{Name: path, Typeflag: tar.TypeDir, Mode: 0o750}, "")
		put(tar.Header{Name: path + "/link", Typeflag: tar.TypeSymlink, Linkname: "file", Mode: 0o777}, "")
	}
	put(tar.Header{Name: path + "/" + file, Typeflag: tar.TypeReg, Mode: 0o640, Size: int64(len(text))}, text)
	must(r.t, w.Close())
	s := artifact.Segment{Name: path, DiffID: fmt.Sprintf("sha256:%x", sha256.Sum256(data.Bytes())), RawSize: int64(data.Len())}
	if !raw {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(data.Bytes())
		must(r.t, err)
		must(r.t, z.Close())
		data = packed
	}
	s.Digest, s.Size = fmt.Sprintf("sha256:%x", sha256.Sum256(data.Bytes())), int64(data.Len())
	s.File = filepath.Join(r.t.TempDir(), "layer")
	must(r.t, os.WriteFile(s.File, data.Bytes(), 0o644))
	return s
}

// lay makes the layers directory as an analyzer leaves it.
func (r *restores) lay() {
	r.t.Helper()
	must(r.t, os.RemoveAll(r.layers))
	for _, of := range []string{"test_b/b0c0l1-both", "test_other/none", "test_gone/any"} {
		dir := filepath.Join(r.layers, "sbom/launch", of)
		must(r.t, os.MkdirAll(dir, 0o755))
		must(r.t, os.WriteFile(filepath.Join(dir, "sbom.spdx.json"), []byte("{}"), 0o644))
	}
}

func (r *restores) reference(version string, skip bool) map[string]string {
	r.t.Helper()
	r.lay()
	group, analyzed := filepath.Join(r.dir, "group.toml"), filepath.Join(r.dir, "analyzed.toml")
	must(r.t, files.WriteGroup(group, files.Group{Buildpacks: r.group}))
	must(r.t, files.WriteAnalyzed(analyzed, files.Analyzed{Metadata: r.metadata}))
	args := []string{"-layers", r.layers, "-group", group, "-analyzed", analyzed, "-uid", "0", "-gid", "0", "-no-color", fmt.Sprintf("-skip-layers=%v", skip)}
	if r.image != "" {
		args = append(args, "-cache-image", r.image)
	} else {
		args = append(args, "-cache-dir", filepath.Join(r.dir, "cache"))
	}
	cmd := referencetest.Build(r.t).Phase(r.t, "restorer", args...)
	cmd.Env = []string{"CNB_PLATFORM_API=" + version, "PATH=/usr/bin:/bin", "HOME=" + r.dir}
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("the reference: %v\n%s", err, out)
	}
	return r.state()
}

func (r *restores) ours(version string, skip bool) map[string]string {
	r.t.Helper()
	api, err := platform.ParseAPI(version)
	must(r.t, err)
	var all []map[string]string
	// To restore changes nothing of what there is to restore.
	for range 2 {
		r.lay()
		var out bytes.Buffer
		_, err = lifecycle.Restorer{
			API: api, Layers: r.layers, Group: r.group, Metadata: r.metadata.Label(), Cache: r.open(), SkipLayers: skip,
			Log: &platform.Log{Out: &out, Plain: true},
		}.Run(r.t.Context())
		if err != nil {
			r.t.Fatalf("ours: %v\n%s", err, &out)
		}
		all = append(all, r.state())
	}
	if diff := cmp.Diff(all[0], all[1]); diff != "" {
		r.t.Errorf("the second time (-first +second):\n%s", diff)
	}
	return all[0]
}

// state is what there is in the layers directory.
func (r *restores) state() map[string]string {
	r.t.Helper()
	found := map[string]string{}
	must(r.t, filepath.WalkDir(r.layers, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.layers, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		what := info.Mode().Type().String()
		if strings.Count(rel, "/") > 1 || entry.IsDir() && strings.Count(rel, "/") == 1 {
			what = info.Mode().String()
		}
		switch {
		case entry.Type() == fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " to " + link
		case strings.HasSuffix(path, ".toml"):
			var doc map[string]any
			if _, err := toml.DecodeFile(path, &doc); err != nil {
				return err
			}
			what = fmt.Sprint(doc)
		case entry.Type().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += ": " + string(text)
		}
		found[rel] = what
		return nil
	}))
	return found
}
