//go:build bench

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/buildpacks/fetch/packtest"
	"github.com/slugc/slugc/stack/dockertest"
	"github.com/slugc/slugc/stack/referencetest"
)

// TestBenchPack measures the real pack with two builders that differ in their
// lifecycle alone, to a Docker daemon and to a registry, and the creators of both
// lifecycles on the host, to a daemon and to OCI layouts. All of it is on tmpfs.
//
// A row of pack has its time, and the CPU time and memory of the creator in its
// container: the rest is pack and the daemon.
func TestBenchPack(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon and the creators need root")
	}
	b := newBench(t)
	ours, err := filepath.Abs("../../out/lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	reference := referencetest.Build(t)
	source, buildpack := subject{app: expressApp, layers: expressLayers}.prepare(b)
	t.Setenv("TMPDIR", b.dir)
	d := dockertest.Start(t)

	packs := b.newPacks(d, buildpack, reference)
	for _, to := range []struct {
		name string
		args []string
	}{{"the daemon", []string{"--docker-host", "inherit"}}, {"a registry", []string{"--publish"}}} {
		var both []*contestant
		for _, title := range []string{"reference", "lifecycle"} {
			both = append(both, packs.contestant(title, source, to.args...))
		}
		twice(b, source, both)
		compareFigures("pack build to "+to.name, both, targets{unchanged: 0.45, edited: 0.45})
	}

	for _, to := range []struct {
		name        string
		destination destination
		targets
	}{
		{"the daemon", b.toDaemon(d), targets{unchanged: 1, edited: 1}},
		{"an OCI layout", b.toLayout, targets{unchanged: 0.05, edited: 1}},
	} {
		both := []*contestant{newCreator(b, "reference", reference, source, to.destination), newCreator(b, "lifecycle", referencetest.Lifecycle{Dir: ours}, source, to.destination)}
		for _, c := range both {
			c.newRegistry(t)
			d.Pull(c.registry.Listener.Addr().String() + "/run:1")
		}
		twice(b, source, both)
		compareFigures("creator to "+to.name, both, to.targets)
	}
}

// twice measures builds of what was built before. One more comes first, in which a
// build finds for the first time what the one before left.
func twice(b *bench, source string, both []*contestant) {
	b.t.Helper()
	for _, c := range both {
		c.forget()
		for range 2 {
			c.build(c.registry.Listener.Addr().String())
		}
	}
	again(b, source, runs, both)
}

// toDaemon has a creator export to a daemon.
func (b *bench) toDaemon(d *dockertest.Daemon) destination {
	b.t.Helper()
	return func(registry, dir string) (args, env, own []string) {
		launch := filepath.Join(dir, "launch-cache")
		if err := os.MkdirAll(launch, 0o755); err != nil {
			b.t.Fatal(err)
		}
		return []string{"-daemon", "-launch-cache", launch, "-run-image", registry + "/run:1", registry + "/daemon:1"},
			[]string{"DOCKER_HOST=" + d.Host, "DOCKER_API_VERSION=" + d.APIVersion}, nil
	}
}

// toLayout has a creator export to an OCI layout. The name of an image is a directory
// there, which the reference takes for the name of an image again: it has no room for
// a port.
func (b *bench) toLayout(_, dir string) (args, env, own []string) {
	b.t.Helper()
	layouts := filepath.Join(dir, "layouts")
	run := filepath.Join(layouts, "images.localhost", "run", "1")
	if _, err := os.Stat(run); err != nil {
		var image v1.Image
		at, err := layout.Write(run, empty.Index)
		if err == nil {
			image, err = smallRunImage()
		}
		if err == nil {
			err = at.AppendImage(image)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return []string{"-layout", "-layout-dir", layouts, "-run-image", "images.localhost/run:1", "images.localhost/app:1"},
		[]string{"CNB_EXPERIMENTAL_MODE=quiet"}, []string{"layouts"}
}

// packs are a registry with a builder for each lifecycle, which are in a daemon.
type packs struct {
	*bench
	daemon   *dockertest.Daemon
	registry *contestant
}

// newPacks makes the builders, of the same files but for the lifecycle.
func (b *bench) newPacks(d *dockertest.Daemon, buildpack string, reference referencetest.Lifecycle) packs {
	b.t.Helper()
	p := packs{b, d, &contestant{blobs: filepath.Join(b.dir, "registry-of-pack")}}
	p.registry.newRegistry(b.t)
	host := p.host()
	b.slugc("stack", "create", "slugc-13", "-o", "docker://"+host+"/run:1")
	d.Pull(host + "/run:1")
	p.pushBuildImage()
	reference.Archive(b.t, filepath.Join(b.dir, "reference.tgz"), reference.Launcher())
	for title, lifecycle := range map[string]string{"reference": "[lifecycle]\nuri = \"reference.tgz\"\n", "lifecycle": ""} {
		file := filepath.Join(b.dir, title+".toml")
		text := lifecycle + fmt.Sprintf("[[buildpacks]]\nuri = %q\n[[order]]\n[[order.group]]\nid = \"slugc-examples/unpack\"\nversion = \"1.0.0\"\n"+
			"[build]\nimage = \"%s/build:1\"\n[[run.images]]\nimage = \"%[2]s/run:1\"\n", buildpack, host)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			b.t.Fatal(err)
		}
		b.slugc("builder", "create", host+"/"+title, "-c", file)
		d.Pull(host + "/" + title)
	}
	return p
}

// pushBuildImage pushes the run image with a variable: the reference asks no daemon
// which API it speaks.
func (p packs) pushBuildImage() {
	p.t.Helper()
	var refs [2]name.Reference
	for i, image := range []string{"run:1", "build:1"} {
		ref, err := name.ParseReference(p.host() + "/" + image)
		if err != nil {
			p.t.Fatal(err)
		}
		refs[i] = ref
	}
	image, err := remote.Image(refs[0], remote.WithContext(p.t.Context()))
	if err != nil {
		p.t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err == nil {
		file = file.DeepCopy()
		file.Config.Env = append(file.Config.Env, "DOCKER_API_VERSION="+p.daemon.APIVersion)
		image, err = mutate.ConfigFile(image, file)
	}
	if err == nil {
		err = remote.Write(refs[1], image, remote.WithContext(p.t.Context()))
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p packs) host() string { return p.registry.registry.Listener.Addr().String() }

// contestant is pack with the builder of a lifecycle.
func (p packs) contestant(title, source string, args ...string) *contestant {
	c := *p.registry
	c.name, c.forget = title, func() {}
	kind := strings.TrimLeft(args[0], "-")
	c.build = func(registry string) figure {
		p.t.Helper()
		cmd := exec.CommandContext(p.t.Context(), packtest.Pack(p.t), append([]string{
			"build", registry + "/" + kind + "/" + title, "--path", source, "--builder", registry + "/" + title, "--trust-builder",
			"--network", "host", "--pull-policy", "never", "--no-color",
		}, args...)...)
		cmd.Env = []string{
			"HOME=" + p.dir, "PACK_HOME=" + filepath.Join(p.dir, "pack"), "PATH=/usr/bin:/bin", "TMPDIR=" + p.dir,
			"DOCKER_HOST=" + p.daemon.Host, "DOCKER_API_VERSION=" + p.daemon.APIVersion, "PACK_VOLUME_KEY=bench",
		}
		stop, seen := make(chan struct{}), make(chan figure)
		go watchCreator(stop, seen)
		f := p.withoutBuildpack(cmd)
		close(stop)
		creator := <-seen
		f.cpu, f.memory = creator.cpu, creator.memory
		return f
	}
	return &c
}

// watchCreator looks for a process that is a creator, wherever it runs, and returns its
// CPU time, with that of its children, and its peak of memory.
func watchCreator(stop <-chan struct{}, seen chan<- figure) {
	var f figure
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	pid := ""
	for {
		select {
		case <-stop:
			seen <- f
			return
		case <-tick.C:
		}
		if pid == "" {
			pid = processNamed("creator")
		}
		if pid == "" {
			continue
		}
		now, err := usedBy(pid)
		if err != nil {
			continue
		}
		f.cpu, f.memory = max(f.cpu, now.cpu), max(f.memory, now.memory)
	}
}

// processNamed is the id of a process of that name.
func processNamed(name string) string {
	all, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, file := range all {
		if text, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(text)) == name {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}

// usedBy is what a process and its children that ended used so far (proc(5)).
func usedBy(pid string) (figure, error) {
	const ticks = 100 // a second, on all of Linux
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	status, statusErr := os.ReadFile("/proc/" + pid + "/status")
	if err := errors.Join(err, statusErr); err != nil {
		return figure{}, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	var f figure
	for i, field := range strings.Fields(rest) {
		// utime, stime, cutime and cstime.
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i >= 11 && i <= 14 {
			f.cpu += time.Duration(n) * time.Second / ticks
		}
	}
	f.memory = highWater(string(status))
	return f, nil
}
