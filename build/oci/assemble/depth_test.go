package assemble_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// checkDepth fails unless the layers of an image are those of the recipe, each
// where its label and its history say.
func checkDepth(t *testing.T, image oci.Image, r assemble.Recipe) {
	t.Helper()
	config, err := image.ConfigFile()
	must(t, err)
	base, err := r.Base.Image.ConfigFile()
	must(t, err)
	var m oci.LifecycleMetadata
	must(t, json.Unmarshal([]byte(config.Config.Labels[oci.LifecycleLabel]), &m))
	want := base.RootFS.DiffIDs
	version := map[string]string{}
	for _, b := range r.Tree.Buildpacks {
		version[b.ID] = b.Version
	}
	var history []string
	for _, layer := range r.Tree.LaunchLayers {
		at := slices.IndexFunc(m.Buildpacks, func(b oci.BuildpackLayers) bool { return b.ID == layer.Buildpack })
		hash, err := v1.NewHash(m.Buildpacks[at].Layers[layer.Name].SHA)
		must(t, err)
		want = append(want, hash)
		history = append(history, fmt.Sprintf("Layer: '%s', Created by buildpack: %s@%s", layer.Name, layer.Buildpack, version[layer.Buildpack]))
		if got := layerOf(t, image, layer.ID()); !slices.ContainsFunc(entries(t, got), func(h tar.Header) bool {
			return strings.Trim(h.Name, "/") == strings.Trim(layer.Dir.Path, "/")
		}) {
			t.Errorf("the layer %s does not have %s", layer.ID(), layer.Dir.Path)
		}
	}
	for _, ref := range []oci.LayerRef{m.App[0], m.Launcher, m.Config, m.ProcessTypes} {
		hash, err := v1.NewHash(ref.SHA)
		must(t, err)
		want = append(want, hash)
	}
	if diff := cmp.Diff(want, config.RootFS.DiffIDs); diff != "" || len(m.App) != 1 {
		t.Errorf("%d app layers; the labels and the layers differ:\n%s", len(m.App), diff)
	}
	var got []string
	for _, h := range config.History[len(base.History):][:len(history)] {
		got = append(got, h.CreatedBy)
	}
	if diff := cmp.Diff(history, got); diff != "" || len(config.History) != len(config.RootFS.DiffIDs) {
		t.Errorf("%d entries of history:\n%s", len(config.History), diff)
	}
}

func TestDepth(t *testing.T) {
	deep := func(layers int) assemble.Recipe {
		r := ocitest.Recipe(t, t.TempDir())
		r.Base = ocitest.Base(t, types.OCIManifestSchema1)
		model := r.Tree.LaunchLayers[2]
		for n := len(r.Tree.LaunchLayers); n < layers; n++ {
			layer := model
			layer.Name = fmt.Sprintf("z%03d", n)
			// Contents of their own, so that no two layers are one blob.
			ocitest.Write(t, r.Tree.Layers.Host, map[string]string{"acme_more/" + layer.Name + "/name": layer.Name})
			layer.Dir = buildpacks.Dir{Host: r.Tree.Layers.Host + "/acme_more/" + layer.Name, Path: r.Tree.Layers.Path + "/acme_more/" + layer.Name}
			r.Tree.LaunchLayers = append(r.Tree.LaunchLayers, layer)
		}
		return r
	}

	t.Run("as many layers as Docker takes", func(t *testing.T) {
		// Two of the base, the app, the launcher, its configuration, the links.
		image := ocitest.Make(t, deep(assemble.MaxLayers-6))
		layers, err := image.Layers()
		must(t, err)
		if len(layers) != assemble.MaxLayers {
			t.Errorf("the image has %d layers", len(layers))
		}
		ocitest.Valid(t, image)
	})

	t.Run("more", func(t *testing.T) {
		r := deep(130)
		index, err := pack.Walk(t.Context(), r.Tree.App.Host, pack.WalkOptions{})
		must(t, err)
		r.AppIndex, r.Tree.Slices = index.ByPath(), [][]string{{"bin"}}
		var warned []error
		r.Warn = func(err error) { warned = append(warned, err) }
		image := ocitest.Make(t, r)
		ocitest.Valid(t, image)
		deepError, ok := errors.AsType[*assemble.DepthError](errors.Join(warned...))
		if !ok || len(warned) != 2 {
			t.Fatalf("warned of %v, want a DepthError and that there is no room for the slice", warned)
		}
		for _, want := range []string{"136 layers", "more than 125", "podman and containerd do", "acme/more makes 128, acme/node makes 2", "the base has 2", "--run-image"} {
			if !strings.Contains(deepError.Error(), want) {
				t.Errorf("the warning does not say %q: %v", want, deepError)
			}
		}
		checkDepth(t, image, r)
		if again, want := ocitest.DigestOf(t, ocitest.Make(t, r)), ocitest.DigestOf(t, image); again != want {
			t.Errorf("built again it is %s, not %s", again, want)
		}
	})

	t.Run("slices", func(t *testing.T) {
		var files []string
		var globs [][]string
		for n := range 150 {
			files = append(files, fmt.Sprintf("f%03d", n))
			globs = append(globs, []string{files[n]})
		}
		r := sliced(t, files, globs...)
		var warned error
		r.Warn = func(err error) { warned = err }
		image := ocitest.Make(t, r)
		ocitest.Valid(t, image)
		layers, err := image.Layers()
		must(t, err)
		app := appLayers(t, image)
		// Three of buildpacks, the launcher, its configuration, the links.
		if len(layers) != assemble.MaxLayers || len(app) != assemble.MaxLayers-6 {
			t.Fatalf("the image has %d layers, %d of the app", len(layers), len(app))
		}
		if warned == nil || !strings.Contains(warned.Error(), "150 app slices") {
			t.Errorf("warned of %v", warned)
		}
		// The root and one file each; the root and what there was no room for.
		if first, last := len(app[0]), len(app[len(app)-1]); first != 2 || last != 1+150-(len(app)-1) {
			t.Errorf("the first app layer has %d entries, the last %d", first, last)
		}
	})
}
