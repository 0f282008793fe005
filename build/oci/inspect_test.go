package oci_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/stack/launch"
)

func TestInspect(t *testing.T) {
	r := ocitest.Recipe(t, t.TempDir())
	r.Base = ocitest.Base(t, types.OCIManifestSchema1, "SECRET=hidden")
	image := ocitest.Make(t, r)
	d, err := oci.Inspect(image)
	must(t, err)
	var names []string
	for i, layer := range d.Layers {
		names = append(names, layer.Name)
		if i >= 2 {
			want := image.Segments[i-2]
			if layer.DiffID != want.DiffID || layer.Digest != want.Digest || layer.Size != want.Size {
				t.Errorf("%s is %+v, want %+v", layer.Name, layer, want)
			}
		}
	}
	if diff := cmp.Diff([]string{
		"base", "base", "acme/node:modules", "acme/node:node", "acme/more:z", "app", "launcher", "config", "process-types",
	}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"CNB_APP_DIR", "CNB_DEPRECATION_MODE", "CNB_LAYERS_DIR", "CNB_PLATFORM_API", "LANG", "PATH", "SECRET",
	}, d.Env); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(r.Tree.Metadata.Processes, d.Processes); diff != "" {
		t.Error(diff)
	}
	if d.Digest != ocitest.DigestOf(t, image) || d.DefaultProcess != "web" || d.Base.Reference != r.Base.Reference || d.Target.Arch != "amd64" ||
		len(d.Buildpacks) != 2 || d.Labels["b"] != "2" || d.User != "nobody" {
		t.Errorf("described as %+v", d)
	}
	text, err := json.Marshal(d)
	must(t, err)
	if strings.Contains(string(text), "hidden") {
		t.Error("the description holds the value of a variable")
	}
}

func TestInspectOthers(t *testing.T) {
	t.Run("no image of buildpacks", func(t *testing.T) {
		d, err := oci.Inspect(ocitest.Base(t, types.DockerManifestSchema2).Image)
		must(t, err)
		if len(d.Layers) != 2 || d.Layers[0].Name != "base" || len(d.Processes) != 0 {
			t.Errorf("described as %+v", d)
		}
		text, err := json.Marshal(d)
		must(t, err)
		if strings.Contains(string(text), "null") {
			t.Errorf("a list is not there: %s", text)
		}
	})
	label := func(t *testing.T, labels map[string]string) (oci.Description, error) {
		t.Helper()
		image := ocitest.Base(t, types.DockerManifestSchema2).Image
		config := configOf(t, image)
		config.Config.Labels = labels
		image, err := mutate.ConfigFile(image, config)
		must(t, err)
		return oci.Inspect(image)
	}
	t.Run("commands of an old platform", func(t *testing.T) {
		d, err := label(t, map[string]string{oci.BuildLabel: `{"processes":[{"type":"web","command":"run me","args":null,"direct":false}]}`})
		must(t, err)
		if diff := cmp.Diff([]launch.Process{{Type: "web", Command: launch.Command{"run me"}}}, d.Processes); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a broken label", func(t *testing.T) {
		if _, err := label(t, map[string]string{oci.LifecycleLabel: `{"app":1}`}); err == nil || !strings.Contains(err.Error(), oci.LifecycleLabel) {
			t.Errorf("got the error %v", err)
		}
	})
}
