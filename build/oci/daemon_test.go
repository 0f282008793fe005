package oci_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/daemon/daemontest"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
)

// TestDaemon takes an image to a daemon, on a base that is there, and then one of
// which only the daemon has a layer.
func TestDaemon(t *testing.T) {
	e := &daemontest.Engine{Version: "1.41"}
	to := oci.Daemon{Name: "app:v1", Config: e.Start(t)}
	must(t, to.Check(t.Context()))
	if _, found, err := to.Open(t.Context()); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	run := to
	run.Name = "run:1"
	_, err := run.Export(t.Context(), oci.Image{Image: ocitest.Base(t, types.DockerManifestSchema2).Image})
	must(t, err)
	base, found, err := run.Open(t.Context())
	must(t, err)
	if !found || base.Reference != e.ID("run:1") || base.Target.Arch != "amd64" || base.Target.DistroName != "debian" {
		t.Fatalf("found %t, %+v", found, base)
	}

	// layers are how many went in the last archive.
	layers := func() (n int) {
		for _, name := range e.Received {
			if strings.HasSuffix(name, ".tar") {
				n++
			}
		}
		return n
	}
	dir := t.TempDir()
	r := ocitest.Recipe(t, dir)
	r.Base = base
	image := ocitest.MakeRaw(t, r)
	made, err := to.Export(t.Context(), image)
	must(t, err)
	if made.Kind != "docker-daemon" || made.Ref != "app:v1" || made.Digest != e.ID("app:v1") || made.Size == 0 || len(made.Layers) != len(image.Segments) {
		t.Errorf("%+v", made)
	}
	if got := layers(); got != len(image.Segments) {
		t.Errorf("%d layers were sent", got)
	}

	previous, found, err := to.Open(t.Context())
	must(t, err)
	if diff := cmp.Diff(configOf(t, image).RootFS, configOf(t, previous.Image).RootFS); !found || diff != "" {
		t.Errorf("found %t, %s", found, diff)
	}
	r.Previous = previous.Image
	r.Tree.LaunchLayers[1].Dir.Host = ""
	ocitest.Write(t, dir, map[string]string{"app/index.js": "console.log(2)\n"})
	next := ocitest.MakeRaw(t, r)
	_, err = to.Export(t.Context(), next)
	must(t, err)
	// The layers up to the app are there.
	if got, want := layers(), 4; got != want {
		t.Errorf("%d layers were sent after an edit, want %d: %q", got, want, e.Received)
	}
	if s := next.Segments[1]; s.DiffID != image.Segments[1].DiffID || s.File != "" || !s.Reused {
		t.Errorf("%+v", s)
	}

	e.Broken = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	before := e.ID("app:v1")
	_, err = to.Export(t.Context(), ocitest.MakeRaw(t, ocitest.Recipe(t, t.TempDir())))
	if err == nil || !strings.HasPrefix(err.Error(), "writing to docker-daemon:app:v1: ") || e.ID("app:v1") != before {
		t.Errorf("got %v", err)
	}
	to.Config = daemon.Config{Host: "unix:///nowhere"}
	if err := to.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "writing to docker-daemon:app:v1: the Docker daemon at unix:///nowhere") {
		t.Errorf("got %v", err)
	}
	if _, err := to.Export(t.Context(), image); err == nil {
		t.Error("there is no daemon")
	}
	if _, err := (oci.Joined{To: to}).Export(t.Context(), image); err == nil || !strings.Contains(err.Error(), "holds no index") {
		t.Errorf("got %v", err)
	}
}
