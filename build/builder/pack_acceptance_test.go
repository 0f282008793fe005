//go:build acceptance

package builder_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks/fetch/packtest"
)

const full = `name = "One"
description = "Does one <thing> & another"
homepage = "https://example.com/one"
keywords = ["a", "b"]
clear-env = true
[[buildpack.licenses]]
type = "MIT"
uri = "https://example.com/mit"
[[targets]]
os = "linux"
arch = "amd64"
[[targets]]
os = "linux"
arch = "arm64"
variant = "v8"
[[targets.distros]]
name = "debian"
version = "13"
[metadata]
anything = 1
`

// TestLikePack compares packages with those that the reference platform makes
// of the same buildpacks: the config with its labels, and the layers.
func TestLikePack(t *testing.T) {
	dir := t.TempDir()
	one := component("test/one", full)
	one["lib/"+strings.Repeat("long/", 30)+strings.Repeat("name", 30)] = "a path beyond what ustar has room for"
	one["lib/data with ü.txt"] = "text\n"
	one.write(t, filepath.Join(dir, "one"))
	must(t, os.Symlink("../lib", filepath.Join(dir, "one/bin/link")))
	must(t, os.Mkdir(filepath.Join(dir, "one/empty"), 0o700))
	must(t, os.Chmod(filepath.Join(dir, "one/lib/data with ü.txt"), 0o600))
	must(t, os.Chmod(filepath.Join(dir, "one/bin/build"), 0o640))
	must(t, os.Chmod(filepath.Join(dir, "one/bin/build"), 0o740))
	component("test/two", "[[stacks]]\nid = \"io.example.a\"\nmixins = [\"m\"]\n[[stacks]]\nid = \"io.example.b\"\n").write(t, filepath.Join(dir, "two"))
	component("three", "[[stacks]]\nid = \"io.example.b\"\nmixins = [\"n\"]\n").write(t, filepath.Join(dir, "three"))
	composite("test/all", []string{"test/one", "test/two", "three"}, "../one", "../two", "../three").write(t, filepath.Join(dir, "all"))
	nested := composite("test/nested", []string{"test/all", "test/one"}, "../all.cnb")
	nested["buildpack.toml"] += "optional = true\n"
	nested["package.toml"] += "[platform]\nos = \"linux\"\n"
	nested.write(t, filepath.Join(dir, "nested"))
	packtest.Run(t, "buildpack", "package", filepath.Join(dir, "all.cnb"), "--format", "file", "--config", filepath.Join(dir, "all/package.toml"))

	for name, c := range map[string]struct {
		from string
		args []string
	}{
		"component":              {"one", []string{"--path", filepath.Join(dir, "one"), "--target", "linux/amd64"}},
		"component of stacks":    {"two", []string{"--path", filepath.Join(dir, "two")}},
		"composite":              {"all", []string{"--config", filepath.Join(dir, "all/package.toml")}},
		"composite of a package": {"nested", []string{"--config", filepath.Join(dir, "nested/package.toml")}},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			theirs, ours := filepath.Join(out, "theirs.cnb"), filepath.Join(out, "ours.cnb")
			packtest.Run(t, append([]string{"buildpack", "package", theirs, "--format", "file"}, c.args...)...)
			made := packaged(t, filepath.Join(dir, c.from))
			_, err := oci.Archive{File: ours}.Export(t.Context(), made.Images[0])
			must(t, err)
			same(t, open(t, theirs), open(t, ours))
			about := packtest.Run(t, "buildpack", "inspect", ours)
			if want := packtest.Run(t, "buildpack", "inspect", theirs); strings.ReplaceAll(want, "theirs", "ours") != about {
				t.Error(cmp.Diff(want, about))
			}
			read, err := fetcher(t).Fetch(t.Context(), ours)
			must(t, err)
			if got := read.Root.ID + "@" + read.Root.Version; got != made.Root.String() {
				t.Errorf("the package is read as one of %s", got)
			}
			if len(read.Dirs) != len(made.Buildpacks) {
				t.Errorf("%d buildpacks are read of %d", len(read.Dirs), len(made.Buildpacks))
			}
		})
	}
}

// TestLikePackForTargets is TestLikePack for a buildpack that has other scripts
// for each target.
func TestLikePackForTargets(t *testing.T) {
	dir := t.TempDir()
	many := component("test/many", "[[targets]]\nos = \"linux\"\narch = \"amd64\"\n[[targets]]\nos = \"linux\"\narch = \"arm64\"\n")
	for _, folder := range []string{"linux/amd64", "linux/arm64"} {
		many[folder+"/bin/detect"], many[folder+"/bin/build"] = "#!/bin/sh\n", "#!/bin/sh\n# "+folder
	}
	delete(many, "bin/detect")
	delete(many, "bin/build")
	many.write(t, filepath.Join(dir, "many"))
	made := packaged(t, filepath.Join(dir, "many"))
	packtest.Run(t, "buildpack", "package", filepath.Join(dir, "many.cnb"), "--format", "file", "--path", filepath.Join(dir, "many"))
	for i, target := range made.Targets {
		same(t, open(t, filepath.Join(dir, "many-linux-"+target.Arch+".cnb")), made.Images[i])
	}
}

// same compares the package of pack with ours.
func same(t *testing.T, theirs, ours v1.Image) {
	t.Helper()
	if diff := cmp.Diff(saidBy(t, theirs), saidBy(t, ours)); diff != "" {
		t.Errorf("the config differs:\n%s", diff)
	}
	if diff := cmp.Diff(entries(t, theirs), entries(t, ours)); diff != "" {
		t.Errorf("the files differ:\n%s", diff)
	}
}

func open(t *testing.T, file string) v1.Image {
	t.Helper()
	b, err := oci.Opener{}.Open(t.Context(), "oci-archive:"+file)
	must(t, err)
	return b.Image
}

// said is what the config of an image says, but for times and history: pack
// writes none into a file.
type said struct {
	OS, Architecture, Variant string
	Config                    v1.Config
	Labels                    map[string]any
	// DiffIDs are those of the layers, in any order: that of pack changes.
	DiffIDs map[string]bool
}

func saidBy(t *testing.T, image v1.Image) said {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	s := said{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant, Labels: map[string]any{}, DiffIDs: map[string]bool{}}
	for key, text := range config.Config.Labels {
		var value any
		must(t, json.Unmarshal([]byte(text), &value))
		s.Labels[key] = value
	}
	s.Config = config.Config
	for _, d := range config.RootFS.DiffIDs {
		s.DiffIDs[d.String()] = true
	}
	return s
}

// entries are the headers of all layers.
func entries(t *testing.T, image v1.Image) map[string]tar.Header {
	t.Helper()
	all := map[string]tar.Header{}
	layers, err := image.Layers()
	must(t, err)
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		must(t, err)
		reader := tar.NewReader(content)
		for {
			h, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			all[h.Name] = *h
		}
		must(t, content.Close())
	}
	return all
}
