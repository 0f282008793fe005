//go:build acceptance

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle/platform"
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
