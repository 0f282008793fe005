//go:build acceptance

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/slugc/slugc/stack/dockertest"
)

// readsItself is an app that prints what is in it and in a layer.
const readsItself = `package main

import "os"

func main() {
	for _, file := range []string{"/app/app.txt", "/app/.slugc/layers/test_kept/kept/word"} {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(text)
	}
}
`

// TestDockerDaemon builds into Docker daemons and runs what is there then.
func TestDockerDaemon(t *testing.T) {
	t.Parallel()
	t.Run("with its own store", func(t *testing.T) { testDockerDaemon(t, dockertest.Start(t)) })
	t.Run("with containerd's store", func(t *testing.T) { testDockerDaemon(t, dockertest.StartContainerd(t)) })
}

func testDockerDaemon(t *testing.T, d *dockertest.Daemon) {
	s := newSlugc(t)
	host, sent := d.Counted(t)
	s.env = append(s.env, "DOCKER_HOST="+host)
	s.program("kept/bin/detect", `exit 0`)
	s.write("kept/buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"test/kept\"\nversion = \"1.0.0\"\n")
	// The layer is in the image and nowhere else.
	s.program("kept/bin/build", `cd "$1"
		if [ -f kept.toml ]; then echo keeping the layer; else
			echo making the layer; mkdir kept; echo of the layer >kept/word; head -c 9000000 /dev/urandom >kept/big
		fi
		printf '[types]\nlaunch = true\n[metadata]\nmade = 1\n' >kept.toml
		printf '[[processes]]\ntype = "web"\ncommand = ["/app/main"]\ndefault = true\n' >launch.toml`)
	s.write("app/main.go", readsItself)
	compile := exec.Command("go", "build", "-o", "main", "main.go")
	compile.Dir, compile.Env = s.path("app"), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	build := func(more ...string) string {
		t.Helper()
		return s.must(append([]string{"build", "app", "-b", "kept", "--run-image", "scratch", "-o", "docker-daemon:test/app:v1", "--metadata", "r.json"}, more...)...)
	}
	says := func(want string) {
		t.Helper()
		if got := d.Run(dockertest.Container{Image: "test/app:v1"}); got != want+"of the layer\n" {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	s.write("app/app.txt", "one\n")
	contains(t, build(), "making the layer", "docker-daemon:test/app:v1")
	says("one\n")
	// An edit sends the app and what is above it, and not the layer.
	const layer = 9_000_000
	if sent.Load() < layer {
		t.Errorf("the daemon got %d bytes", sent.Load())
	}
	first, before := d.Layers("test/app:v1"), read(t, s.path("r.json"))
	sent.Store(0)
	contains(t, build(), "keeping the layer")
	if sent.Load() > layer/100 {
		t.Errorf("unchanged, the daemon got %d bytes", sent.Load())
	}
	if diff := cmp.Diff(before, read(t, s.path("r.json"))); diff != "" {
		t.Errorf("unchanged: %s", diff)
	}

	s.write("app/app.txt", "three\n")
	sent.Store(0)
	build()
	if sent.Load() > layer {
		t.Errorf("edited, the daemon got %d bytes", sent.Load())
	}
	says("three\n")
	s.write("app/app.txt", "two\n")
	contains(t, build("--cache", "fresh"), "keeping the layer", "Reusing layer test/kept:kept of the previous image")
	says("two\n")
	changed := 0
	for i, layer := range d.Layers("test/app:v1") {
		if layer != first[i] {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("an edit changed %d layers, want that of the app", changed)
	}

	// Beside another image the layers are the same.
	build("-o", "oci:img")
	says("two\n")
	index, err := layout.ImageIndexFromPath(s.path("img"))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	var diffIDs []string
	for _, id := range config.RootFS.DiffIDs {
		diffIDs = append(diffIDs, id.String())
	}
	if diff := cmp.Diff(diffIDs, d.Layers("test/app:v1")); diff != "" {
		t.Error(diff)
	}

	s.env = []string{"DOCKER_HOST=unix:///nowhere"}
	code, out := s.run("build", "app", "-b", "kept", "--run-image", "scratch", "-o", "docker-daemon:test/app:v1")
	if code != 62 || !strings.Contains(out, "writing to docker-daemon:test/app:v1: the Docker daemon at unix:///nowhere") || strings.Contains(out, "the layer") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
