package fetch_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fetcher is one with a store of its own, whose pauses a test does not notice.
func fetcher(t testing.TB) fetch.Fetcher {
	t.Helper()
	host, err := stack.Host()
	must(t, err)
	d := download.NewFetcher(&http.Client{})
	d.Tries = 3
	d.Pause = func(int) time.Duration { return time.Millisecond }
	d.MaxPause = 10 * time.Millisecond
	return fetch.Fetcher{
		Dir: filepath.Join(t.TempDir(), "store"), Download: d, Runner: sandbox.Namespaces{}, Stack: host,
		Target: stack.Target{OS: "linux", Arch: "amd64"},
	}
}

// files are texts by path. What is in a bin is executable.
type files map[string]string

// component is the files of a buildpack.
func component(id, version string) files {
	return files{
		"buildpack.toml": fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = %q\nversion = %q\n", id, version),
		"bin/detect":     "#!/bin/sh\nexit 0\n",
		"bin/build":      "#!/bin/sh\nexit 0\n",
	}
}

// composite is the files of a buildpack that is an order of others, which its
// package.toml names by uris.
func composite(id string, members []string, uris ...string) files {
	text := fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = %q\nversion = \"1.0.0\"\n[[order]]\n", id)
	for _, m := range members {
		text += fmt.Sprintf("[[order.group]]\nid = %q\nversion = \"1.0.0\"\n", m)
	}
	f := files{"buildpack.toml": text}
	if len(uris) > 0 {
		f["package.toml"] = "[buildpack]\nuri = \".\"\n"
		for _, u := range uris {
			f["package.toml"] += fmt.Sprintf("[[dependencies]]\nuri = %q\n", u)
		}
	}
	return f
}

// below puts the files into a folder.
func (f files) below(folder string) files {
	moved := files{}
	for name, text := range f {
		moved[folder+"/"+name] = text
	}
	return moved
}

// and joins files.
func (f files) and(others ...files) files {
	all := maps.Clone(f)
	for _, o := range others {
		maps.Copy(all, o)
	}
	return all
}

func mode(name string) int64 {
	if strings.Contains(name, "bin/") {
		return 0o755
	}
	return 0o644
}

// write writes the files to a directory.
func (f files) write(t testing.TB, dir string) string {
	t.Helper()
	for name, text := range f {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(text), os.FileMode(mode(name))))
	}
	return dir
}

// tar is the files as a tar stream, with more entries before.
func (f files) tar(t testing.TB, more ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range more {
		must(t, w.WriteHeader(&h))
		_, err := io.CopyN(w, zeros{}, h.Size)
		must(t, err)
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode(name), Size: int64(len(f[name]))}))
		_, err := w.Write([]byte(f[name]))
		must(t, err)
	}
	must(t, w.Close())
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// gz compresses.
func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

// save writes data to a new file.
func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(file, data, 0o644))
	return file
}

// part is a layer of a buildpackage with the buildpacks that the label says are
// in it, as id@version.
type part struct {
	files files
	says  []string
}

// shelf is a part with one component.
func shelf(id, version string) part {
	at := "cnb/buildpacks/" + strings.ReplaceAll(id, "/", "_") + "/" + version
	return part{component(id, version).below(at), []string{id + "@" + version}}
}

// buildpackage is the image of a package of a root.
func buildpackage(t testing.TB, root string, parts ...part) v1.Image {
	t.Helper()
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	label := map[string]map[string]map[string]string{}
	for _, p := range parts {
		layer := layerOf(t, gz(t, p.files.tar(t)))
		diffID, err := layer.DiffID()
		must(t, err)
		image, err = mutate.AppendLayers(image, layer)
		must(t, err)
		for _, says := range p.says {
			id, version, _ := strings.Cut(says, "@")
			if label[id] == nil {
				label[id] = map[string]map[string]string{}
			}
			label[id][version] = map[string]string{"layerDiffID": diffID.String(), "api": "0.10"}
		}
	}
	id, version, _ := strings.Cut(root, "@")
	return labelled(t, image, map[string]string{
		"io.buildpacks.buildpackage.metadata": text(t, map[string]string{"id": id, "version": version}),
		"io.buildpacks.buildpack.layers":      text(t, label),
	})
}

func layerOf(t testing.TB, data []byte) v1.Layer {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
	must(t, err)
	return layer
}

func text(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return string(data)
}

// labelled is an image with other labels, for linux/amd64.
func labelled(t testing.TB, image v1.Image, labels map[string]string) v1.Image {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	maps.Copy(config.Config.Labels, labels)
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	return image
}

// index is an index of images by os/arch.
func index(t testing.TB, images map[string]v1.Image) v1.ImageIndex {
	t.Helper()
	i := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range slices.Sorted(maps.Keys(images)) {
		p, err := v1.ParsePlatform(platform)
		must(t, err)
		i = mutate.AppendManifests(i, mutate.IndexAddendum{Add: images[platform], Descriptor: v1.Descriptor{Platform: p}})
	}
	return i
}

// serve serves until the test ends, and returns host:port.
func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// push pushes an image to a registry.
func push(t testing.TB, at string, what remote.Taggable) {
	t.Helper()
	ref, err := name.ParseReference(at)
	must(t, err)
	if i, is := what.(v1.ImageIndex); is {
		must(t, remote.WriteIndex(ref, i))
		return
	}
	must(t, remote.Write(ref, what.(v1.Image)))
}

// quiet is a registry that does not log.
func quiet() http.Handler { return registry.New(registry.Logger(log.New(io.Discard, "", 0))) }

// members are the buildpacks of a package: id@version for those that run and
// in brackets for orders; the root first.
func members(p fetch.Package) string {
	list := []string{p.Root.ID + "@" + p.Root.Version + ":"}
	for _, b := range p.Buildpacks {
		list = append(list, b.Descriptor().String())
	}
	for _, c := range p.Composites {
		list = append(list, "["+c.String()+"]")
	}
	slices.Sort(list[1:])
	return strings.Join(list, " ")
}
