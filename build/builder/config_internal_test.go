package builder

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
)

func TestParseConfig(t *testing.T) {
	got, err := parseConfig([]byte(`
[buildpack]
uri = "."
[[dependencies]]
uri = "../one"
[[dependencies]]
image = "registry.example/two:1"
[platform]
os = "linux"
[[targets]]
os = "linux"
arch = "arm64"
variant = "v8"
[[targets.distros]]
name = "debian"
version = "13"
[[targets]]
os = "linux"
arch = "arm"
arch-variant = "v6"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		buildpack: ".", dependencies: []string{"../one", "docker://registry.example/two:1"},
		targets: []buildpacks.Target{{OS: "linux", Arch: "arm64", Variant: "v8"}, {OS: "linux", Arch: "arm", Variant: "v6"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(config{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseConfigErrors(t *testing.T) {
	const buildpack = "[buildpack]\nuri = \".\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", `no buildpack; write [buildpack] and uri = "." for the directory of the file`},
		"no TOML":           {"[buildpack", "line 1: "},
		"wrong type":        {buildpack + "dependencies = 1\n", "dependencies"},
		"misspelled":        {buildpack + "[[dependecies]]\nuri = \"x\"\n", `unknown key "dependecies"; expected one of buildpack, dependencies, `},
		"misspelled inside": {buildpack + "[[dependencies]]\nurl = \"x\"\n", `unknown key "url" in dependencies; expected uri or image`},
		"both":              {buildpack + "[[dependencies]]\nuri = \"x\"\nimage = \"y\"\n", "dependency 1 has both uri and image"},
		"neither":           {buildpack + "[[dependencies]]\n", `dependency 1 names nothing`},
		"extension":         {"[extension]\nuri = \".\"\n", "image extension"},
		"windows":           {buildpack + "[platform]\nos = \"windows\"\n", `platform.os is "windows"; slugc builds for linux only`},
		"path as target":    {buildpack + "[[targets]]\nos = \"linux\"\narch = \"../..\"\n", `target 1: "../.." cannot be a part of it`},
		"deep":              {buildpack + "x = " + strings.Repeat("[", 100_000), "nested more than"},
		"long key":          {buildpack + strings.Repeat("a.", 100_000) + "a = 1", "nested more than"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseConfig([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("[buildpack]\nuri = \".\"\n[[dependencies]]\nuri = \"x\"\n"))
	f.Add([]byte("[buildpack]\nuri = \".\"\n[[targets]]\nos = \"linux\"\narch = \"arm\"\nvariant = \"v7\"\n"))
	f.Add([]byte("[[dependencies]]\nimage = 1\n"))
	f.Add([]byte("targets = [{os = \"a\"}, {distros = {}}]\nbuildpack.uri = '.'"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig(data)
		if err != nil {
			return
		}
		if c.buildpack == "" {
			t.Error("a package of nothing")
		}
		for _, target := range c.targets {
			if err := checkTarget(target); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParseModule(f *testing.F) {
	f.Add([]byte("[buildpack]\nclear-env = true\nkeywords = [\"a\"]\n[[buildpack.licenses]]\ntype = \"MIT\"\n[[stacks]]\nid = \"*\"\n[[targets]]\nos = \"linux\"\n"))
	f.Add([]byte("targets = []\nstacks = 1"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		var m module
		if m.parse(data) == nil {
			_ = m.check()
		}
	})
}
