//go:build acceptance

package daemon_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/daemon/daemontest"
	"github.com/slugc/slugc/stack/dockertest"
)

// program prints what is in /app.
const program = `package main

import "os"

func main() {
	text, err := os.ReadFile("/app")
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(text)
}
`

// tarred is a layer of files.
func tarred(t testing.TB, files map[string]string) v1.Layer {
	t.Helper()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		must(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content)), ModTime: time.Unix(0, 0)}))
		_, err := io.WriteString(archive, content)
		must(t, err)
	}
	must(t, archive.Close())
	return static.NewLayer(out.Bytes(), types.DockerUncompressedLayer)
}

// TestDaemon exports to a real daemon and runs what it has then.
func TestDaemon(t *testing.T) {
	main := compiled(t)
	d := dockertest.Start(t)
	spec.Run(t, "Daemon", func(t *testing.T, _ spec.G, it spec.S) { testDaemon(t, it, d, main) })
}

// TestRealContainerd exports to a real daemon with containerd's store.
func TestRealContainerd(t *testing.T) {
	main := compiled(t)
	d := dockertest.StartContainerd(t)
	spec.Run(t, "Containerd", func(t *testing.T, _ spec.G, it spec.S) { testRealContainerd(t, it, d, main) })
}

func testRealContainerd(t *testing.T, it spec.S, d *dockertest.Daemon, main string) {
	const small, size = 20_000, 3 << 20
	var exporter daemon.Exporter
	block := make([]byte, size)
	it.Before(func() {
		_, err := rand.Read(block)
		must(t, err)
		client, err := daemon.Dial(t.Context(), daemon.Config{Host: d.Host})
		must(t, err)
		t.Cleanup(client.Close)
		exporter = daemon.Exporter{Client: client, Temp: t.TempDir(), Memory: filepath.Join(t.TempDir(), "memory.json")}
	})
	// app is an image with a big layer and one with what it says.
	app := func(content string) v1.Image {
		image := on(t, empty.Image, "app", tarred(t, map[string]string{"main": main, "big": string(block)}), tarred(t, map[string]string{"app": content}))
		config, err := image.ConfigFile()
		must(t, err)
		config = config.DeepCopy()
		config.Config.Entrypoint = []string{"/main"}
		image, err = mutate.ConfigFile(image, config)
		must(t, err)
		return image
	}
	export := func(image v1.Image) daemon.Saved {
		t.Helper()
		saved, err := exporter.Export(t.Context(), image, []string{"test/app"})
		must(t, err)
		for _, name := range saved.Names {
			must(t, name.Err)
		}
		return saved
	}
	says := func(want string) {
		t.Helper()
		if got := d.Run(dockertest.Container{Image: "test/app"}); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}

	it("sends what the daemon lacks, and the image runs", func() {
		if first := export(app("one")); first.Sent < size {
			t.Errorf("sent %d", first.Sent)
		}
		says("one")
		if again := export(app("one")); again.Sent != 0 {
			t.Errorf("unchanged: sent %d", again.Sent)
		}
		if edited := export(app("two")); edited.Sent == 0 || edited.Sent > small {
			t.Errorf("edited: sent %d", edited.Sent)
		}
		says("two")
	})

	it("sends everything again when the daemon has not what it had", func() {
		export(app("one"))
		must(t, exporter.Client.Remove(t.Context(), "test/app"))
		if again := export(app("two")); again.Sent < size {
			t.Errorf("sent %d", again.Sent)
		}
		says("two")
	})
}

// compiled is the program, for this machine.
func compiled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644))
	build := exec.Command("go", "build", "-o", "main", "main.go")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	main, err := os.ReadFile(filepath.Join(dir, "main"))
	must(t, err)
	return string(main)
}

func testDaemon(t *testing.T, it spec.S, d *dockertest.Daemon, main string) {
	var client *daemon.Client
	var exporter daemon.Exporter
	var count *atomic.Int64
	// run is the base as the daemon has it, whose bytes are other ones each time.
	var run v1.Image
	// small is what questions and a config take.
	const small, size = 20_000, 3 << 20
	var random string

	export := func(image v1.Image) daemon.Saved {
		t.Helper()
		saved, err := exporter.Export(t.Context(), image, []string{"test/app", "test/app:other"})
		must(t, err)
		for _, name := range saved.Names {
			must(t, name.Err)
		}
		return saved
	}
	// app is an app of two layers on a base.
	app := func(base v1.Image, modules, content string) v1.Image {
		return on(t, base, "app", tarred(t, map[string]string{"modules": modules + random}), tarred(t, map[string]string{"app": content}))
	}
	says := func(want string) {
		t.Helper()
		for _, name := range []string{"test/app", "test/app:other"} {
			if got := d.Run(dockertest.Container{Image: name}); got != want {
				t.Errorf("%s says %q, want %q", name, got, want)
			}
		}
	}
	// meanwhile does something once, when the first bytes of a layer have been sent.
	meanwhile := func(do func()) {
		exporter.Progress = func(int64, int64) {
			if do != nil {
				do()
				do = nil
			}
		}
	}
	it.Before(func() {
		host, n := d.Counted(t)
		count = n
		var err error
		client, err = daemon.Dial(t.Context(), daemon.Config{Host: host})
		must(t, err)
		t.Cleanup(client.Close)
		block := make([]byte, size)
		_, err = rand.Read(block)
		must(t, err)
		random = string(block)
		program := tarred(t, map[string]string{"main": main})
		raw, err := program.Uncompressed()
		must(t, err)
		content, err := io.ReadAll(raw)
		must(t, err)
		diffID, err := program.DiffID()
		must(t, err)
		base := on(t, empty.Image, "base", withDiffID{static.NewLayer(daemontest.Zipped(t, content), types.DockerLayer), diffID},
			tarred(t, map[string]string{"base": random}))
		config, err := base.ConfigFile()
		must(t, err)
		config = config.DeepCopy()
		config.Config.Entrypoint, config.Config.Env = []string{"/main"}, []string{"A=b"}
		base, err = mutate.ConfigFile(base, config)
		must(t, err)
		_, err = daemon.Exporter{Client: client}.Export(t.Context(), base, []string{"test/run:1"})
		must(t, err)
		run, _, _, err = client.Image(t.Context(), "test/run:1")
		must(t, err)
		exporter = daemon.Exporter{Client: client, Temp: t.TempDir()}
		count.Store(0)
	})

	it("sends what the daemon lacks, and the image runs", func() {
		first := export(app(run, "m", "one"))
		if n := count.Load(); n < size || n > size+small || first.Sent > n {
			t.Errorf("sent %d, the daemon got %d, want %d", first.Sent, n, size)
		}
		says("one")

		count.Store(0)
		if again := export(app(run, "m", "one")); again.Sent != 0 || again.ID != first.ID || count.Load() > small/2 {
			t.Errorf("unchanged: sent %d, the daemon got %d", again.Sent, count.Load())
		}

		count.Store(0)
		if edited := export(app(run, "m", "two")); edited.ID == first.ID || edited.Sent > small || count.Load() > small {
			t.Errorf("edited: sent %d, the daemon got %d", edited.Sent, count.Load())
		}
		says("two")

		// The layer above one that changed is sent again, from what the daemon has of it.
		previous, _, _, err := client.Image(t.Context(), "test/app")
		must(t, err)
		layers, err := previous.Layers()
		must(t, err)
		count.Store(0)
		edited := export(on(t, run, "app", tarred(t, map[string]string{"modules": "small"}), layers[3]))
		if edited.Sent > small || count.Load() > small {
			t.Errorf("edited below: sent %d, the daemon got %d", edited.Sent, count.Load())
		}
		says("two")
	})

	it("sends all that it has when images are removed meanwhile", func() {
		export(app(run, "m", "one"))
		meanwhile(func() {
			for _, name := range []string{"test/app", "test/app:other"} {
				must(t, client.Remove(t.Context(), name))
			}
		})
		if saved := export(app(run, "m", "two")); saved.Sent < 2*size {
			t.Errorf("sent %d", saved.Sent)
		}
		says("two")
	})

	it("changes no name when the daemon restarts meanwhile, and goes on afterwards", func() {
		export(app(run, "m", "one"))
		meanwhile(d.Restart)
		_, err := exporter.Export(t.Context(), app(run, "n", "two"), []string{"test/app", "test/app:other"})
		if err == nil || !strings.Contains(err.Error(), "the Docker daemon at unix://") {
			t.Errorf("got %v", err)
		}
		says("one")
		export(app(run, "n", "two"))
		says("two")
	})

	it("changes no name when the daemon finds something else in a layer than it should", func() {
		export(app(run, "m", "one"))
		wrong, err := tarred(t, map[string]string{"other": "x"}).DiffID()
		must(t, err)
		_, err = exporter.Export(t.Context(), on(t, run, "app", withDiffID{tarred(t, map[string]string{"app": "two"}), wrong}), []string{"test/app"})
		if _, refused := errors.AsType[*daemon.LoadError](err); !refused || !strings.Contains(fmt.Sprint(err), "invalid diffID") {
			t.Errorf("got %v", err)
		}
		says("one")
	})
}
