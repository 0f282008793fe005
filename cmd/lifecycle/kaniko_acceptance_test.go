//go:build acceptance

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/stack/processtest"
)

// kaniko makes the directory for images that are to be extended, which has one name on
// all machines.
func kaniko(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root makes " + kanikoDir)
	}
	if _, err := os.Stat(kanikoDir); !errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is there, and is not of this test", kanikoDir)
	}
	t.Cleanup(func() { must(t, os.RemoveAll(kanikoDir)) })
	must(t, os.Mkdir(kanikoDir, 0o755))
}

// TestReferenceRestoresImages compares what restorers leave of images that are to be
// extended, or that extensions chose.
func TestReferenceRestoresImages(t *testing.T) {
	kaniko(t)
	b := newBuilder(t)
	image, err := remote.Image(b.tag("run"))
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.Config.Labels = map[string]string{
		"io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "13", "io.buildpacks.base.id": "some.base",
	}
	other, err := mutate.ConfigFile(image, config)
	must(t, err)
	must(t, remote.Write(b.tag("other"), other))
	must(t, remote.Write(b.tag("build"), image))
	must(t, remote.WriteIndex(b.tag("many"), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
	})))
	run := func(lines ...string) string {
		return strings.ReplaceAll("[run-image]\nreference = \"HOST/run@sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n"+strings.Join(lines, "\n")+"\n", "HOST", b.host)
	}
	const target = "[run-image.target]\nos = \"linux\"\narch = \"amd64\""
	for _, c := range []struct {
		name, analyzed string
		args           []string
		extensions     bool
	}{
		{"a build image", run(`image = "HOST/run"`, target), []string{"-build-image", b.host + "/build"}, true},
		{"a build image for several machines", run(`image = "HOST/run"`, target), []string{"-build-image", b.host + "/many"}, true},
		{"a build image that is not there", run(`image = "HOST/run"`, target), []string{"-build-image", b.host + "/none"}, true},
		{"a run image to extend", run(`image = "HOST/other"`, "extend = true", target), nil, true},
		{"one that a daemon would have", run(`image = "HOST/other"`, "extend = true"), nil, true},
		{"a run image of an extension", run(`image = "HOST/other"`), nil, true},
		{"one that is not there", run(`image = "HOST/none"`), nil, true},
		{"one to extend that is not there", run(`image = "HOST/none"`, "extend = true"), nil, true},
		{"what the analyzer knows", run(`image = "HOST/other"`, target), nil, true},
		{"no extensions", run(`image = "HOST/other"`), nil, false},
	} {
		for _, api := range []string{"0.10", "0.12", "0.15"} {
			seen := map[string]map[string]string{}
			both(t, func(program string, by func(*exec.Cmd) *exec.Cmd) {
				b.fresh("layers", "tmp")
				must(t, os.RemoveAll(kanikoDir))
				must(t, os.Mkdir(kanikoDir, 0o755))
				group := "[[group]]\nid = \"test/hello\"\nversion = \"1.0.0\"\napi = \"0.10\"\n"
				if c.extensions {
					group += "[[group-extensions]]\nid = \"test/ext\"\nversion = \"1\"\napi = \"0.9\"\n"
				}
				b.write("layers/analyzed.toml", c.analyzed)
				b.write("layers/group.toml", group)
				must(t, os.Chown(b.at("layers/analyzed.toml"), builderID, builderID))
				code, out := ended(t, by(b.command(api, "restorer", append([]string{"-layers", b.at("layers"), "-analyzed", b.at("layers/analyzed.toml")}, c.args...)...)))
				seen[program] = b.restored()
				seen[program]["code"] = fmt.Sprint(code)
				if code == 0 {
					seen[program]["out"] = out
				}
			})
			if diff := cmp.Diff(seen["reference"], seen["ours"]); diff != "" {
				t.Errorf("%s, %s (-reference +ours):\n%s", c.name, api, diff)
			}
			if version, err := platform.ParseAPI(api); err != nil || c.extensions && version.ExtendRun && seen["ours"]["code"] == "0" && len(seen["ours"]) < 3 {
				t.Errorf("%s, %s: nothing to compare: %v, %v", c.name, api, seen["ours"], err)
			}
		}
	}
}

// restored is what a restorer leaves.
func (b builder) restored() map[string]string {
	b.t.Helper()
	analyzed, err := os.ReadFile(b.at("layers/analyzed.toml"))
	must(b.t, err)
	seen := map[string]string{"analyzed": fmt.Sprint(valuesOf(b.t, "analyzed.toml", string(analyzed)))}
	must(b.t, filepath.WalkDir(kanikoDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		seen[path] = fmt.Sprint(valuesOf(b.t, path+".json", string(text)))
		return err
	}))
	return seen
}

// TestReferenceExtenderMistakes makes mistakes with extenders before they begin.
func TestReferenceExtenderMistakes(t *testing.T) {
	kaniko(t)
	b := newBuilder(t)
	const base = "example.com/run@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	group := func(api string) string {
		return "[[group-extensions]]\nid = \"test/ext\"\nversion = \"1\"\napi = \"" + api + "\"\n"
	}
	for _, c := range []struct {
		name, analyzed, group string
		args                  []string
		code                  int
	}{
		{"a kind that is none", "[build-image]\nreference = \"" + base + "\"\n", group("0.9"), []string{"-kind", "x"}, 3},
		{"no image that builds", "", group("0.9"), []string{"-kind", "build"}, 102},
		{"no run image", "", group("0.9"), []string{"-kind", "run"}, 102},
		{"an image that nobody restored", "[run-image]\nreference = \"" + base + "\"\n", group("0.9"), []string{"-kind", "run"}, 102},
		{"a broken analyzed.toml", "[[[", group("0.9"), nil, 1},
		{"a broken group.toml", "", "[[[", nil, 1},
		{"no group.toml", "", "", nil, 1},
		{"an extension of no API", "", group("0.1"), nil, 12},
		{"an extension of a coming API", "", group("0.99"), nil, 12},
	} {
		codes := map[string]int{}
		both(t, func(program string, by func(*exec.Cmd) *exec.Cmd) {
			b.fresh("layers", "tmp")
			for file, text := range map[string]string{"analyzed": c.analyzed, "group": c.group} {
				if text != "" {
					b.write("layers/"+file+".toml", text)
				}
			}
			var out string
			codes[program], out = ended(t, by(b.command("0.15", "extender", append([]string{"-layers", b.at("layers")}, c.args...)...)))
			if codes[program] != c.code {
				t.Errorf("%s, %s: code %d, expected %d\n%s", c.name, program, codes[program], c.code, out)
			}
		})
	}
}

// TestExtender extends the image that builds, which this machine stands for, and builds
// in it. Nobody looks at all files of the machine, because nothing is to be kept.
func TestExtender(t *testing.T) {
	kaniko(t)
	b := newBuilder(t)
	b.fresh("cache")
	b.phases("0.15", "app", "analyzer", "detector")
	code, out := ended(t, b.command("0.15", "restorer", "-layers", b.at("layers"), "-build-image", b.host+"/run"))
	if code != 0 {
		t.Fatal(out)
	}
	group, err := os.ReadFile(b.at("layers/group.toml"))
	must(t, err)
	b.write("layers/group.toml", string(group)+"\n[[group-extensions]]\nid = \"test/ext\"\nversion = \"1\"\napi = \"0.9\"\n")
	extender := func(kind string, lines ...string) *exec.Cmd {
		t.Helper()
		b.write("layers/generated/test_ext/"+kind+".Dockerfile", "ARG base_image\nFROM ${base_image}\n"+strings.Join(lines, "\n"))
		return b.command("0.15", "extender", "-layers", b.at("layers"), "-app", b.at("app"), "-platform", b.at("platform"), "-buildpacks", b.at("buildpacks"), "-kind", kind, "-kaniko-cache-ttl", "0s")
	}
	extend := func(kind string, lines ...string) (int, string) {
		t.Helper()
		return ended(t, extender(kind, lines...))
	}
	for what, c := range map[string]struct {
		lines []string
		want  string
	}{
		"something that is not supported": {[]string{"RUN echo something was done", "HEALTHCHECK NONE"},
			"ERROR: failed to extend build image: extending build image: applying Dockerfile to image: build.Dockerfile command HEALTHCHECK on line 4 is not supported by this lifecycle\n"},
		"a command that fails": {[]string{"RUN exit 7"},
			"ERROR: failed to extend build image: extending build image: applying Dockerfile to image: build.Dockerfile, line 3: RUN exit 7: exit status 7\n"},
	} {
		if code, out := extend("build", c.lines...); code != 102 || out != c.want {
			t.Errorf("%s: code %d\n%s", what, code, cmp.Diff(c.want, out))
		}
	}

	// What a Dockerfile started ends with an extender that is told to end.
	started := b.at("tmp/started")
	told := extender("build", "RUN sleep 1000 & echo $! >"+started+"; wait")
	var said bytes.Buffer
	told.Stdout, told.Stderr = &said, &said
	must(t, told.Start())
	pid := processtest.Noted(t, started)
	must(t, told.Process.Signal(syscall.SIGTERM))
	err = told.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 102 {
		t.Errorf("it ended with %v\n%s", err, &said)
	}
	processtest.Gone(t, pid)

	b.write("app/for-context", "context")
	code, out = extend("build", "USER root", "RUN echo as $(id -u) in $PWD", "COPY for-context "+b.at("tmp/copied"), "ENV PATH=/from/extension:${PATH:-/usr/bin:/bin}")
	if code != 0 || !strings.Contains(out, "as 0 in /\n") || !strings.Contains(out, "Making the greeter") ||
		!strings.Contains(out, "changed the user ID from  to root") || !strings.Contains(out, "The original user ID was  but the final extension left the user ID set to root.") {
		t.Errorf("code %d\n%s", code, out)
	}
	copied, err := os.ReadFile(b.at("tmp/copied"))
	if err != nil || string(copied) != "context" {
		t.Errorf("what was copied: %q, %v", copied, err)
	}
	metadata, err := os.ReadFile(b.at("layers/config/metadata.toml"))
	if err != nil || !strings.Contains(string(metadata), "[[extensions]]\n  id = \"test/ext\"\n  version = \"1\"\n") {
		t.Errorf("metadata.toml: %v\n%s", err, metadata)
	}
}
