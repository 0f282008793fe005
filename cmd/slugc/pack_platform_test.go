//go:build acceptance

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/buildpacks/fetch/packtest"
	"github.com/slugc/slugc/stack/dockertest"
)

// platform is the real pack with a Docker daemon, a registry and a home of its own.
// The run image run:1, which builders name, is in both; base:1, which they name too, is
// the same for now, and in the registry alone.
type platform struct {
	t *testing.T
	d *dockertest.Daemon
	r imageRegistry
	s *slugc
	// home is where pack keeps its configuration, and the key that is in the names of
	// its volumes.
	home string
}

// newPlatform is a platform for the apps and buildpacks of a test. It needs root.
func newPlatform(t *testing.T) platform {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon needs root")
	}
	p := platform{t, dockertest.Start(t), newImageRegistry(t), newStackedSlugc(t), t.TempDir()}
	p.s.must("stack", "create", "slugc-13", "-o", "docker://"+p.r.host+"/run:1", "-o", "docker://"+p.r.host+"/base:1")
	p.d.Pull(p.r.host + "/run:1")
	p.s.write("app/hello.txt", "world")
	return p
}

// in is the same platform for a part of the test.
func (p platform) in(t *testing.T) platform {
	s := *p.s
	s.t = t
	p.t, p.r.t, p.s = t, t, &s
	p.d = p.d.For(t)
	return p
}

// command is pack.
func (p platform) command(args ...string) *exec.Cmd {
	p.t.Helper()
	c := exec.CommandContext(p.t.Context(), packtest.Pack(p.t), append(args, "--no-color")...)
	c.Dir = p.s.dir
	c.Env = []string{
		"HOME=" + p.home, "PACK_HOME=" + p.home, "PATH=/usr/bin:/bin", "TMPDIR=" + p.home,
		"DOCKER_HOST=" + p.d.Host, "DOCKER_API_VERSION=" + p.d.APIVersion,
	}
	return c
}

// pack runs pack, which has to succeed, and returns what it prints.
func (p platform) pack(args ...string) string {
	p.t.Helper()
	return p.finish(p.command(args...))
}

func (p platform) finish(c *exec.Cmd) string {
	p.t.Helper()
	out, missed := p.await(c)
	if missed {
		again := exec.CommandContext(p.t.Context(), c.Path, c.Args[1:]...)
		again.Dir, again.Env = c.Dir, c.Env
		p.t.Logf("%s missed the end of its container; it is run once more\n%s", c, out)
		out, missed = p.await(again)
	}
	if missed {
		p.t.Fatalf("%s missed the end of its container twice\n%s", c, out)
	}
	return out
}

// packHangs is after how long a command of pack is looked at. None takes half of
// it on a busy machine.
const packHangs = 6 * time.Minute

// await runs a command of pack, which has to succeed. It has missed the end of a
// container when it waits although none runs any more: pack asks for the end of one
// that it has just started, and a short one may be over by then.
func (p platform) await(c *exec.Cmd) (said string, missed bool) {
	p.t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			p.t.Fatalf("%s: %v\n%s", c, err, &out)
		}
		return out.String(), false
	case <-time.After(packHangs):
	}
	running := p.d.Running()
	// It says where it waits.
	if err := c.Process.Signal(syscall.SIGQUIT); err != nil {
		p.t.Fatal(err)
	}
	<-ended
	if running > 0 {
		p.t.Fatalf("%s takes more than %s\n%s", c, packHangs, &out)
	}
	return out.String(), true
}

// builderTOML is the file from which pack and slugc make a builder with a lifecycle,
// slugc's own when empty, on a build image of the registry. All buildpacks are in one
// group: directories with the name of their id, test/<name>, and ids of builtin ones,
// which are optional.
func (p platform) builderTOML(lifecycle, on string, buildpacks ...string) string {
	p.t.Helper()
	var text, group strings.Builder
	for _, uri := range buildpacks {
		fmt.Fprintf(&text, "[[buildpacks]]\nuri = %q\n", uri)
		if filepath.IsAbs(uri) {
			fmt.Fprintf(&group, "[[order.group]]\nid = \"test/%s\"\nversion = \"1.0.0\"\n", filepath.Base(uri))
		} else {
			fmt.Fprintf(&group, "[[order.group]]\nid = %q\noptional = true\n", uri)
		}
	}
	if lifecycle != "" {
		fmt.Fprintf(&text, "[lifecycle]\nuri = %q\n", lifecycle)
	}
	fmt.Fprintf(&text, "[[order]]\n%s[build]\nimage = \"%s/%s\"\n", &group, p.r.host, on)
	for _, run := range []string{"run:1", "base:1"} {
		fmt.Fprintf(&text, "[[run.images]]\nimage = \"%s/%s\"\n", p.r.host, run)
	}
	return text.String()
}

// ownArchive is the archive with the lifecycle of this build.
func ownArchive(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../out/lifecycle-linux-amd64.tgz")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// app is an image that pack made: its config, and what names it and no other, its
// digest or, without the kind of its sum, its id in the daemon.
type app struct {
	*v1.ConfigFile
	id string
}

// app is an image in the daemon or, if it is published, in the registry.
func (p platform) app(image string, published bool) app {
	p.t.Helper()
	if published {
		pushed := p.r.image(image)
		return app{p.r.config(pushed), digestOf(p.t, pushed)}
	}
	client, err := daemon.Dial(p.t.Context(), daemon.Config{Host: p.d.Host})
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	loaded, id, found, err := client.Image(p.t.Context(), image)
	if err != nil || !found {
		p.t.Fatalf("the image %s in the daemon: found %v (%v)", image, found, err)
	}
	return app{p.r.config(loaded), strings.TrimPrefix(id, "sha256:")}
}
