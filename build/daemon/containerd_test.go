package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/daemon/daemontest"
)

// TestContainerd has a server that answers as a daemon with containerd does.
func TestContainerd(t *testing.T) {
	for _, version := range []string{"1.44", "1.48"} {
		spec.Run(t, "Containerd "+version, func(t *testing.T, _ spec.G, it spec.S) { testContainerd(t, it, version) })
	}
}

func testContainerd(t *testing.T, it spec.S, version string) {
	var e *daemontest.Engine
	var client *daemon.Client
	var exporter daemon.Exporter
	// run is the base as the daemon has it.
	var run v1.Image

	// export fails unless so many layers went in so many archives.
	export := func(image v1.Image, layers, loads int) daemon.Saved {
		t.Helper()
		e.Received, e.Loads, e.Asked = nil, 0, nil
		saved, err := exporter.Export(t.Context(), image, []string{"app"})
		must(t, err)
		must(t, saved.Names[0].Err)
		blobs := 0
		for _, name := range e.Received {
			if strings.HasPrefix(name, "blobs/") {
				blobs++
			}
		}
		// Config and manifest are blobs too.
		if loads > 0 {
			layers += 2
		}
		if blobs != layers || e.Loads != loads || (saved.Sent == 0) != (loads == 0) {
			t.Errorf("%d blobs in the last of %d archives, want %d of %d: %q", blobs, e.Loads, layers, loads, e.Received)
		}
		if e.ID("app") != saved.ID {
			t.Errorf("app is %s, want %s", e.ID("app"), saved.ID)
		}
		return saved
	}
	saves := func() (n int) {
		for _, asked := range e.Asked {
			if strings.HasSuffix(asked, "/get") {
				n++
			}
		}
		return n
	}
	it.Before(func() {
		e = &daemontest.Engine{Version: version, Containerd: true}
		client = e.Dial(t)
		first := daemon.Exporter{Client: client}
		_, err := first.Export(t.Context(), on(t, empty.Image, "base", zip(t, "base 0"), layer("base 1")), []string{"run:1"})
		must(t, err)
		run, _, _, err = client.Image(t.Context(), "run:1")
		must(t, err)
		exporter = daemon.Exporter{
			Client: client, Temp: t.TempDir(), Memory: filepath.Join(t.TempDir(), "slugc/v1/daemon.json"),
			Warn: func(err error) { t.Error(err) },
		}
	})

	it("sends what the daemon has only the first time", func() {
		export(on(t, run, "app", layer("modules"), layer("app")), 4, 1)
		if saves() != 1 {
			t.Errorf("%q", e.Asked)
		}
		first := export(on(t, run, "app", layer("modules"), layer("app")), 0, 0)
		edited := export(on(t, run, "app", layer("modules"), layer("edited")), 1, 1)
		if saves() != 0 || first.ID == edited.ID {
			t.Errorf("%q", e.Asked)
		}
		export(on(t, run, "other", layer("modules"), layer("edited")), 0, 1)
		// Where a layer lies does not matter.
		export(on(t, run, "other", layer("new"), layer("edited"), layer("modules")), 1, 1)
	})

	it("sends everything without a memory, and of one that is damaged or of another daemon", func() {
		export(on(t, run, "app", layer("app")), 3, 1)
		for _, memory := range []string{"", "{", `{"id": "sha256:0", "layers": [], "diffIDs": ["x"]}`, `{"id": "sha256:` + strings.Repeat("0", 64) + `"}`} {
			must(t, os.WriteFile(exporter.Memory, []byte(memory), 0o644))
			export(on(t, run, "edited "+memory, layer("app")), 3, 1)
		}
		exporter.Memory = ""
		export(on(t, run, "no memory", layer("app")), 3, 1)
	})

	it("sends everything if what was there is gone", func() {
		export(on(t, run, "app", layer("modules"), layer("app")), 4, 1)
		e.Before = func() {
			e.Remove("app")
			e.Before = nil
		}
		export(on(t, run, "app", layer("modules"), layer("edited")), 4, 2)
		// The base is read from the daemon, after the image that is gone.
		if saves() != 2 {
			t.Errorf("%q", e.Asked)
		}
	})

	it("takes a layer that only the daemon has from it", func() {
		export(on(t, run, "app", layer("below"), layer("launch only")), 4, 1)
		previous, _, _, err := client.Image(t.Context(), "app")
		must(t, err)
		layers, err := previous.Layers()
		must(t, err)
		exporter.Memory = ""
		export(on(t, run, "app", layer("edited"), layers[3]), 4, 1)
	})

	it("gives no name to an image that the daemon cannot unpack", func() {
		export(on(t, run, "app", layer("app")), 3, 1)
		e.Before = func() {
			for _, image := range []string{"app", "run:1"} {
				e.Remove(image)
			}
		}
		_, err := exporter.Export(t.Context(), on(t, run, "app", layer("edited")), []string{"app"})
		if err == nil || e.Tags["app:latest"] != "" || e.Images() != 0 {
			t.Errorf("got %v, %v, %d images", err, e.Tags, e.Images())
		}
	})
}
