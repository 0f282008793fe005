package cnb_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
)

// described is a directory with a buildpack.toml of that API and text, with
// scripts or without.
func described(t *testing.T, api, text string, scripts bool) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "buildpack.toml"), "api = \""+api+"\"\n"+text, 0o644)
	if scripts {
		put(t, filepath.Join(dir, "bin/detect"), "#!/bin/sh\n", 0o755)
		put(t, filepath.Join(dir, "bin/build"), "#!/bin/sh\n", 0o755)
	}
	return dir
}

const info = "[buildpack]\nid = \"test/bp\"\nversion = \"1\"\n"

func TestTargets(t *testing.T) {
	linux := []buildpacks.Target{{OS: "linux"}}
	bionic := buildpacks.Target{OS: "linux", Arch: "amd64", Distros: []buildpacks.Distro{{Name: "ubuntu", Version: "18.04"}}}
	for _, tt := range []struct {
		name, api, text string
		want            []buildpacks.Target
	}{
		{"none: linux, for there is bin/build", "0.10", "", linux},
		{
			"all fields", "0.10", "[[targets]]\nos = \"linux\"\narch = \"arm64\"\nvariant = \"v8\"\n[[targets.distros]]\nname = \"ubuntu\"\nversion = \"22.04\"\n[[targets.distros]]\nname = \"debian\"\n[[targets]]\nos = \"linux\"\n",
			[]buildpacks.Target{
				{OS: "linux", Arch: "arm64", Variant: "v8", Distros: []buildpacks.Distro{{Name: "ubuntu", Version: "22.04"}, {Name: "debian"}}},
				{OS: "linux"},
			},
		},
		{"the reference's key of the variant", "0.10", "[[targets]]\narch-variant = \"v7\"\n", []buildpacks.Target{{Variant: "v7"}}},
		{"both keys: the reference's", "0.10", "[[targets]]\nvariant = \"v8\"\narch-variant = \"v7\"\n", []buildpacks.Target{{Variant: "v7"}}},
		{"one distribution as a table", "0.10", "[[targets]]\n[targets.distros]\nname = \"debian\"\n", []buildpacks.Target{{Distros: []buildpacks.Distro{{Name: "debian"}}}}},
		{"distributions inline", "0.10", "[[targets]]\ndistros = [{name = \"debian\", version = \"12\"}]\n", []buildpacks.Target{{Distros: []buildpacks.Distro{{Name: "debian", Version: "12"}}}}},
		{"any stack", "0.8", "[[stacks]]\nid = \"*\"\n", []buildpacks.Target{{}}},
		{"bionic alone", "0.7", "[[stacks]]\nid = \"io.buildpacks.stacks.bionic\"\n", []buildpacks.Target{bionic}},
		{"bionic among others, before 0.10", "0.9", "[[stacks]]\nid = \"io.buildpacks.stacks.bionic\"\n[[stacks]]\nid = \"other\"\n", linux},
		{"bionic among others, from 0.10", "0.10", "[[stacks]]\nid = \"io.buildpacks.stacks.bionic\"\n[[stacks]]\nid = \"*\"\n", []buildpacks.Target{bionic, {}}},
		{"another stack", "0.10", "[[stacks]]\nid = \"heroku-22\"\n", linux},
		{"targets before stacks", "0.10", "[[stacks]]\nid = \"*\"\n[[targets]]\nos = \"windows\"\n", []buildpacks.Target{{OS: "windows"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := cnb.Open(described(t, tt.api, tt.text+info, true))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.Descriptor().Targets); diff != "" {
				t.Errorf("targets (-expected +got):\n%s", diff)
			}
		})
	}
}

func TestExecEnvs(t *testing.T) {
	for _, tt := range []struct {
		name, api, text string
		want            []string
	}{
		{"none", "0.12", "", nil},
		{"as the reference has it", "0.12", "exec-env = [\"production\", \"test\"]\n", []string{"production", "test"}},
		{"as the specification has it", "0.12", "[[buildpack.exec-env]]\nname = \"production\"\n[[buildpack.exec-env]]\nname = \"test\"\n", []string{"production", "test"}},
		{"before 0.12 it means nothing", "0.11", "exec-env = [\"test\"]\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := cnb.Open(described(t, tt.api, info+tt.text, true))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, b.Descriptor().ExecEnvs); diff != "" {
				t.Errorf("execution environments (-expected +got):\n%s", diff)
			}
		})
	}
}

func TestReadComposite(t *testing.T) {
	dir := described(t, "0.12", info+`
[[order]]
[[order.group]]
id = "a"
version = "1.2.3"
[[order.group]]
id = "b"
version = "2"
optional = true
exec-env = ["test", "development"]
[[order]]
[[order.group]]
id = "c"
`, false)
	c, is, err := cnb.ReadComposite(dir)
	if err != nil || !is {
		t.Fatalf("%v, %v", is, err)
	}
	want := buildpacks.Composite{
		Descriptor: buildpacks.Descriptor{ID: "test/bp", Version: "1", Dialect: buildpacks.CNB, API: "0.12"},
		Order: buildpacks.Order{
			{{ID: "a", Version: "1.2.3"}, {ID: "b", Version: "2", Optional: true, ExecEnvs: "development,test"}},
			{{ID: "c"}},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("composite (-expected +got):\n%s", diff)
	}
	if _, err := cnb.Open(dir); err == nil || !strings.Contains(err.Error(), "is an order of other buildpacks") {
		t.Errorf("Open: got %v", err)
	}
	if _, is, err := cnb.ReadComposite(described(t, "0.10", info, true)); is || err != nil {
		t.Errorf("a component: %v, %v", is, err)
	}
}

func TestParseOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "order.toml")
	put(t, file, "[[order]]\ngroup = [{id = \"a\", version = \"1\"}, {id = \"b\", version = \"1\", optional = true}]\n[[order]]\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"x\"\n", 0o644)
	order, extensions, err := cnb.ParseOrder(file)
	want := buildpacks.Order{{{ID: "a", Version: "1"}, {ID: "b", Version: "1", Optional: true}}, nil}
	if diff := cmp.Diff(want, order); diff != "" || err != nil {
		t.Errorf("%v, order (-expected +got):\n%s", err, diff)
	}
	if diff := cmp.Diff(buildpacks.Order{{{ID: "x", Extension: true, Optional: true}}}, extensions); diff != "" {
		t.Errorf("order of extensions (-expected +got):\n%s", diff)
	}
}

func TestParseSystem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "system.toml")
	put(t, file, `[system]
[[system.pre.buildpacks]]
id = "acme/certs"
version = "1.0.0"
[[system.pre.buildpacks]]
uri = "docker://registry.example/x"
optional = true
[system.post]
buildpacks = [{id = "a", uri = "./a", colour = "red"}]
`, 0o644)
	system, err := cnb.ParseSystem(file)
	want := cnb.System{
		Pre:  []cnb.SystemBuildpack{{ID: "acme/certs", Version: "1.0.0"}, {URI: "docker://registry.example/x", Optional: true}},
		Post: []cnb.SystemBuildpack{{ID: "a", URI: "./a"}},
	}
	if diff := cmp.Diff(want, system); diff != "" || err != nil {
		t.Errorf("%v, system buildpacks (-expected +got):\n%s", err, diff)
	}
	for text, problem := range map[string]string{
		"system = 1": "system",
		"[[system.pre.buildpacks]]\nversion = \"1\"\n":               "a system buildpack has no id; expected id and version, or a uri",
		"[[system.post.buildpacks]]\nid = \"../x\"\n":                "a system buildpack: buildpack id \"../x\"",
		"[[system.pre.buildpacks]]\nid = \"x\"\nversion = \"a b\"\n": "the system buildpack x: buildpack version \"a b\"",
	} {
		put(t, file, text, 0o644)
		if _, err := cnb.ParseSystem(file); err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: got %v, expected %q", text, err, problem)
		}
	}
	put(t, file, "", 0o644)
	if system, err := cnb.ParseSystem(file); err != nil || len(system.Pre)+len(system.Post) > 0 {
		t.Errorf("an empty file: %v, %v", system, err)
	}
	if _, err := cnb.ParseSystem(file + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestBadTOML(t *testing.T) {
	for text, problem := range map[string]string{
		info + "exec-env = \"test, x\"\n":                                         "expected a list of names",
		info + "exec-env = [1]\n":                                                 "expected a list of names",
		"targets = 1\n" + info:                                                    "targets",
		"[[targets]]\ndistros = [1]\n" + info:                                     "expected tables with name and version",
		"[[targets]]\n[[targets.distros]]\nname = 1\n" + info:                     "name of a distribution: expected a string",
		"[[targets]]\nos = 1\n" + info:                                            "line 3 ",
		info + "[[order]]\n[[order.group]]\nversion = \"1\"\n":                    "group 1 of the order: buildpack id \"\"",
		info + "[[order]]\n[[order]]\n[[order.group]]\nid = \"../x\"\n":           "group 2 of the order: buildpack id \"../x\"",
		info + "[[order]]\n[[order.group]]\nid = \"x\"\nversion = \"../1\"\n":     "group 1 of the order: x: buildpack version \"../1\"",
		"[buildpack]\nid = \"x\"\nversion = \"a b\"\n":                            "buildpack version \"a b\"",
		"[buildpack]\nid = \"" + strings.Repeat("x", 300) + "\"\nversion = \"1\"": "buildpack id",
		info + "a" + strings.Repeat(".a", 101) + " = 1\n":                         "line 5: nested more than 100 levels deep",
		info + "a = " + strings.Repeat("[", 1<<19) + "\n":                         "line 5: nested more than 100 levels deep",
	} {
		dir := described(t, "0.12", text, true)
		if _, _, err := cnb.ReadComposite(dir); err == nil || !strings.Contains(err.Error(), problem) || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "reading "), dir) {
			t.Errorf("%.200s: got %v, expected %q", text, err, problem)
		}
	}
	file := filepath.Join(t.TempDir(), "order.toml")
	for text, problem := range map[string]string{
		"": "no order; expected [[order]] with [[order.group]]",
		"[[order]]\n[[order.group]]\nid = \"sbom\"\n": "buildpack id \"sbom\"",
		"order = ": "line 1: ",
	} {
		put(t, file, text, 0o644)
		if _, _, err := cnb.ParseOrder(file); err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: got %v, expected %q", text, err, problem)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, _, err := cnb.ParseOrder(file); err == nil {
		t.Error("a file that is not there is an order")
	}
}

// TestReadAPI reads what no buildpack of ours may say.
func TestReadAPI(t *testing.T) {
	for _, api := range []string{"0.99", "new", ""} {
		if got, err := cnb.ReadAPI(described(t, api, info, false)); got != api || err != nil {
			t.Errorf("%q: %q, %v", api, got, err)
		}
	}
	if _, err := cnb.ReadAPI(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a buildpack.toml: %v", err)
	}
}

// TestOpenAny opens a buildpack without scripts, whose bin/detect then breaks.
func TestOpenAny(t *testing.T) {
	b, err := cnb.OpenAny(described(t, "0.10", info, false))
	if err != nil || b.Descriptor().ID != "test/bp" {
		t.Errorf("got %v, %v", b, err)
	}
	if _, err := cnb.OpenAny(described(t, "0.10", info+"[[order]]\n[[order.group]]\nid = \"a\"\nversion = \"1\"\n", false)); err == nil {
		t.Error("an order was opened")
	}
}
