package appfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/stack/download"
)

func put(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// isApps makes sure that an error is the app's.
func isApps(t *testing.T, err error) {
	t.Helper()
	if fault, is := errors.AsType[*download.Error](err); !is || fault.Fault != download.App {
		t.Errorf("it is not the app's fault: %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := put(t, map[string]string{
		"plain": "text\n", "marked": "\ufefftext\n", "dir/file": "",
		"merge": "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n",
	})
	for _, name := range []string{"plain", "marked"} {
		if got, err := appfile.Read(dir, name); err != nil || string(got) != "text\n" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := appfile.Read(dir, "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.Truncate(filepath.Join(dir, "plain"), appfile.MaxSize+1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"plain": "plain is too large: 67108865 bytes, the limit is 67108864",
		"dir":   "dir is a directory\nexpected a file of this name",
		"merge": "merge holds an unfinished merge\nline 2: <<<<<<< HEAD\nedit the file, then:\n  git add merge",
	} {
		_, err := appfile.Read(dir, name)
		isApps(t, err)
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
	}
	_, err := appfile.ReadMerged(dir, "merge", "make it again:\n  uv lock")
	if err == nil || !strings.HasSuffix(err.Error(), "\nmake it again:\n  uv lock") {
		t.Errorf("got %v", err)
	}
}

func TestDecode(t *testing.T) {
	type doc struct {
		Name  string            `json:"name" toml:"name" yaml:"name"`
		Words map[string]string `json:"words" toml:"words" yaml:"words"`
	}
	for name, test := range map[string]struct {
		read func(name string, data []byte, into any) error
		text string
		want string
	}{
		"JSON that is cut off":       {appfile.JSON, "{\n\t\"name\": \"a\",\n", "f is not valid JSON\nline 2, column 14: unexpected end of JSON input\n  \t\"name\": \"a\",\n  \t            ^"},
		"JSON of another kind":       {appfile.JSON, `["a"]`, "f is not a JSON object, but an array\nexpected { ... }"},
		"JSON with a number":         {appfile.JSON, "{\"name\":\n 7}", "f: \"name\" is a number, which it must not be\nline 2, column 2: expected a string\n   7}\n   ^"},
		"empty JSON":                 {appfile.JSON, " \n", "f is empty\nexpected a JSON object"},
		"TOML with a broken line":    {appfile.TOML, "name = \"a\"\nwords = {\n", "f is not valid TOML\nline 3, column 1: "},
		"TOML with a number":         {appfile.TOML, "name = 7\n", "f cannot be read: "},
		"YAML with a broken line":    {appfile.YAML, "name: a\nwords: [\n", "f is not as expected\nline 2: did not find expected node content\n  words: ["},
		"YAML with a list":           {appfile.YAML, "name: a\nwords: [b]\n", "f is not as expected\nline 2: cannot unmarshal !!seq into map[string]string\n  words: [b]"},
		"YAML with tabs":             {appfile.YAML, "name: a\n\twords: b\n", "f is not as expected\nline 2: found a tab character that violates indentation\n  \twords: b"},
		"YAML that is another thing": {appfile.YAML, "just words", "f is not as expected\nline 1: cannot unmarshal !!str `just words` into appfile_test.doc\n  just words"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.read("f", []byte(test.text), &doc{})
			if err == nil {
				t.Fatal("it is taken")
			}
			isApps(t, err)
			if got := err.Error(); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
	for name, test := range map[string]struct {
		read func(name string, data []byte, into any) error
		text string
	}{
		"JSON": {appfile.JSON, `{"name": "a", "words": {"b": "c"}, "other": 7}`},
		"TOML": {appfile.TOML, "name = \"a\"\nother = 7\nwords = {b = \"c\"}\n"},
		"YAML": {appfile.YAML, "name: a\nother: 7\nwords:\n  b: c\n"},
	} {
		var got doc
		if err := test.read("f", []byte(test.text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(doc{Name: "a", Words: map[string]string{"b": "c"}}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWord(t *testing.T) {
	for text, want := range map[string]string{"": "", "22\n": "22", "# why\n\n 3.12.1  # since then\n4\n": "3.12.1"} {
		if got := appfile.Word([]byte(text)); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestWhyNot(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an empty app": {want: "no go.mod or go.work in the app's root; it is empty"},
		"another language": {map[string]string{"package.json": "", "src/a.js": "", ".env": ""},
			"no go.mod or go.work in the app's root; found: package.json, src/, .env"},
		"ignored": {map[string]string{".gitignore": "bin\n/go.mod\n"},
			"no go.mod or go.work in the app's root; found: .gitignore\n.gitignore lists go.mod, so it does not reach the build: remove that line"},
		"spelled differently": {map[string]string{"Go.mod": ""},
			"no go.mod or go.work in the app's root; found: Go.mod\nGo.mod is spelled differently: git mv Go.mod go.mod"},
		"a directory too high": {map[string]string{"api/go.mod": "", "vendor/go.mod": "", ".cache/go.mod": ""},
			"no go.mod or go.work in the app's root; found: api/, vendor/, .cache/\nthere is go.mod in api/: to build that directory: slugc build --app api"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := appfile.WhyNot(put(t, test.files), "go.mod", "go.work")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefuseMisspelled(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		// rename is what is to be typed, "" when nothing is wrong.
		rename string
	}{
		"none":             {},
		"the right one":    {files: map[string]string{".node-version": "", ".nvmrc": ""}},
		"another sign":     {map[string]string{".node_version": ""}, "git mv .node_version .node-version"},
		"no dot":           {map[string]string{"nvmrc": ""}, "git mv nvmrc .nvmrc"},
		"an ending":        {map[string]string{".nvmrc.txt": ""}, "git mv .nvmrc.txt .nvmrc"},
		"other letters":    {map[string]string{"System.Properties": ""}, "git mv System.Properties system.properties"},
		"one for several":  {map[string]string{"system.property": ""}, "git mv system.property system.properties"},
		"beside the right": {files: map[string]string{"nvmrc": "", ".nvmrc": ""}},
		"a directory":      {files: map[string]string{"nvmrc/x": ""}},
		"something else":   {files: map[string]string{"node": "", "version": "", "nvmrc.md": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			err := appfile.RefuseMisspelled(put(t, test.files), "which version to use", ".nvmrc", ".node-version", "system.properties")
			if test.rename == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it is taken")
			}
			isApps(t, err)
			if got := err.Error(); !strings.Contains(got, "which version to use") || !strings.Contains(got, test.rename) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// FuzzDecode reads what authors write: it is taken, or refused with words that
// are theirs.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "{}", "a: &b [*b]", "a = 1\n[b", "\ufeff{\"a\": [1, \"\t\"]}", "? !!binary |\n - x", "- - -\n\t", "{\"a\": {\"b\": \"\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		type doc struct {
			A string
			B map[string][]int
		}
		for name, read := range map[string]func(string, []byte, any) error{"JSON": appfile.JSON, "TOML": appfile.TOML, "YAML": appfile.YAML} {
			if err := read("f", data, &doc{}); err != nil {
				isApps(t, err)
				if !strings.HasPrefix(err.Error(), "f") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

func TestProbably(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		want  []string
	}{
		"of any language":      {[]string{"app.x", "README"}, []string{"app.x"}},
		"of another language":  {[]string{"app.x", "deno.json"}, nil},
		"of the one that asks": {[]string{"Cargo.toml", "run.x", "app.x"}, []string{"app.x", "run.x"}},
		"of none":              {[]string{"README"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range c.files {
				if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := appfile.Probably(dir, []string{"Cargo.toml"}, "app.x", "run.x")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
