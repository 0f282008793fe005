//go:build acceptance

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/dockertest"
)

// testPackImages has pack do what it does with images that our lifecycle made, and
// build to where others do not.
func testPackImages(t *testing.T, p platform, _ spec.G, it spec.S) {
	both := []way{{builder: ownBuilder}, {builder: ownBuilder, published: true}}

	it("has builders that tell what is in them", func() {
		for name, maker := range map[string]string{ownBuilder: "slugc", packsBuilder: "Pack CLI"} {
			contains(t, p.pack("builder", "inspect", p.r.host+"/"+name), "Notes", "Name: "+maker, "Version: 0.21.0", "ID: slugc-13",
				"├ test/hello", "test/note", p.r.host+"/run:1")
		}
		contains(t, p.s.must("builder", "inspect", p.r.host+"/"+ownBuilder, "--json"), `"version":"0.21.0`, `"id":"slugc/procfile"`)
	})

	it("is inspected", func() {
		for _, w := range both {
			p.build(w, "inspected/app")
			var about struct {
				Local  *inspected `json:"local_info"`
				Remote *inspected `json:"remote_info"`
			}
			text := p.pack("inspect", p.image(w, "inspected/app"), "--output", "json")
			if err := json.Unmarshal([]byte(text), &about); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			got := about.Local
			if w.published {
				got = about.Remote
			}
			want := &inspected{
				Rebasable: true, Run: []named{{p.r.host + "/run:1"}},
				Buildpacks: []buildpackOf{{"test/hello", "1.0.0"}, {"test/layers", "1.0.0"}, {"test/note", "1.0.0"}},
				Processes: []process{
					{Type: "web", Command: "greet", Default: true, WorkDir: "/workspace"},
					{Type: "env", Command: "env", WorkDir: "/workspace"},
					{Type: "note", Command: "cat", Args: []string{"/layers/test_note/note/text"}, WorkDir: "/workspace"},
				},
			}
			want.Base.TopLayer = p.built(w, "inspected/app").layersOf(t)["run image"]
			want.Base.Reference = p.app(p.r.host+"/run:1", false).id
			if w.published {
				want.Base.Reference = p.r.host + "/run@" + p.r.digest("run:1")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, text)
			}
		}
	})

	it("is rebased, and built again", func() {
		for _, w := range both {
			before, next := p.onBase(w, "rebased/app")
			args := []string{"rebase", p.image(w, "rebased/app"), "--run-image", p.r.host + "/base:1", "--pull-policy", "never"}
			if w.published {
				args = append(args, "--publish")
			}
			p.pack(args...)
			if diff := cmp.Diff(rebased(before, next), p.built(w, "rebased/app").RootFS.DiffIDs); diff != "" {
				t.Errorf("layers: %s", diff)
			}
			p.isApp(w, "rebased/app")
			// Its layers are still those of the build before, and it is on another run image again.
			contains(t, p.build(w, "rebased/app"), "Reusing the greeter", "Reusing layer 'test/hello:greeter'", "Reusing layer 'test/layers:l'",
				"Reusing layer 'buildpacksio/lifecycle:config'", "Reused 1/1 app layer(s)")
			if got, want := p.built(w, "rebased/app").layersOf(t)["run image"], p.app("run:1", true).RootFS.DiffIDs; got != want[len(want)-1].String() {
				t.Errorf("the run image after the next build is %s, want %s", got, want)
			}
			p.isApp(w, "rebased/app")
		}
	})

	it("is rebased by the rebaser in the daemon", func() {
		w := way{builder: ownBuilder}
		before, next := p.onBase(w, "rebaser/app")
		contains(t, p.d.Run(dockertest.Container{
			Image: p.r.host + "/lifecycle:1", User: "root", Env: []string{"CNB_PLATFORM_API=0.15"}, Binds: []string{p.socket()},
			Entrypoint: []string{"/cnb/lifecycle/rebaser", "-daemon", "-run-image", p.r.host + "/base:1", "-report", "/tmp/report.toml", p.image(w, "rebaser/app")},
		}), "rebaser/app")
		if diff := cmp.Diff(rebased(before, next), p.built(w, "rebaser/app").RootFS.DiffIDs); diff != "" {
			t.Errorf("layers: %s", diff)
		}
		p.isApp(w, "rebaser/app")
	})

	it("is built into an OCI layout", func() {
		p := p.experiment()
		for _, sparse := range []bool{true, false} {
			dir := p.s.path(fmt.Sprintf("layouts/sparse-%v", sparse))
			args := []string{
				"build", "oci:" + dir, "--path", p.s.path("app"), "--builder", p.r.host + "/" + ownBuilder, "--run-image", "images.localhost/run:1",
				// Without trust pack shows its analyzer no layout.
				"--network", "none", "--pull-policy", "never", "--trust-builder",
			}
			if sparse {
				args = append(args, "--sparse")
			}
			build := func() (string, v1.Image) {
				t.Helper()
				c := p.command(args...)
				// What pack leaves for the lifecycle is for its user's eyes alone.
				c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
				// The name of an image with a port is none for a volume.
				c.Env = append(c.Env, "HTTP_PROXY=http://"+p.r.host)
				return p.finish(c), onlyImage(t, dir)
			}
			out, image := build()
			contains(t, out, "Making the greeter", "Adding layer 'test/hello:greeter'")
			app{p.r.config(image), digestOf(t, image)}.layersOf(t)
			base := len(p.r.diffIDs(p.r.image("run:1")))
			if _, err := os.Stat(filepath.Join(dir, "blobs/sha256", blob(t, image, 0))); os.IsNotExist(err) != sparse {
				t.Errorf("sparse %v: the layer of the run image: %v", sparse, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "blobs/sha256", blob(t, image, base))); err != nil {
				t.Errorf("a layer of the app: %v", err)
			}
			if !sparse {
				if err := validate.Image(image); err != nil {
					t.Error(err)
				}
				p.runsPushed(image, "layouts/app")
			}
			out, _ = build()
			contains(t, out, "Reusing the greeter", `Restoring data for "test/hello:greeter" from cache`, "Reusing layer 'test/hello:greeter'", "Reused 1/1 app layer(s)")
			out, third := build()
			if _, fourth := build(); strings.Contains(out, "Adding layer") || digestOf(t, third) != digestOf(t, fourth) {
				t.Errorf("unchanged it is %s, and then %s\n%s", digestOf(t, third), digestOf(t, fourth), out)
			}
		}
	})

	it("leaves an image with its name when it is stopped while it exports", func() {
		w := way{builder: ownBuilder}
		p.build(w, "stopped/app")
		before := p.built(w, "stopped/app")
		big := make([]byte, 100<<20)
		seed := rand.NewChaCha8([32]byte{1})
		if _, err := seed.Read(big); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p.s.path("app/big"), big, 0o644); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.Remove(p.s.path("app/big")); err != nil {
				t.Error(err)
			}
		}()
		for _, untrusted := range []bool{false, true} {
			w.untrusted = untrusted
			out, err := p.stopped(p.buildArgs(w, "stopped/app"), "Saving "+p.image(w, "stopped/app"))
			if err == nil {
				t.Fatalf("it was not stopped\n%s", out)
			}
			if after := p.built(w, "stopped/app"); after.id != before.id {
				t.Errorf("the image is %s, was %s\n%s", after.id, before.id, out)
			}
			p.isApp(w, "stopped/app")
		}
		contains(t, p.build(w, "stopped/app"), "Reusing layer 'test/hello:greeter'", "Added 1/1 app layer(s)")
		p.isApp(w, "stopped/app")
	})
}

type named struct{ Name string }

type buildpackOf struct{ ID, Version string }

type process struct {
	Type, Shell, Command string
	Default              bool
	Args                 []string
	WorkDir              string `json:"working-dir"`
}

// inspected is what pack tells about an image.
type inspected struct {
	Base struct {
		TopLayer  string `json:"top_layer"`
		Reference string
	} `json:"base_image"`
	Run        []named `json:"run_images"`
	Rebasable  bool
	Buildpacks []buildpackOf
	Processes  []process
}

// onBase builds the app on base:1, which gets one more layer then. It returns the
// image and the layers of the new base.
func (p platform) onBase(w way, image string) (before app, next []v1.Hash) {
	p.t.Helper()
	base := p.r.host + "/base:1"
	p.d.Pull(base)
	p.build(w, image, "--run-image", base)
	before = p.built(w, image)
	p.isApp(w, image)
	layer, err := random.Layer(1000, types.OCILayer)
	if err != nil {
		p.t.Fatal(err)
	}
	longer, err := mutate.AppendLayers(p.r.image("base:1"), layer)
	if err == nil {
		err = remote.Write(p.r.tag("base:1"), longer, remote.WithContext(p.t.Context()))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.d.Pull(base)
	return before, p.r.config(longer).RootFS.DiffIDs
}

// rebased are the layers of an image on another base, which has one more.
func rebased(before app, base []v1.Hash) []v1.Hash {
	return slices.Concat(base, before.RootFS.DiffIDs[len(base)-1:])
}

// socket is that of the daemon, where containers look for one.
func (p platform) socket() string {
	return strings.TrimPrefix(p.d.Host, "unix://") + ":/var/run/docker.sock"
}

// experiment is the platform for any user, with a pack that does what is
// experimental.
func (p platform) experiment() platform {
	p.t.Helper()
	p.home = p.t.TempDir()
	text := fmt.Sprintf("experimental = true\nlayout-repo-dir = %q\n", p.s.path("layout-repo"))
	if err := os.WriteFile(filepath.Join(p.home, "config.toml"), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	socket := strings.TrimPrefix(p.d.Host, "unix://")
	for _, dir := range []string{p.home, p.s.mkdir("layout-repo"), p.s.mkdir("layouts"), filepath.Dir(socket)} {
		open(p.t, dir)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		p.t.Fatal(err)
	}
	return p
}

// onlyImage is the image of a layout that has one.
func onlyImage(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%s has the images %+v (%v)", dir, manifest, err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// blob is the name of a layer's file in a layout.
func blob(t *testing.T, image v1.Image, layer int) string {
	t.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Layers[layer].Digest.Hex
}

// runsPushed runs an image from elsewhere.
func (p platform) runsPushed(image v1.Image, as string) {
	p.t.Helper()
	if err := remote.Write(p.r.tag(as), image, remote.WithContext(p.t.Context())); err != nil {
		p.t.Fatal(err)
	}
	p.isApp(way{published: true}, as)
}

// stopped starts pack and, once it says something, interrupts it.
func (p platform) stopped(args []string, at string) (out string, err error) {
	p.t.Helper()
	c := p.command(args...)
	r, w := io.Pipe()
	c.Stdout, c.Stderr = w, w
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- c.Wait()
		_ = w.Close()
	}()
	var said bytes.Buffer
	for lines := bufio.NewScanner(r); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), at) {
			if err := c.Process.Signal(syscall.SIGINT); err != nil {
				p.t.Error(err)
			}
		}
	}
	return said.String(), <-ended
}
