package project_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/project"
)

func TestParseBuildpackList(t *testing.T) {
	text := "\ufeff# first\r\n\r\nhttps://git.example/org/one#v1  \r\n  heroku/ruby\t# for the app\n./my packs/two\nhttps://example.com/three.tgz"
	want := []project.Reference{
		{Text: "https://git.example/org/one#v1", URI: "git+https://git.example/org/one#v1", Line: 3},
		{Text: "heroku/ruby", Name: "heroku/ruby", Line: 4},
		{Text: "./my packs/two", URI: "./my packs/two", Line: 5},
		{Text: "https://example.com/three.tgz", URI: "https://example.com/three.tgz", Line: 6},
	}
	got, warnings, err := project.ParseBuildpackList(text)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseBuildpackListMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"heroku/ruby\n<<<<<<< HEAD\nheroku/go\n": "line 2: it is a conflict marker of a merge (<<<<<<<)",
		"=======\n":                              "line 1: it is a conflict marker",
		"heroku/ruby heroku/go\n":                `line 1: "heroku/ruby heroku/go" has white space in it; expected one buildpack a line`,
		"\n\xff\xfeh\x00\n":                      "line 2: it is not text; save the file as UTF-8",
		"heroku/ruby\nheroku/\x00go":             "line 2: it is not text",
	} {
		if list, _, err := project.ParseBuildpackList(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, %v, expected %q", text, list, err, want)
		}
	}
}

func TestReadBuildpackList(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"heroku/go\n": "", "# heroku/go\n\n": ".buildpacks: names no buildpack", "": ".buildpacks: names no buildpack",
		">>>>>>> main\n": "reading .buildpacks: line 1: it is a conflict marker",
	} {
		if err := os.WriteFile(filepath.Join(dir, project.BuildpackListFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		list, warnings, err := project.ReadBuildpackList(dir)
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case len(warnings) > 0:
			got = warnings[0].String()
		}
		if !strings.HasPrefix(got, want) || (want == "") != (len(list) > 0 && got == "") {
			t.Errorf("%q: got %v, %q, expected %q", text, list, got, want)
		}
	}
}

// FuzzBuildpackList: no text makes the reader panic, and what it takes names a
// buildpack in one way.
func FuzzBuildpackList(f *testing.F) {
	f.Add("# a\nhttps://git.example/a#b\r\nheroku/go # c\n")
	f.Add("urn:buildpack:\n./a b\ngit@git.example:a\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, warnings, err := project.ParseBuildpackList(text)
		if err == nil && (len(list) == 0) != (len(warnings) > 0) {
			t.Errorf("%v, %v", list, warnings)
		}
		for _, r := range list {
			if r.Text == "" || r.Line < 1 || r.Name != "" && r.URI != "" || strings.ContainsAny(r.URI, "\n\x00") {
				t.Errorf("a reference %+v", r)
			}
		}
	})
}
