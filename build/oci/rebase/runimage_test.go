package rebase_test

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/oci/rebase"
)

func TestDefaultBase(t *testing.T) {
	base := ocitest.RunImage(t, "one.example.com/run:1", nil)
	base.Mirrors = []string{"two.example.com/run:1"}
	image := ocitest.On(t, base)
	nameless := ocitest.On(t, ocitest.RunImage(t, "", nil))
	for app, want := range map[*oci.Base]string{
		{Image: image}: "one.example.com/run:1",
		{Image: image, Name: "two.example.com/app:1"}:    "two.example.com/run:1",
		{Image: image, Name: "three.example.com/app:1"}:  "one.example.com/run:1",
		{Image: nameless, Name: "one.example.com/app:1"}: "",
	} {
		got, err := rebase.DefaultBase(*app)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", app.Name, got, err, want)
		}
	}
	if _, err := rebase.DefaultBase(oci.Base{Image: ocitest.Base(t, types.OCIManifestSchema1).Image}); err == nil {
		t.Error("an image without a label has a base")
	}
}
