package target_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/daemon/daemontest"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
)

// imageOf is an image on a base with a layer for each segment, whose content is its
// name unless it is a layer of the image before.
func imageOf(t *testing.T, base v1.Image, before v1.Image, names ...string) oci.Image {
	t.Helper()
	made := oci.Image{Image: base}
	dir := t.TempDir()
	for _, name := range names {
		var layer v1.Layer
		content := []byte(strings.Repeat(name+"\n", 1000))
		diffID, _, err := v1.SHA256(strings.NewReader(string(content)))
		if err != nil {
			t.Fatal(err)
		}
		segment := artifact.Segment{Name: name, DiffID: diffID.String(), Digest: diffID.String(), File: filepath.Join(dir, diffID.Hex)}
		if before != nil && strings.Contains(name, ":") {
			segment.File = ""
			layer, err = before.LayerByDiffID(diffID)
		} else {
			layer, err = static.NewLayer(content, types.DockerUncompressedLayer), os.WriteFile(segment.File, content, 0o644)
		}
		if err == nil {
			made.Image, err = mutate.Append(made.Image, mutate.Addendum{Layer: layer})
		}
		if err != nil {
			t.Fatal(err)
		}
		made.Segments = append(made.Segments, segment)
	}
	return made
}

func TestDaemon(t *testing.T) {
	for _, containerd := range []bool{false, true} {
		e := &daemontest.Engine{Version: "1.48", Containerd: containerd}
		client := e.Dial(t)
		dir := t.TempDir()
		open := func() *target.Daemon {
			t.Helper()
			launch, err := cache.OpenLaunch(dir)
			if err != nil {
				t.Fatal(err)
			}
			return target.NewDaemon(client, launch, t.TempDir(), func(err error) { t.Error(err) })
		}
		d := open()
		find := func(name string) target.Found {
			t.Helper()
			found, err := d.Find(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		export := func(image oci.Image, names ...string) target.Saved {
			t.Helper()
			e.Received, e.Asked = nil, nil
			saved, err := d.Export(t.Context(), image, names)
			if err != nil {
				t.Fatal(err)
			}
			return saved
		}
		if found := find("run:1"); found.There || found.Name != "run:1" || d.Reach(t.Context(), "run:1") {
			t.Errorf("%+v", found)
		}
		export(imageOf(t, empty.Image, nil, "base"), "run:1")

		d = open()
		run := find("run:1")
		if !run.There || "sha256:"+run.ID != e.ID("run:1") || run.Name != "run:1" || !d.Reach(t.Context(), "run:1") {
			t.Errorf("%+v", run)
		}
		saved := export(imageOf(t, run.Image, nil, "b:below", "b:launch only", "app"), "app", "host/app@sha256:"+strings.Repeat("0", 64), "other:v1")
		if "sha256:"+saved.ID != e.ID("app") || e.ID("app") != e.ID("other:v1") || saved.Digest != "" || saved.Names[0].Err != nil || saved.Names[1].Err == nil || saved.Names[2].Err != nil {
			t.Errorf("%+v", saved)
		}
		if containerd {
			if _, err := os.Stat(filepath.Join(dir, "slugc/v1/daemon.json")); err != nil {
				t.Error(err)
			}
		}

		// A layer that is in the image alone is under another one now.
		d = open()
		run, previous := find("run:1"), find("app")
		next := imageOf(t, run.Image, previous.Image, "app below", "b:launch only", "app")
		export(next, "app")
		for _, asked := range e.Asked {
			if strings.HasSuffix(asked, "/get") {
				t.Errorf("the image was read from the daemon: %q", e.Asked)
			}
		}
		kept, err := os.ReadDir(filepath.Join(dir, "committed"))
		if err != nil || len(kept) != 1 || kept[0].Name() != next.Segments[1].DiffID+".tar" {
			t.Errorf("the launch cache has %v, %v", kept, err)
		}
		if err := d.Access(t.Context(), []string{"app"}, []string{"nowhere/app"}); err != nil {
			t.Error(err)
		}
		e.Broken = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		if saved, err := d.Export(t.Context(), imageOf(t, run.Image, nil, "new"), []string{"app"}); err == nil {
			t.Errorf("%+v", saved)
		}
	}
}
