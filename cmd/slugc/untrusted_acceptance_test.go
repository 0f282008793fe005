//go:build acceptance

package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slugc/slugc/stack/dockertest"
)

// TestPackUntrusted has the real pack build with a builder that it does not trust:
// each phase in a container of its own, those with credentials from an image that
// has nothing but the lifecycle.
func TestPackUntrusted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon needs root")
	}
	d, r, s := dockertest.Start(t), newImageRegistry(t), newSlugc(t)
	pack := func(args ...string) string {
		t.Helper()
		_, out := runPackWith(t, []string{"DOCKER_HOST=" + d.Host, "DOCKER_API_VERSION=" + d.APIVersion, "PACK_VOLUME_KEY=test"}, args...)
		return out
	}
	s.must("stack", "create", "slugc-13", "-o", "docker://"+r.host+"/run:1")
	archive, err := filepath.Abs("../../out/lifecycle-linux-amd64.tgz")
	if err != nil {
		t.Fatal(err)
	}
	s.write("app/hello.txt", "world")
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
	pack("builder", "create", "test/builder", "--config", s.path("builder.toml"))
	r.pushLifecycle("lifecycle:1")
	d.Pull(r.host + "/lifecycle:1")
	build := func(image string, args ...string) string {
		t.Helper()
		return pack(append([]string{
			"build", r.host + "/" + image, "--path", s.path("app"), "--builder", "test/builder", "--publish", "--network", "host", "--pull-policy", "never",
			"--lifecycle-image", r.host + "/lifecycle:1",
		}, args...)...)
	}

	build("trusted", "--trust-builder")
	out := build("untrusted", "--trust-builder=false")
	contains(t, out, "[detector] test/hello", "[builder] ", "Making the greeter", "[exporter] Adding layer 'test/hello:greeter'", "[exporter] Adding cache layer 'test/hello:count'")
	if diff := cmp.Diff(r.diffIDs(r.image("trusted")), r.diffIDs(r.image("untrusted"))); diff != "" {
		t.Errorf("diffIDs (-creator +phases):\n%s", diff)
	}

	contains(t, build("untrusted", "--trust-builder=false"), `[restorer] Restoring data for "test/hello:greeter" from cache`, "Reusing the greeter",
		"[exporter] Reusing layer 'test/hello:greeter'", "Reusing layer 'buildpacksio/lifecycle:launcher'", "Reused 1/1 app layer(s)", "Reusing cache layer 'test/hello:greeter'")
	second := r.digest("untrusted")
	if out := build("untrusted", "--trust-builder=false"); strings.Contains(out, "Adding layer") {
		t.Errorf("the third image has new layers:\n%s", out)
	}
	if third := r.digest("untrusted"); third != second {
		t.Errorf("the third image is another: %s, the second is %s", third, second)
	}

	d.Pull(r.host + "/untrusted")
	if got, want := d.Run(dockertest.Container{Image: r.host + "/untrusted", Env: []string{"HOME=/workspace", "PORT=80"}}), "Hello, world, on port 80\n"; got != want {
		t.Errorf("the default process: got %q, want %q", got, want)
	}
}

// pushLifecycle pushes an image of the lifecycle, as platforms have one for phases
// that see credentials.
func (r imageRegistry) pushLifecycle(repository string) {
	r.t.Helper()
	const from = "../../out/lifecycle-linux-amd64/lifecycle"
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	add := func(h *tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err := archive.WriteHeader(h); err != nil {
			r.t.Fatal(err)
		}
		if _, err := archive.Write(content); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, dir := range []string{"cnb", "cnb/lifecycle", "etc", "tmp"} {
		add(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: map[bool]int64{true: 0o1777, false: 0o755}[dir == "tmp"]}, nil)
	}
	// pack starts phases as root, by that name.
	add(&tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644}, []byte("root:x:0:0:root:/root:/sbin/nologin\n"))
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := "cnb/lifecycle/" + entry.Name()
		if entry.Type() == fs.ModeSymlink {
			to, err := os.Readlink(path)
			add(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}, nil)
			return err
		}
		content, err := os.ReadFile(path)
		add(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755}, content)
		return err
	})
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		r.t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		r.t.Fatal(err)
	}
	file := r.config(image).DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	file.Config.Env = []string{"CNB_USER_ID=1000", "CNB_GROUP_ID=1000"}
	file.Config.Labels = map[string]string{
		"io.buildpacks.lifecycle.version": "0.21.0",
		"io.buildpacks.lifecycle.apis": `{"buildpack":{"deprecated":[],"supported":["0.7","0.8","0.9","0.10","0.11","0.12"]},` +
			`"platform":{"deprecated":[],"supported":["0.7","0.8","0.9","0.10","0.11","0.12","0.13","0.14","0.15"]}}`,
	}
	if image, err = mutate.ConfigFile(image, file); err == nil {
		err = remote.Write(r.tag(repository), image, remote.WithContext(r.t.Context()))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}
