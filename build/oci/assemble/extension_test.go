package assemble_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/pack"
)

// TestAssembleExtension puts the layers of image extensions between those of the base,
// whose top layer stays what it is for a rebase, and those of the build.
func TestAssembleExtension(t *testing.T) {
	plain := ocitest.Recipe(t, t.TempDir())
	plain.Base = ocitest.Base(t, types.OCIManifestSchema1)
	segments, err := pack.Packer{Temp: t.TempDir()}.Pack(t.Context(), []pack.Job{{
		Part:   pack.Part{Name: "extension", Files: []pack.File{{Path: "file", Mode: 0o644, Content: []byte("extended")}}},
		Shapes: []pack.Shape{{Name: "oci", ModTime: pack.Epoch(), Trailer: true}},
	}})
	must(t, err)
	extended := plain
	extended.Extension = &assemble.Extension{
		Config: &v1.Config{User: "7:8", Env: []string{"PATH=/ext"}, Labels: map[string]string{"own": "label"}},
		Layers: []assemble.ExtensionLayer{{Segment: segments[0][0], CreatedBy: "an extension"}},
	}
	without, with := ocitest.Make(t, plain), ocitest.Make(t, extended)
	ocitest.Valid(t, with)
	before, after := configOf(t, without), configOf(t, with)

	want := []string{}
	for i, diffID := range before.RootFS.DiffIDs {
		if i == 2 { // above the base
			want = append(want, segments[0][0].DiffID)
		}
		want = append(want, diffID.String())
	}
	var got []string
	for _, diffID := range after.RootFS.DiffIDs {
		got = append(got, diffID.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diffIDs (-expected +got):\n%s", diff)
	}
	if h := after.History[2]; h.CreatedBy != "an extension" || len(after.History) != len(before.History)+1 {
		t.Errorf("history: %+v", after.History)
	}
	if c := after.Config; c.User != "7:8" || c.Labels["own"] != "label" || c.Labels["io.buildpacks.base.distro.name"] != "" || c.Env[0] != "PATH=/cnb/process:/cnb/lifecycle:/ext" {
		t.Errorf("config: %+v", c)
	}
	metadata, err := oci.Base{Image: with}.Metadata()
	must(t, err)
	if metadata.RunImage.TopLayer != before.RootFS.DiffIDs[1].String() {
		t.Errorf("the top layer is %s, expected %s of the base", metadata.RunImage.TopLayer, before.RootFS.DiffIDs[1])
	}
	if diff := cmp.Diff(diffIDs(without), diffIDs(with)); diff != "" {
		t.Errorf("segments (-without +with):\n%s", diff)
	}
}
