package oci_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
)

func TestDepth(t *testing.T) {
	deep := func(layers int) oci.Recipe {
		r := recipe(t, t.TempDir())
		r.Base = aBase(t, types.OCIManifestSchema1)
		model := r.Tree.LaunchLayers[2]
		for n := len(r.Tree.LaunchLayers); n < layers; n++ {
			layer := model
			layer.Name = fmt.Sprintf("z%03d", n)
			// Contents of their own, so that no two layers are one blob.
			write(t, r.Tree.Layers.Host, map[string]string{"acme_more/" + layer.Name + "/name": layer.Name})
			layer.Dir = buildpacks.Dir{Host: r.Tree.Layers.Host + "/acme_more/" + layer.Name, Path: r.Tree.Layers.Path + "/acme_more/" + layer.Name}
			r.Tree.LaunchLayers = append(r.Tree.LaunchLayers, layer)
		}
		return r
	}

	t.Run("as many layers as Docker takes", func(t *testing.T) {
		// Two of the base, the app, the launcher, its configuration, the links.
		image := makeImage(t, deep(oci.MaxLayers-6))
		layers, err := image.Layers()
		must(t, err)
		if len(layers) != oci.MaxLayers {
			t.Errorf("the image has %d layers", len(layers))
		}
		valid(t, image)
	})

	t.Run("more", func(t *testing.T) {
		_, err := deep(150).Jobs()
		deepError, ok := errors.AsType[*oci.DepthError](err)
		if !ok {
			t.Fatalf("got the error %v, want a DepthError", err)
		}
		for _, want := range []string{"156 layers", "more than 125", "acme/more makes 148, acme/node makes 2", "the base has 2", "--run-image"} {
			if !strings.Contains(deepError.Error(), want) {
				t.Errorf("the error does not say %q: %v", want, err)
			}
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
		image := makeImage(t, r)
		valid(t, image)
		layers, err := image.Layers()
		must(t, err)
		app := appLayers(t, image)
		// Three of buildpacks, the launcher, its configuration, the links.
		if len(layers) != oci.MaxLayers || len(app) != oci.MaxLayers-6 {
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
