package builder

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks"
)

const smallBuilder = "[build]\nimage = \"oci:base\"\n[[run.images]]\nimage = \"registry.example/run:1\"\n"

func TestParseBuilderConfig(t *testing.T) {
	got, err := parseBuilderConfig([]byte(`
description = "All of it"
[stack]
id = "a.stack"
build-image = "oci:base"
run-image = "registry.example/run:1"
run-image-mirrors = ["registry.example/mirror:1"]
[lifecycle]
version = "1.2.3"
[[buildpacks]]
id = "test/one"
version = "1.0.0"
uri = "one"
[[buildpacks]]
image = "registry.example/two:1"
[[extensions]]
uri = "extension"
[[order]]
group = [{id = "test/one", optional = true}, {id = "test/two", version = "2.0.0"}]
[[order-extensions]]
group = [{id = "test/extension", optional = true}]
[system.pre]
buildpacks = [{id = "test/one"}]
[[build.env]]
name = "A"
value = "b"
[[build.env]]
name = "LIST"
value = "c"
suffix = "append"
delim = ":"
[[targets]]
os = "linux"
arch = "arm64"
variant = "v8"
[[targets.distros]]
name = "debian"
version = "13"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := builderConfig{
		description: "All of it", stackID: "a.stack", buildImage: "oci:base", lifecycle: lifecycleRef{Version: "1.2.3"},
		buildpacks:      []memberRef{{ID: "test/one", Version: "1.0.0", URI: "one"}, {URI: "docker://registry.example/two:1"}},
		extensions:      []memberRef{{URI: "extension"}},
		order:           []groupInfo{{[]memberInfo{{ID: "test/one", Optional: true}, {ID: "test/two", Version: "2.0.0"}}}},
		orderExtensions: []groupInfo{{[]memberInfo{{ID: "test/extension"}}}},
		system:          systemInfo{Pre: systemList{[]memberInfo{{ID: "test/one"}}}},
		runImages:       []runImageInfo{{"registry.example/run:1", []string{"registry.example/mirror:1"}}},
		env:             map[string]string{"A": "b", "LIST.append": "c", "LIST.delim": ":"},
		targets:         []buildpacks.Target{{OS: "linux", Arch: "arm64", Variant: "v8", Distros: []buildpacks.Distro{{Name: "debian", Version: "13"}}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(builderConfig{})); diff != "" {
		t.Error(diff)
	}
}

func TestParseBuilderConfigErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no TOML":                {"[build", "line 1: "},
		"unknown key":            {"[[buildpack]]\nuri = \"x\"\n" + smallBuilder, `unknown key "buildpack"; expected one of build, buildpacks, description, `},
		"unknown key inside":     {smallBuilder + "[[buildpacks]]\nurl = \"x\"\n", `unknown key "url" in buildpacks; expected one of clear-env, `},
		"unknown key far inside": {smallBuilder + "[[order]]\ngroup = [{id = \"a\", optinal = true}]\n", `unknown key "optinal" in order.group; expected one of `},
		"unknown key of a run":   {"[build]\nimage = \"x\"\n[run]\nimage = \"y\"\n", `unknown key "image" in run; expected one of images`},
		"wrong type":             {"order = 1\n" + smallBuilder, "order"},
		"no build image":         {"[[run.images]]\nimage = \"x\"\n", `no build image; write [build] and image = "..."`},
		"two build images":       {smallBuilder + "[stack]\nbuild-image = \"other\"\n", "build.image is oci:base and stack.build-image is other"},
		"no run image":           {"[build]\nimage = \"x\"\n", `no run image; write [[run.images]] and image = "..."`},
		"no stack of run image":  {"[build]\nimage = \"x\"\n[stack]\nrun-image = \"y\"\n", "no run image"},
		"two run images":         {smallBuilder + "[stack]\nrun-image = \"other\"\n", "the first of run.images is registry.example/run:1 and stack.run-image is other"},
		"run image of no name":   {"[build]\nimage = \"x\"\n[[run.images]]\nmirrors = [\"y\"]\n", "run image 1: it has no name"},
		"run image in a layout":  {"[build]\nimage = \"x\"\n[[run.images]]\nimage = \"oci:run\"\n", `run image 1: "oci:run" has a transport`},
		"buildpack of nothing":   {smallBuilder + "[[buildpacks]]\nversion = \"1\"\n", `buildpack 1 names nothing; expected uri = "..."`},
		"buildpack of both":      {smallBuilder + "[[buildpacks]]\nuri = \"x\"\nimage = \"y\"\n", "buildpack 1 has both uri and image"},
		"extension of nothing":   {smallBuilder + "[[extensions]]\n", "extension 1 names nothing"},
		"empty group":            {smallBuilder + "[[order]]\n", "group 1 of order is empty"},
		"group of nobody":        {smallBuilder + "[[order]]\ngroup = [{version = \"1\"}]\n", "group 1 of order: member 1 has no id"},
		"empty extension group":  {smallBuilder + "[[order-extensions]]\n", "group 1 of order-extensions is empty"},
		"system of nobody":       {smallBuilder + "[system.post]\nbuildpacks = [{version = \"1\"}]\n", "a system buildpack has no id"},
		"lifecycle of both":      {smallBuilder + "[lifecycle]\nuri = \"x\"\nversion = \"1.0.0\"\n", "lifecycle has both uri and version"},
		"variable of no name":    {smallBuilder + "[[build.env]]\nvalue = \"x\"\n", "build.env 1 has no name"},
		"variable of a path":     {smallBuilder + "[[build.env]]\nname = \"../x\"\n", `build.env 1: "../x" is no name of a variable`},
		"odd suffix":             {smallBuilder + "[[build.env]]\nname = \"A\"\nsuffix = \"add\"\n", `build.env A: unknown suffix "add"; expected one of default, `},
		"suffix without delim":   {smallBuilder + "[[build.env]]\nname = \"A\"\nvalue = \"b\"\nsuffix = \"prepend\"\n", `build.env A has suffix = "prepend" and no delim`},
		"path as target":         {smallBuilder + "[[targets]]\nos = \"linux\"\narch = \"../..\"\n", `target 1: "../.." cannot be a part of it`},
		"deep":                   {"order = " + strings.Repeat("[", 100_000), "nested more than"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseBuilderConfig([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzParseBuilderConfig(f *testing.F) {
	f.Add([]byte(smallBuilder))
	f.Add([]byte(smallBuilder + "[[order]]\ngroup = [{id = \"a\"}]\n[system.pre]\nbuildpacks = [{id = \"a\"}]\n"))
	f.Add([]byte("[stack]\nid = \"a\"\nbuild-image = \"b\"\nrun-image = \"c\"\n[[build.env]]\nname = \"A\"\nsuffix = \"append\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseBuilderConfig(data)
		if err != nil {
			return
		}
		if c.buildImage == "" || len(c.runImages) == 0 {
			t.Error("a builder of nothing")
		}
		for file := range maps.Keys(c.env) {
			if strings.Contains(file, "/") {
				t.Errorf("the variable %q leads elsewhere", file)
			}
		}
	})
}

func FuzzParseLifecycle(f *testing.F) {
	f.Add([]byte("[lifecycle]\nversion = \"1.2.3\"\n[apis.buildpack]\nsupported = [\"0.10\"]\n[apis.platform]\nsupported = [\"0.15\"]\n"))
	f.Add([]byte("[lifecycle]\nversion = \"1.2.3\"\n[api]\nbuildpack = \"0.2\"\nplatform = \"0.3\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLifecycle(data)
		if err == nil && (l.API.Buildpack == nil || l.API.Platform == nil || len(l.APIs.Buildpack.all()) == 0) {
			t.Errorf("got %+v", l)
		}
	})
}

func TestParseLifecycle(t *testing.T) {
	earlier, later := "0.9", "0.10"
	for name, c := range map[string]struct {
		text, want string
		info       lifecycleInfo
	}{
		"of now": {
			text: "[lifecycle]\nversion = \"1.2.3+x.1\"\n[apis.buildpack]\ndeprecated = []\nsupported = [\"0.10\", \"0.9\"]\n[apis.platform]\nsupported = [\"0.10\"]\n",
			info: lifecycleInfo{"1.2.3+x.1", lifecycleAPI{&earlier, &later}, lifecycleAPIs{apiVersions{[]string{}, []string{"0.10", "0.9"}}, apiVersions{nil, []string{"0.10"}}}},
		},
		"of once": {
			text: "[lifecycle]\nversion = \"0.5.0\"\n[api]\nbuildpack = \"0.9\"\nplatform = \"0.10\"\n",
			info: lifecycleInfo{"0.5.0", lifecycleAPI{&earlier, &later}, lifecycleAPIs{apiVersions{nil, []string{"0.9"}}, apiVersions{nil, []string{"0.10"}}}},
		},
		"no version":  {text: "[api]\nbuildpack = \"0.9\"\nplatform = \"0.9\"\n", want: "no version"},
		"odd version": {text: "[lifecycle]\nversion = \"slugc-1\"\n", want: `version "slugc-1"; expected X.Y.Z`},
		"no API":      {text: "[lifecycle]\nversion = \"1.2.3\"\n", want: "no APIs"},
		"one API":     {text: "[lifecycle]\nversion = \"1.2.3\"\n[apis.platform]\nsupported = [\"0.10\"]\n", want: "no APIs"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseLifecycle([]byte(c.text))
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.info, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
