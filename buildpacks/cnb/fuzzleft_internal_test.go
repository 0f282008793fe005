package cnb

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// FuzzLeft checks that whatever a script leaves in its files is refused with
// the file's name, or is what images and launchers can take.
func FuzzLeft(f *testing.F) {
	for _, seed := range [][2]string{
		{"launch.toml", "[[processes]]\ntype = \"web\"\ncommand = [\"a\", \"b\"]\nargs = [\"c\"]\ndefault = true\n[[labels]]\nkey = \"k\"\n[[slices]]\npaths = [\"a/*\", \"/app/b\"]\n"},
		{"launch.toml", "[[processes]]\ntype = \"web\"\ncommand = \"a\"\ndirect = true\n[[bom]]\nname = 1\n"},
		{"launch.toml", "slices = [{paths = [\"..\"]}]\nlabels = [{}]"},
		{"build.toml", "[[unmet]]\nname = \"asked\"\n"},
		{"build.toml", "unmet = [{}]\nbom = 1"},
		{"store.toml", "[metadata]\nx = inf\ny = 1979-05-27T07:32:00Z\nz = [1, \"a\"]\n"},
		{"layer.toml", "[types]\nlaunch = true\n[metadata]\nx = {y = [1, 2]}\n"},
		{"layer.toml", "launch = true"},
		{"layer.toml", "types = []\nmetadata = \"\""},
		{"launch.toml", "\xff"},
		{"...toml", ""},
		{"launch.sbom.cdx.json", "{}"},
	} {
		f.Add(seed[0], []byte(seed[1]), true)
		f.Add(seed[0], []byte(seed[1]), false)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte, old bool) {
		if filepath.Base(name) != name || name == ".." || len(name) > 100 || strings.ContainsRune(name, 0) {
			return
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "layer"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return
		}
		version := "0.12"
		if old {
			version = "0.7"
		}
		api, _ := capabilities(version)
		b := &Buildpack{descriptor: buildpacks.Descriptor{ID: "a/b", Version: "1", API: version}, api: api}
		c, step, err := b.contribution(buildpacks.Dir{Host: dir, Path: "/layers/a_b"}, buildpacks.Site{App: buildpacks.Dir{Path: "/app"}}, []buildpacks.Requirement{{Name: "asked"}})
		if (err == nil) != (step == "") {
			t.Fatalf("step %q, %v", step, err)
		}
		if err == nil {
			checkContribution(t, c)
		}
	})
}

func checkContribution(t *testing.T, c buildpacks.Contribution) {
	t.Helper()
	if _, err := json.Marshal(c); err != nil {
		t.Errorf("it cannot be told in a label: %v", err)
	}
	for _, p := range c.Processes {
		if len(p.Command) == 0 || p.Command[0] == "" {
			t.Errorf("process %q has no command", p.Type)
		}
		local(t, p.Type)
	}
	for _, slice := range c.Slices {
		for _, pattern := range slice {
			if _, err := filepath.Match(pattern, "x"); err != nil || !filepath.IsLocal(pattern) {
				t.Errorf("slice %q: %v", pattern, err)
			}
		}
	}
	for _, l := range c.Layers {
		if !filepath.IsLocal(l.Name) || filepath.Base(l.Name) != l.Name {
			t.Errorf("layer %q", l.Name)
		}
	}
}

// FuzzSlicePattern checks that a pattern that is taken stays in the app.
func FuzzSlicePattern(f *testing.F) {
	for _, seed := range []string{"a/*", "/app/a", "/app", "/apple", "..", "a/../..", "[", "[a-", `\`, `a\`, "a//b/./", "", "/", "[^a]/?", `..\/..`, `\/`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if !utf8.ValidString(pattern) {
			return // TOML has no such string
		}
		clean, err := slicePattern(pattern, "/app", "")
		if err != nil {
			if !errors.Is(err, errOutside) && !errors.Is(err, filepath.ErrBadPattern) {
				t.Fatal(err)
			}
			return
		}
		if _, err := filepath.Match(clean, "x/y"); err != nil || !filepath.IsLocal(clean) {
			t.Fatalf("%q became %q: %v", pattern, clean, err)
		}
	})
}

// FuzzBuildConfig checks that no name of an operator's file breaks the
// environment.
func FuzzBuildConfig(f *testing.F) {
	for _, seed := range [][2]string{{"A", "x"}, {"A.append", "y"}, {"A.delim", ":"}, {"=", "x"}, {"A.b.c", ""}, {".", ""}, {"A.prepend", "\x00"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		dir := t.TempDir()
		if filepath.Base(name) != name || os.Mkdir(filepath.Join(dir, "env"), 0o755) != nil {
			return
		}
		if err := os.WriteFile(filepath.Join(dir, "env", name), []byte(value), 0o644); err != nil {
			return
		}
		env := launch.Env{}
		if err := launch.ApplyBuildConfig(env, dir); err != nil {
			return
		}
		for _, word := range env.List() {
			if strings.ContainsRune(word, 0) || strings.Index(word, "=") < 1 {
				t.Errorf("%q", word)
			}
		}
	})
}
