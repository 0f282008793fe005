//go:build acceptance

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/dockertest"
)

// TestPackSlice gives the real pack the archive of the lifecycle: pack makes a
// builder of it, and builds with that.
func TestPackSlice(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon needs root")
	}
	spec.Run(t, "The lifecycle in a builder of pack", testPackSlice, spec.Sequential())
}

func testPackSlice(t *testing.T, _ spec.G, it spec.S) {
	var (
		d *dockertest.Daemon
		r imageRegistry
		s *slugc
	)
	pack := func(args ...string) string {
		t.Helper()
		_, out := runPackWith(t, []string{"DOCKER_HOST=" + d.Host, "DOCKER_API_VERSION=" + d.APIVersion, "PACK_VOLUME_KEY=test"}, args...)
		return out
	}
	it.Before(func() {
		d, r, s = dockertest.Start(t), newImageRegistry(t), newSlugc(t)
		s.must("stack", "create", "slugc-13", "-o", "docker://"+r.host+"/run:1")
		s.write("app/hello.txt", "world")
		s.write("app/app.txt", "")
	})
	// builder has pack make a builder of an archive.
	builder := func(name, archive string) {
		t.Helper()
		s.write("builder.toml", fmt.Sprintf(`[[buildpacks]]
uri = %q
[[buildpacks]]
uri = %q
[[order]]
[[order.group]]
id = "test/hello"
version = "1.0.0"
[[order.group]]
id = "test/layers"
version = "1.0.0"
[lifecycle]
uri = %q
[build]
image = %q
[[run.images]]
image = %q
`, fixture(t, "hello"), fixture(t, "layers"), archive, r.host+"/run:1", r.host+"/run:1"))
		pack("builder", "create", name, "--config", s.path("builder.toml"))
	}
	build := func(image, builder string) string {
		t.Helper()
		return pack("build", r.host+"/"+image, "--path", s.path("app"), "--builder", builder, "--trust-builder", "--publish",
			"--network", "host", "--pull-policy", "never")
	}

	it("builds what the reference builds, runs it, and builds it again", func() {
		ours, err := filepath.Abs("../../out/lifecycle-linux-amd64.tgz")
		if err != nil {
			t.Fatal(err)
		}
		builder("test/ours", ours)
		s.lifecycle("reference.tgz", filepath.Join(filepath.Dir(ours), "lifecycle", "launcher"))
		builder("test/theirs", s.path("reference.tgz"))

		contains(t, build("ours", "test/ours"), "Making the greeter", "Build number 1", "Adding layer 'test/hello:greeter'", "Adding cache layer 'test/hello:count'")
		build("theirs", "test/theirs")
		if diff := cmp.Diff(r.diffIDs(r.image("theirs")), r.diffIDs(r.image("ours"))); diff != "" {
			t.Errorf("diffIDs (-reference +ours):\n%s", diff)
		}

		contains(t, build("ours", "test/ours"), "Reusing the greeter", "Build number 2", `Restoring data for "test/hello:greeter" from cache`,
			"Reusing layer 'test/hello:greeter'", "Reusing layer 'buildpacksio/lifecycle:launcher'", "Reusing layer 'buildpacksio/lifecycle:config'",
			"Reused 1/1 app layer(s)", "Reusing cache layer 'test/hello:greeter'", "Adding cache layer 'test/hello:count'",
			// It tells what was restored, which is more now.
			"Adding layer 'test/layers:seen'")
		build("theirs", "test/theirs")
		if diff := cmp.Diff(r.diffIDs(r.image("theirs")), r.diffIDs(r.image("ours"))); diff != "" {
			t.Errorf("diffIDs of the second image (-reference +ours):\n%s", diff)
		}

		second := r.digest("ours")
		if out := build("ours", "test/ours"); strings.Contains(out, "Adding layer") {
			t.Errorf("the third image has new layers:\n%s", out)
		}
		if third := r.digest("ours"); third != second {
			t.Errorf("the third image is another: %s, the second is %s", third, second)
		}

		d.Pull(r.host + "/ours")
		if got, want := d.Run(dockertest.Container{Image: r.host + "/ours", Env: []string{"HOME=/workspace", "PORT=80"}}), "Hello, world, on port 80\n"; got != want {
			t.Errorf("the default process: got %q, want %q", got, want)
		}
	})
}
