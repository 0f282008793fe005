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
)

// TestContainerd has a server that answers as a daemon with containerd does.
func TestContainerd(t *testing.T) {
	for _, version := range []string{"1.44", "1.48"} {
		spec.Run(t, "Containerd "+version, func(t *testing.T, _ spec.G, it spec.S) { testContainerd(t, it, version) })
	}
}

func testContainerd(t *testing.T, it spec.S, version string) {
	var e *engine
	var client *daemon.Client
	var exporter daemon.Exporter
	// run is the base as the daemon has it.
	var run v1.Image

	// export fails unless so many layers went in so many archives.
	export := func(image v1.Image, layers, loads int) daemon.Saved {
		t.Helper()
		e.received, e.loads, e.asked = nil, 0, nil
		saved, err := exporter.Export(t.Context(), image, []string{"app"})
		must(t, err)
		must(t, saved.Names[0].Err)
		blobs := 0
		for _, name := range e.received {
			if strings.HasPrefix(name, "blobs/") {
				blobs++
			}
		}
		// Config and manifest are blobs too.
		if loads > 0 {
			layers += 2
		}
		if blobs != layers || e.loads != loads || (saved.Sent == 0) != (loads == 0) {
			t.Errorf("%d blobs in the last of %d archives, want %d of %d: %q", blobs, e.loads, layers, loads, e.received)
		}
		if e.id("app") != saved.ID {
			t.Errorf("app is %s, want %s", e.id("app"), saved.ID)
		}
		return saved
	}
	saves := func() (n int) {
		for _, asked := range e.asked {
			if strings.HasSuffix(asked, "/get") {
				n++
			}
		}
		return n
	}
	it.Before(func() {
		e = &engine{version: version, containerd: true}
		client = e.dial(t)
		first := daemon.Exporter{Client: client}
		_, err := first.Export(t.Context(), on(t, empty.Image, "base", zip(t, "base 0"), layer("base 1")), []string{"run:1"})
		must(t, err)
		var id string
		run, id, _, err = client.Image(t.Context(), "run:1")
		must(t, err)
		exporter = daemon.Exporter{
			Client: client, Near: []string{id}, Temp: t.TempDir(), Memory: filepath.Join(t.TempDir(), "slugc/v1/daemon.json"),
			Warn: func(err error) { t.Error(err) },
		}
	})

	it("sends what the daemon has only the first time", func() {
		export(on(t, run, "app", layer("modules"), layer("app")), 4, 1)
		if saves() != 1 {
			t.Errorf("%q", e.asked)
		}
		first := export(on(t, run, "app", layer("modules"), layer("app")), 0, 0)
		edited := export(on(t, run, "app", layer("modules"), layer("edited")), 1, 1)
		if saves() != 0 || first.ID == edited.ID {
			t.Errorf("%q", e.asked)
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
		e.before = func() {
			e.remove("app")
			e.before = nil
		}
		export(on(t, run, "app", layer("modules"), layer("edited")), 4, 2)
		// The base is read from the daemon, after the image that is gone.
		if saves() != 2 {
			t.Errorf("%q", e.asked)
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
		e.before = func() {
			for _, image := range []string{"app", "run:1"} {
				e.remove(image)
			}
		}
		_, err := exporter.Export(t.Context(), on(t, run, "app", layer("edited")), []string{"app"})
		if err == nil || e.tags["app:latest"] != "" || len(e.images) != 0 {
			t.Errorf("got %v, %v, %d images", err, e.tags, len(e.images))
		}
	})
}
