//go:build acceptance

package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/dockertest"
	"github.com/slugc/slugc/stack/referencetest"
)

// TestBridge takes the package of a classic buildpack where slugc has no say: the
// real pack makes a builder of it, the reference lifecycle of that builder builds
// an app, and the reference launcher starts the processes of the image.
func TestBridge(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("the reference needs root")
	}
	spec.Run(t, "The package of a classic buildpack", testBridge, spec.Sequential())
}

func testBridge(t *testing.T, _ spec.G, it spec.S) {
	var s *slugc
	it.Before(func() {
		s = newSlugc(t)
		s.program("classic/bin/detect", `[ -f "$1/app.txt" ] && echo Greeting || { echo "no app.txt here" >&2; exit 1; }`)
		s.program("classic/bin/compile", `set -eu
			earlier-tool
			[ -z "${SECRET-}" ] && [ "$(cat "$3/SECRET")" = hidden ] && [ "$HOME" != "$1" ] && [ "$STACK" = "$(cat "$1/app.txt")" ]
			echo "builds before this one: $(cat "$2/count" 2>/dev/null || echo 0)"
			echo $(($(cat "$2/count" 2>/dev/null || echo 0) + 1)) >"$2/count"
			here=$(cd "$(dirname "$0")/.." && pwd)
			mkdir -p "$1/.profile.d" "$here/tools"
			printf '%s\n' 'export GREETING="hello from $(basename "$HOME"), \"$MODE\"
			and on"' >"$1/.profile.d/greeting.sh"
			printf '#!/bin/sh\necho the tool of the classic buildpack\n' >"$here/tools/classic-tool"
			chmod 755 "$here/tools/classic-tool"
			echo "export PATH=\"$here/tools:\$PATH\"" >"$here/export"`)
		s.program("classic/bin/release", `printf 'default_process_types:\n  web: echo "$GREETING"\nconfig_vars:\n  MODE: production\n'`)
		s.must("buildpack", "package", "--classic", "classic", "-o", "classic.cnb", "--id", "test/classic", "--version", "1.0.0")
		s.buildpack("earlier", `mkdir -p tools/bin; printf '#!/bin/sh\necho the tool of an earlier buildpack\n' >tools/bin/earlier-tool
			chmod 755 tools/bin/earlier-tool; printf '[types]\nbuild = true\n' >tools.toml`)
		s.buildpack("later", `classic-tool
			printf '[[processes]]\ntype = "other"\ncommand = ["printenv", "GREETING"]\n' >launch.toml`)
	})

	it("is inspected by pack", func() {
		for _, arch := range []string{"amd64", "arm64"} {
			_, out := runPack(t, "", "buildpack", "inspect", filepath.Join(s.dir, "classic-linux-"+arch+".cnb"))
			if !strings.Contains(out, "test/classic@1.0.0") {
				t.Errorf("got\n%s", out)
			}
		}
	})

	it("has a program for each machine", func() {
		for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
			dir := s.path("of-" + arch)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, blob := range s.unpackLayout("classic-linux-"+arch+".cnb", "layout-"+arch) {
				// The blobs that are no layers are no archives.
				if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", blob, "-C", dir).CombinedOutput(); err != nil && !strings.Contains(string(out), "not in gzip format") {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			program, err := elf.Open(filepath.Join(dir, "cnb/buildpacks/test_classic/1.0.0/bin/build"))
			if err != nil {
				t.Fatal(err)
			}
			if program.Machine != machine {
				t.Errorf("%s: the program is for %s", arch, program.Machine)
			}
			if err := program.Close(); err != nil {
				t.Error(err)
			}
		}
	})

	it("builds in a builder of pack", func() {
		r := newImageRegistry(t)
		r.pushRunImage()
		b := newPackBuilder(r, s)

		contains(t, b.create(), "the tool of an earlier buildpack", "the tool of the classic buildpack", "builds before this one: 0")
		first := r.diffIDs(r.image("app:1"))
		contains(t, b.create(), "builds before this one: 1")
		if diff := cmp.Diff(first, r.diffIDs(r.image("app:1"))); diff != "" {
			t.Errorf("the second image has other layers:\n%s", diff)
		}

		greets(t, "app", b.launch)
	})

	it("builds in a container of pack, and what it builds runs in one", func() {
		d, r := dockertest.Start(t), newImageRegistry(t)
		// The scripts compile nothing, so the small variant is enough to build on.
		s.must("stack", "create", "slugc-13", "-o", "docker://"+r.host+"/run:1")
		// The reference lifecycle asks no daemon which API it speaks.
		r.pushWithEnv("run:1", "build:1", "DOCKER_API_VERSION="+d.APIVersion)
		s.builderConfig(r.host+"/build:1", r.host+"/run:1")
		pack := func(args ...string) string {
			// The key is in the names of the caches. Pack keeps one in its home, which is
			// new each time.
			_, out := runPackWith(t, []string{"DOCKER_HOST=" + d.Host, "DOCKER_API_VERSION=" + d.APIVersion, "PACK_VOLUME_KEY=test"}, args...)
			return out
		}
		pack("builder", "create", "test/builder", "--config", s.path("builder.toml"))

		s.write("app/app.txt", "slugc-13")
		build := []string{
			"build", "test/app", "--path", s.path("app"), "--builder", "test/builder", "--trust-builder", "--env", "SECRET=hidden",
			"--docker-host", "inherit", "--network", "none", "--pull-policy", "never",
		}
		contains(t, pack(build...), "the tool of an earlier buildpack", "the tool of the classic buildpack", "builds before this one: 0",
			"Adding layer 'test/classic:profile'")
		first := d.Layers("test/app")
		contains(t, pack(build...), "builds before this one: 1", "Reusing layer 'test/classic:profile'")
		if diff := cmp.Diff(first, d.Layers("test/app")); diff != "" {
			t.Errorf("the second image has other layers:\n%s", diff)
		}

		greets(t, "workspace", func(process string, environ ...string) string {
			return d.Run(dockertest.Container{Image: "test/app", Entrypoint: []string{process}, Env: environ})
		})
		if got, want := d.Run(dockertest.Container{Image: "test/app"}), greetingIn("workspace", "production"); got != want {
			t.Errorf("the default process: got %q, want %q", got, want)
		}
	})
}

// contains tells what is not in a text.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// greetingIn is what the .profile.d script of the classic buildpack exports, in an
// app directory of that name.
func greetingIn(home, mode string) string {
	return fmt.Sprintf("hello from %s, %q\n\t\t\tand on\n", home, mode)
}

// greets starts processes of the classic buildpack and of another, which all
// have the greeting.
func greets(t *testing.T, home string, start func(process string, environ ...string) string) {
	t.Helper()
	for _, process := range []string{"web", "other"} {
		if got, want := start(process), greetingIn(home, "production"); got != want {
			t.Errorf("%s: got %q, want %q", process, got, want)
		}
	}
	if got, want := start("web", "MODE=own"), greetingIn(home, "own"); got != want {
		t.Errorf("with MODE: got %q, want %q", got, want)
	}
}

// pushWithEnv pushes an image again under another name, with one more variable.
func (r imageRegistry) pushWithEnv(from, to, variable string) {
	r.t.Helper()
	image := r.image(from)
	config := r.config(image).Config.DeepCopy()
	config.Env = append(config.Env, variable)
	image, err := mutate.Config(image, *config)
	if err == nil {
		err = remote.Write(r.tag(to), image, remote.WithContext(r.t.Context()))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// path is where a file of the test is.
func (s *slugc) path(name string) string { return filepath.Join(s.dir, name) }

// program writes a script of bash.
func (s *slugc) program(file, script string) {
	s.t.Helper()
	s.write(file, "#!/bin/bash\n"+script+"\n")
	if err := os.Chmod(s.path(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// buildpack writes a Cloud Native Buildpack whose bin/build is a script in the
// directory of the layers.
func (s *slugc) buildpack(name, script string) {
	s.t.Helper()
	s.write(name+"/buildpack.toml", fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = \"test/%s\"\nversion = \"1.0.0\"\n[[targets]]\nos = \"linux\"\n", name))
	s.program(name+"/bin/detect", "")
	s.program(name+"/bin/build", "set -eu\ncd \"$1\"\n"+script)
}

// unpackLayout unpacks an OCI archive and returns the files of its blobs.
func (s *slugc) unpackLayout(archive, dir string) []string {
	s.t.Helper()
	s.tool("mkdir", "-p", dir)
	s.tool("tar", "-xf", archive, "-C", dir)
	blobs, err := filepath.Glob(s.path(dir + "/blobs/sha256/*"))
	if err != nil || len(blobs) == 0 {
		s.t.Fatalf("no blobs in %s: %v", archive, err)
	}
	return blobs
}

// tool runs another program in the directory of the test.
func (s *slugc) tool(args ...string) {
	s.t.Helper()
	c := exec.CommandContext(s.t.Context(), args[0], args[1:]...)
	c.Dir = s.dir
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", c, err, out)
	}
}

// packBuilder is a builder image that pack made, unpacked.
type packBuilder struct {
	r imageRegistry
	s *slugc
	// root is its root directory.
	root string
}

// builderConfig writes builder.toml of a builder with the reference lifecycle, in
// which a group of three builds: test/earlier, test/classic and test/later.
func (s *slugc) builderConfig(build, run string) {
	s.t.Helper()
	s.lifecycle("lifecycle.tgz", referencetest.Build(s.t).Launcher())
	var config strings.Builder
	for _, uri := range []string{"earlier", "classic-linux-amd64.cnb", "later"} {
		fmt.Fprintf(&config, "[[buildpacks]]\nuri = %q\n", s.path(uri))
	}
	config.WriteString("[[order]]\n")
	for _, id := range []string{"earlier", "classic", "later"} {
		fmt.Fprintf(&config, "[[order.group]]\nid = \"test/%s\"\nversion = \"1.0.0\"\n", id)
	}
	fmt.Fprintf(&config, "[lifecycle]\nuri = %q\n[build]\nimage = %q\n[[run.images]]\nimage = %q\n", s.path("lifecycle.tgz"), build, run)
	s.write("builder.toml", config.String())
}

// newPackBuilder has pack make that builder on the run image.
func newPackBuilder(r imageRegistry, s *slugc) packBuilder {
	s.t.Helper()
	s.builderConfig(r.host+"/run:1", r.host+"/run:1")
	runPack(s.t, emptyDocker(s.t), "builder", "create", r.host+"/builder:1", "--config", s.path("builder.toml"), "--publish")
	return packBuilder{r, s, s.unpackImage(r, "builder:1", "builder")}
}

// lifecycle packs the reference lifecycle as pack wants it, with a launcher.
func (s *slugc) lifecycle(file, launcher string) {
	s.t.Helper()
	referencetest.Build(s.t).Archive(s.t, s.path(file), launcher)
}

// unpackImage unpacks an image and returns the directory.
func (s *slugc) unpackImage(r imageRegistry, repository, name string) string {
	s.t.Helper()
	dir := s.path(name)
	s.tool("rm", "-rf", dir)
	s.tool("mkdir", "-p", dir)
	content := mutate.Extract(r.image(repository))
	c := exec.CommandContext(s.t.Context(), "tar", "-xf", "-", "-C", dir)
	c.Stdin = content
	out, err := c.CombinedOutput()
	// A layer of the run image is noise, which is one file.
	if err := errors.Join(err, content.Close()); err != nil {
		s.t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return dir
}

// create builds an app as pack does with a builder that is trusted: the source,
// the layers and the user are new each time, and the cache is not.
func (b packBuilder) create() string {
	b.s.t.Helper()
	at := func(name string) string { return b.s.path("work/" + name) }
	for _, name := range []string{"app", "layers", "tmp", "platform"} {
		b.s.tool("rm", "-rf", at(name))
		b.s.tool("mkdir", "-p", at(name), at("cache"))
	}
	b.s.write("work/app/app.txt", "debian-13")
	b.s.write("work/platform/env/SECRET", "hidden")
	b.s.tool("chown", "-R", "1000:1000", at("app"), at("layers"), at("tmp"))
	for dir := b.s.dir; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			b.s.t.Fatal(err)
		}
	}
	c := exec.CommandContext(b.s.t.Context(), filepath.Join(b.root, "cnb/lifecycle/creator"),
		"-app", at("app"), "-layers", at("layers"), "-platform", at("platform"), "-cache-dir", at("cache"),
		"-buildpacks", filepath.Join(b.root, "cnb/buildpacks"), "-order", filepath.Join(b.root, "cnb/order.toml"),
		"-launcher", filepath.Join(b.root, "cnb/lifecycle/launcher"), "-launcher-sbom", b.s.dir, "-report", at("layers/report.toml"),
		"-uid", "1000", "-gid", "1000", "-no-color", "-run-image", b.r.host+"/run:1", "-insecure-registry", b.r.host, b.r.host+"/app:1")
	c.Dir = b.s.dir
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + at("tmp"), "TMPDIR=" + at("tmp"), "CNB_PLATFORM_API=0.15"}
	out, err := c.CombinedOutput()
	if err != nil {
		b.s.t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return string(out)
}

// launch starts a process type of the image, and returns what it prints.
func (b packBuilder) launch(process string, environ ...string) string {
	b.s.t.Helper()
	root := b.s.unpackImage(b.r, "app:1", "image")
	in := func(name string) string { return filepath.Join(root, b.s.path("work/"+name)) }
	c := exec.CommandContext(b.s.t.Context(), filepath.Join(root, "cnb/lifecycle/launcher"))
	c.Args[0] = process
	c.Dir = in("app")
	c.Env = append([]string{
		"PATH=/usr/bin:/bin", "CNB_PLATFORM_API=0.15", "CNB_LAYERS_DIR=" + in("layers"), "CNB_APP_DIR=" + in("app"),
	}, environ...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := c.CombinedOutput()
	if err != nil {
		b.s.t.Fatalf("%s: %v\n%s", process, err, out)
	}
	return string(out)
}
