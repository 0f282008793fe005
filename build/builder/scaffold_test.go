package builder_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
)

func TestScaffold(t *testing.T) {
	targets := []buildpacks.Target{
		{OS: "linux", Arch: "amd64", Distros: []buildpacks.Distro{{Name: "debian", Version: "13"}, {Name: "ubuntu"}}},
		{OS: "linux", Arch: "arm64", Variant: "v8"},
	}
	for _, api := range []string{"0.7", "0.8", "0.9", "0.10", "0.11", "0.12"} {
		dir := filepath.Join(t.TempDir(), "new")
		must(t, builder.Scaffold{ID: "example/hello", API: api, Targets: targets}.Write(dir))
		b, err := cnb.Open(dir)
		must(t, err)
		d := b.Descriptor()
		if d.ID != "example/hello" || d.API != api {
			t.Error(d)
		}
		if diff := cmp.Diff(targets, d.Targets); diff != "" {
			t.Error(diff)
		}
		layers := t.TempDir()
		for _, script := range [][]string{{"bin/detect"}, {"bin/build", layers}} {
			if out, err := exec.CommandContext(t.Context(), filepath.Join(dir, script[0]), script[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", script, err, out)
			}
		}
		text, err := os.ReadFile(filepath.Join(layers, "launch.toml"))
		must(t, err)
		if array := strings.Contains(string(text), "["+`"greet"`+"]"); array == (api == "0.7" || api == "0.8") {
			t.Errorf("API %s has %s", api, text)
		}
	}
}

func TestScaffoldErrors(t *testing.T) {
	taken := files{"x": "mine"}.write(t, filepath.Join(t.TempDir(), "taken"))
	for name, c := range map[string]struct {
		scaffold builder.Scaffold
		dir      string
		want     string
	}{
		"taken":       {builder.Scaffold{ID: "a/b", API: "0.10"}, taken, "it is there already and not empty"},
		"a file":      {builder.Scaffold{ID: "a/b", API: "0.10"}, filepath.Join(taken, "x"), "it is there already"},
		"wrong id":    {builder.Scaffold{ID: "../\"b", API: "0.10"}, filepath.Join(t.TempDir(), "new"), "expected letters"},
		"reserved id": {builder.Scaffold{ID: "app", API: "0.10"}, filepath.Join(t.TempDir(), "new"), "none of app"},
		"wrong API":   {builder.Scaffold{ID: "a/b", API: "1\"0"}, filepath.Join(t.TempDir(), "new"), "is not supported; these are: 0.7"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.scaffold.Write(c.dir)
			if _, wrong := errors.AsType[*builder.ScaffoldError](err); !wrong || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			left, err := os.ReadDir(filepath.Dir(c.dir))
			must(t, err)
			for _, e := range left {
				if e.Name() != "taken" && e.Name() != "x" {
					t.Errorf("%s is left", e.Name())
				}
			}
		})
	}
}
