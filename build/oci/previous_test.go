package oci_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
)

func TestPrevious(t *testing.T) {
	spec.Run(t, "Previous", func(t *testing.T, _ spec.G, it spec.S) {
		it("says what is wrong with one", func() {
			config := configOf(t, anImage(t)).DeepCopy()
			for _, test := range []struct {
				change func(*v1.ConfigFile)
				want   string
			}{
				{func(c *v1.ConfigFile) { delete(c.Config.Labels, oci.LifecycleLabel) }, "no label " + oci.LifecycleLabel},
				{func(c *v1.ConfigFile) { c.Config.Labels[oci.LifecycleLabel] = "{" }, "the label " + oci.LifecycleLabel},
				{func(c *v1.ConfigFile) { c.RootFS.DiffIDs = c.RootFS.DiffIDs[1:] }, "it has 7 layers and names 6"},
			} {
				broken := config.DeepCopy()
				test.change(broken)
				image, err := mutate.ConfigFile(anImage(t), broken)
				must(t, err)
				if _, err := oci.NewPrevious(image); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got the error %v, want %q", err, test.want)
				}
			}
		})

		it("reads the SBOM of a layer", func() {
			dir := t.TempDir()
			r := ocitest.Recipe(t, dir)
			ocitest.Write(t, dir, map[string]string{
				"app/.slugc/layers/sbom/launch/acme_node/node/sbom.cdx.json":    "cdx",
				"app/.slugc/layers/sbom/launch/acme_node/node/sbom.spdx.json":   "spdx",
				"app/.slugc/layers/sbom/launch/acme_node/modules/sbom.cdx.json": "other",
			})
			previous, err := oci.NewPrevious(ocitest.Make(t, r))
			must(t, err)
			got, err := previous.LayerSBOMs(t.Context(), "acme_node", "node")
			must(t, err)
			if diff := cmp.Diff(map[string][]byte{"cdx.json": []byte("cdx"), "spdx.json": []byte("spdx")}, got); diff != "" {
				t.Error(diff)
			}
			if previous, err = oci.NewPrevious(anImage(t)); err != nil {
				t.Fatal(err)
			}
			if got, err := previous.LayerSBOMs(t.Context(), "acme_node", "node"); err != nil || len(got) > 0 {
				t.Errorf("an image without an SBOM has %v, %v", got, err)
			}
		})

		it("tells the execution environment", func() {
			r := ocitest.Recipe(t, t.TempDir())
			r.ExecEnv = "test"
			image := ocitest.Make(t, r)
			if got := configOf(t, image).Config.Labels[oci.ExecEnvLabel]; got != "test" {
				t.Errorf("the label is %q", got)
			}
			previous, err := oci.NewPrevious(image)
			must(t, err)
			if previous.ExecEnv != "test" || previous.Metadata.ExecEnv != "test" || previous.LayersPath != "/app/.slugc/layers" {
				t.Errorf("it is for %q, with layers at %s", previous.ExecEnv, previous.LayersPath)
			}
		})
	})
}
