package project_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/project"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want project.Descriptor
	}{
		"nothing": {"", project.Descriptor{Schema: "0.1"}},
		"schema 0.1": {`
[project]
name = "shop"
version = "1.2"
source-url = "https://example.com/shop"
[[project.licenses]]
type = "MIT"
[build]
builder = "example/builder"
exclude = ["*.md"]
[[build.buildpacks]]
id = "test/one"
version = "1.0.0"
[[build.buildpacks]]
uri = "./two"
[[build.env]]
name = "A"
value = "1"
[metadata]
anything = true
[own]
table = 1
`, project.Descriptor{
			Schema: "0.1", Name: "shop", Version: "1.2", SourceURL: "https://example.com/shop", Licenses: []project.License{{Type: "MIT"}},
			Builder: "example/builder", Exclude: []string{"*.md"},
			Group:    []project.Buildpack{{ID: "test/one", Version: "1.0.0"}, {URI: "./two"}},
			BuildEnv: []project.Variable{{Name: "A", Value: "1"}},
		}},
		"schema 0.2": {`
[_]
schema-version = "0.2"
name = "shop"
[_.metadata]
mine = 1
[io.buildpacks]
builder = "example/builder"
include = ["src/"]
[[io.buildpacks.group]]
id = "test/one"
exec-env = ["test"]
[[io.buildpacks.group]]
  [io.buildpacks.group.script]
  api = "0.10"
  inline = "echo hi"
[[io.buildpacks.pre.group]]
uri = "docker://example.com/before"
[[io.buildpacks.post.group]]
id = "test/after"
[io.buildpacks.post.group.script]
api = "0.9"
shell = "/bin/bash"
inline = "true"
[[io.buildpacks.env.build]]
name = "OLD"
value = "spelling"
[io.buildpacks.unknown]
x = 1
`, project.Descriptor{
			Schema: "0.2", Name: "shop", Builder: "example/builder", Include: []string{"src/"},
			Group: []project.Buildpack{
				{ID: "test/one"},
				{ID: "project/group-2", Version: "0.0.0", Script: &project.Script{API: "0.10", Inline: "echo hi"}},
			},
			Pre:      []project.Buildpack{{URI: "docker://example.com/before"}},
			Post:     []project.Buildpack{{ID: "test/after", Version: "0.0.0", Script: &project.Script{API: "0.9", Inline: "true", Shell: "/bin/bash"}}},
			BuildEnv: []project.Variable{{Name: "OLD", Value: "spelling"}},
			Warnings: []string{
				`exec-env is not in schema 0.2 and is ignored; it is in schema-version "0.3"`,
				"io.buildpacks.unknown is not in schema 0.2 and is ignored",
				"io.buildpacks.unknown.x is not in schema 0.2 and is ignored",
			},
		}},
		"schema 0.3": {`
_ = {schema-version = "0.3"}
[[io.buildpacks.group]]
id = "test/one"
exec-env = ["test"]
[[io.buildpacks.build.env]]
name = "A"
value = "1"
[[io.buildpacks.build.env]]
name = "A"
value = "2"
exec-env = ["test"]
`, project.Descriptor{
			Schema:   "0.3",
			Group:    []project.Buildpack{{ID: "test/one", ExecEnvs: []string{"test"}}},
			BuildEnv: []project.Variable{{Name: "A", Value: "1"}, {Name: "A", Value: "2", ExecEnvs: []string{"test"}}},
		}},
		"a schema that was forgotten": {"[io.buildpacks]\ninclude = [\"a\"]\n", project.Descriptor{Schema: "0.1", Warnings: []string{
			`io.buildpacks is not in schema 0.1 and is ignored; write [_] schema-version = "0.2" at the top`,
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := project.Parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseMistakes(t *testing.T) {
	const later = "[_]\nschema-version = \"0.2\"\n"
	for text, want := range map[string]string{
		"[_":                                         "line 1: ",
		"[_]\nschema-version = \"0.9\"\n":            `schema-version "0.9" is not known; these are: 0.1, 0.2, 0.3`,
		"[_]\nschema-version = 1\n":                  "line 2",
		later + "[io]\nbuildpacks = 3\n":             "line 4",
		"[build]\ninclude = []\nexclude = [\"a\"]\n": "line 3: include and exclude are both there",
		later + "[io.buildpacks]\ninclude = [\"a\"]\nexclude = [\"b\"]\n":                                            "line 5: include and exclude",
		later + "[[io.buildpacks.group]]\nid = \"a\"\n[[io.buildpacks.group]]\n":                                     "line 5: a buildpack of io.buildpacks.group has no id",
		later + "[io.buildpacks]\ngroup = [{version = \"1\"}]\n":                                                     "a buildpack of io.buildpacks.group has no id",
		later + "[[ io . \"buildpacks\" . group ]]\nuri = \"x\"\nversion = \"1\"\n":                                  "line 3: the buildpack x has uri and version",
		later + "[[io.buildpacks.pre.group]]\nid = \"a\"\nscript = {inline = \"x\"}\n":                               "line 3: the script of a buildpack of io.buildpacks.pre.group has no api",
		later + "[[io.buildpacks.group]]\nid = \"a\"\nscript = {api = \"0.10\"}\n":                                   "line 3: the script of a buildpack of io.buildpacks.group has no text",
		later + "[[io.buildpacks.group]]\nuri = \"a\"\nscript = {api = \"0.10\", inline = \"x\"}\n":                  "uri and script",
		later + "[[io.buildpacks.group]]\nscript = {api = \"0.10\", inline = \"x\", shell = \"/bin/sh\\nevil\"}\n":   "expected the path of a program",
		later + "[[io.buildpacks.build.env]]\nname = \"A\"\nvalue = \"1\"\n[[io.buildpacks.build.env]]\nvalue=\"1\"": `line 6: "" is no name of a variable`,
		later + "[[io.buildpacks.build.env]]\nname = \"../A\"\n":                                                     `"../A" is no name`,
		"[[project.licenses]]\n": "line 1: a license has neither",
	} {
		if _, err := project.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\ngot      %v\nexpected %s", text, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, project.FileName)
	if _, err := project.Read(file); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"[project]\nname = \"shop\"": "",
		"x = ":                       "reading " + file + ": line 1",
		strings.Repeat("#\n", 1<<20): "larger than",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := project.Read(file)
		if want == "" && (err != nil || d.Name != "shop") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %+v, %v, expected %q", d, err, want)
		}
	}
	if _, err := project.Read(dir); err == nil || !strings.Contains(err.Error(), "is no file") {
		t.Error(err)
	}
}

func TestEnvironments(t *testing.T) {
	d := project.Descriptor{BuildEnv: []project.Variable{
		{Name: "A", Value: "all"}, {Name: "A", Value: "test", ExecEnvs: []string{"test"}}, {Name: "B", Value: "any", ExecEnvs: []string{"*"}},
	}}
	for env, want := range map[string]map[string]string{
		"production": {"A": "all", "B": "any"},
		"test":       {"A": "test", "B": "any"},
	} {
		if diff := cmp.Diff(want, d.Env(env)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", env, diff)
		}
	}
	if b := (project.Buildpack{ExecEnvs: []string{"test"}}); b.For("production") || !b.For("test") {
		t.Error("a buildpack for tests is for", b.ExecEnvs)
	}
}

func TestInlineBuildpack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	b := project.Buildpack{ID: "me/script", Version: "0.0.0", Script: &project.Script{API: "0.10", Inline: "echo 'hello'"}}
	if err := b.InlineBuildpack(dir); err != nil {
		t.Fatal(err)
	}
	opened, err := cnb.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := opened.Descriptor(); d.String() != "me/script@0.0.0" || d.API != "0.10" {
		t.Errorf("it is %s of API %s", d, d.API)
	}
	for name, want := range map[string]string{"bin/detect": "#!/bin/sh\n\nexit 0\n", "bin/build": "#!/bin/sh\n\necho 'hello'\n"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	b.Script.Shell = "/usr/bin/env python3"
	if err := b.InlineBuildpack(dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "bin/build")); err != nil || !strings.HasPrefix(string(text), "#!/usr/bin/env python3\n") {
		t.Errorf("%q, %v", text, err)
	}
	if err := (project.Buildpack{ID: "x"}).InlineBuildpack(dir); err == nil {
		t.Error("wrote a buildpack without a script")
	}
}

// FuzzParse: no text makes the reader panic, and what it takes makes sense.
func FuzzParse(f *testing.F) {
	f.Add("[_]\nschema-version = \"0.3\"\n[[io.buildpacks.group]]\nid = \"a\"\n[io.buildpacks.group.script]\napi=\"0.10\"\ninline=\"x\"\n")
	f.Add("[project]\nname='a'\n[build]\nexclude=['a']\n[[build.env]]\nname='a'\nvalue='b'\n")
	f.Add("_={schema-version='0.2'}\nio.buildpacks={include=['a'],post={group=[{uri='x'}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := project.Parse([]byte(text))
		if err != nil {
			return
		}
		if len(d.Include) > 0 && len(d.Exclude) > 0 {
			t.Error("include and exclude")
		}
		for _, list := range [][]project.Buildpack{d.Group, d.Pre, d.Post} {
			for _, b := range list {
				if b.ID == "" && b.URI == "" || b.Script != nil && (b.Script.API == "" || b.Version == "") {
					t.Errorf("a buildpack %+v", b)
				}
			}
		}
		d.Filter().Keep("a/b", false)
	})
}
