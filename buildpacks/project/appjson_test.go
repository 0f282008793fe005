package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/project"
)

const shop = `{
  "name": "shop",
  "stack": 24,
  "formation": {"web": {"quantity": 1}},
  "addons": ["example-postgresql"],
  "env": {"SECRET": {"generator": "secret"}},
  "buildpacks": [
    {"url": "heroku/nodejs"},
    {"url": "https://git.example/org/repo#v1"}
  ],
  "environments": {
    "test": {
      "addons": [],
      "env": {
        "RAILS_ENV": "test",
        "LEVEL": {"description": "how much", "value": "5"},
        "TOKEN": {"required": true}
      },
      "scripts": {
        "test-setup": "make setup",
        "test": "make test"
      }
    },
    "review": {"buildpacks": [{"url": "./own"}]},
    "none": {"buildpacks": []}
  }
}
`

func TestParseAppJSON(t *testing.T) {
	top := []project.Reference{
		{Text: "heroku/nodejs", Line: 8, Name: "heroku/nodejs"},
		{Text: "https://git.example/org/repo#v1", Line: 9, URI: "git+https://git.example/org/repo#v1"},
	}
	env := map[string]string{"RAILS_ENV": "test", "LEVEL": "5"}
	scripts := map[string]string{"test-setup": "make setup", "test": "make test"}
	for name, c := range map[string]struct {
		text string
		want project.AppJSON
	}{
		"nothing":                  {"{}", project.AppJSON{}},
		"nulls":                    {"\ufeff{\"buildpacks\": null, \"environments\": null}\r\n", project.AppJSON{}},
		"no buildpacks":            {`{"buildpacks": []}`, project.AppJSON{Buildpacks: []project.Reference{}}},
		"of two keys the later":    {`{"buildpacks": 1, "buildpacks": []}`, project.AppJSON{Buildpacks: []project.Reference{}}},
		"keys of another spelling": {`{"Buildpacks": 1}`, project.AppJSON{}},
		"all of it": {shop, project.AppJSON{
			Buildpacks: top,
			Environments: map[string]project.Environment{
				"test":   {Env: env, Scripts: scripts},
				"review": {Buildpacks: []project.Reference{{Text: "./own", Line: 24, URI: "./own"}}},
				"none":   {Buildpacks: []project.Reference{}},
			},
			Warnings: []project.Warning{{Line: 17, Text: "environments.test.env.TOKEN has no value here and is not set; give it one with -e TOKEN=VALUE"}},
		}},
	} {
		got, err := project.ParseAppJSON(c.text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	a, err := project.ParseAppJSON(shop)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(project.Environment{Buildpacks: top, Env: env, Scripts: scripts}, a.ForTest()); diff != "" {
		t.Errorf("test: -want +got:\n%s", diff)
	}
	for name, want := range map[string][]project.Reference{"review": {{Text: "./own", Line: 24, URI: "./own"}}, "none": {}, "production": top} {
		if diff := cmp.Diff(project.Environment{Buildpacks: want}, a.For(name)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestParseAppJSONMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "line 1: unexpected end of JSON input",
		"{\n  \"a\": 1,\n}\n":                   "line 3: invalid character '}' looking for beginning of object key string; it has to be JSON, which has no comments and no comma before a bracket",
		"{\n// no\n}":                           "line 2: invalid character '/'",
		"{\n\"a\": 1\n\"b\": 2}":                "line 3: invalid character '\"' after object key:value pair",
		"{\"a\":\n\n":                           "line 2: unexpected end of JSON input",
		"{\n<<<<<<< HEAD\n\"a\": 1\n}":          "line 2: it is a conflict marker of a merge (<<<<<<<)",
		"{\"a\": 1,\n=======\n}":                "line 2: it is a conflict marker of a merge (=======)",
		"[]":                                    "line 1: the file is a list; expected an object: { ... }",
		"{\n\"buildpacks\": {}}":                `line 2: buildpacks is an object; expected a list: [{"url": "https://HOST/PATH#REF"}]`,
		"{\"buildpacks\": [\n\"a/b\"]}":         `line 2: buildpacks[0] is text; expected an object: {"url": "a/b"}`,
		"{\"buildpacks\": [\n{}]}":              `line 2: buildpacks[0] has no url; expected {"url": "https://HOST/PATH#REF"}`,
		"{\"buildpacks\": [{\"url\":1}]}":       "line 1: buildpacks[0].url is a number; expected the address of a buildpack in quotes",
		"{\"buildpacks\": [{\"url\":\n\" \"}]}": "line 2: buildpacks[0].url is empty; expected the address",
		`{"buildpacks": [{"url":"a\nb"}]}`:      "line 1: buildpacks[0].url has a line break",
		`{"buildpacks": [null]}`:                "line 1: buildpacks[0] is null; expected an object",
		"{\"environments\":\n\"test\"}":         `line 2: environments is text; expected an object: {"test": { ... }}`,
		"{\"environments\":{\"test\":\ntrue}}":  "line 2: environments.test is true or false; expected an object",
		`{"environments":{"test":{"env":[]}}}`:  `line 1: environments.test.env is a list; expected an object: {"NAME": "VALUE"}`,
		"{\"environments\":{\"test\":{\"env\":{\n\"A\":\n1e3}}}}": `line 3: environments.test.env.A is a number; expected text: write it in quotes, "1e3"`,
		`{"environments":{"test":{"env":{"A":{"value":true}}}}}`:  `line 1: environments.test.env.A.value is true or false; expected text in quotes`,
		`{"environments":{"test":{"env":{"A":null}}}}`:            "line 1: environments.test.env.A is null; expected text in quotes",
		`{"environments":{"test":{"env":{"A=B":"x"}}}}`:           `line 1: "A=B" in environments.test.env is no name of a variable; expected NAME`,
		`{"environments":{"test":{"env":{"A":"\u0000"}}}}`:        "line 1: environments.test.env.A has a zero byte",
		`{"environments":{"test":{"scripts":"make"}}}`:            `line 1: environments.test.scripts is text; expected an object: {"test": "COMMAND"}`,
		`{"environments":{"test":{"scripts":{"test":["a"]}}}}`:    "line 1: environments.test.scripts.test is a list; expected a command in quotes",
		`{"environments":{"a\u001bb":{"buildpacks":1}}}`:          `line 1: environments."a\x1bb".buildpacks is a number`,
	} {
		if _, err := project.ParseAppJSON(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\ngot      %v\nexpected %s", text, err, want)
		}
	}
}

func TestReadAppJSON(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, project.AppJSONFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(shop)
	a, err := project.ReadAppJSON(dir)
	if err != nil || len(a.Buildpacks) != 2 || len(a.Warnings) != 1 || !strings.HasPrefix(a.Warnings[0].String(), "app.json line 17: ") {
		t.Errorf("got %+v, %v", a, err)
	}
	write("{\n")
	if _, err := project.ReadAppJSON(dir); err == nil || !strings.HasPrefix(err.Error(), "reading app.json: line 1: ") {
		t.Error(err)
	}
}

// Files that are deep, or have long keys, take no more than their share.
func TestParseAppJSONIsFast(t *testing.T) {
	start := time.Now()
	for _, text := range []string{
		strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		`{"` + strings.Repeat("a", 500000) + `":[` + strings.Repeat("1,", 200000) + "1]}",
		strings.Repeat("[", 500000),
	} {
		_, err := project.ParseAppJSON(text)
		if (text[0] == '[') != (err != nil) {
			t.Errorf("%.20s: %v", text, err)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// FuzzAppJSON: no text makes the reader panic, and what it takes makes sense.
func FuzzAppJSON(f *testing.F) {
	f.Add(shop)
	f.Add(`{"buildpacks":[{"url":"urn:buildpack:a"}],"environments":{"":{"env":{"A":{}},"scripts":null}}}`)
	f.Add("\ufeff{\"buildpacks\":[]}")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := project.ParseAppJSON(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		for _, r := range a.ForTest().Buildpacks {
			if r.Text == "" || r.Line < 1 || r.Name != "" && r.URI != "" {
				t.Errorf("a reference %+v", r)
			}
		}
	})
}
