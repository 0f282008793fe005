package check_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release/check"
)

func TestLines(t *testing.T) {
	c := check.Comments{Line: "//", Open: "/*", Close: "*/", Long: "`"}
	python := check.Comments{Line: "#", Triple: true}
	for _, test := range []struct {
		text     string
		comments check.Comments
		want     []string
	}{
		{"a // b\nc", c, []string{"a ", "c"}},
		{"a /* b\nc */ d\n", c, []string{"a ", " d"}},
		{`x = "http://y" // z`, c, []string{`x = "http://y" `}},
		{`x = "\"//" // z`, c, []string{`x = "\"//" `}},
		{"x = `// a\n// b` // c", c, []string{"x = `// a", "// b` "}},
		{"don't // x\nit // y", c, []string{"don't // x", "it "}},
		{"a # b\nc#d\n", python, []string{"a ", "c#d"}},
		{"'''\n# a\n'''\nb = '#' # c", python, []string{"", "", "", "b = '#' "}},
		{strings.Repeat("x", 2000) + "\ny", c, []string{"", "y"}},
		{"", c, nil},
	} {
		if diff := cmp.Diff(test.want, check.Lines(test.text, test.comments)); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
	}
}

// FuzzLines wants as many lines as there are, and nothing that is not there.
func FuzzLines(f *testing.F) {
	f.Add("a // b\n'c' /* d\n*/ `e\n`")
	f.Add("x = '''\n# \\'\n'''\r\n\"\\")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range []check.Comments{{Line: "//", Open: "/*", Close: "*/", Long: "`"}, {Line: "#", Triple: true}, {Open: "<!--", Close: "-->"}} {
			lines := check.Lines(text, c)
			n := 0
			for line := range strings.Lines(text) {
				if n >= len(lines) || len(lines[n]) > len(line) {
					t.Fatalf("%q became %q", text, lines)
				}
				n++
			}
			if n != len(lines) {
				t.Fatalf("%q became %d lines", text, len(lines))
			}
		}
	})
}

// FuzzSource wants rules that take any text.
func FuzzSource(f *testing.F) {
	f.Add("server.js", "app.listen(3000)")
	f.Add("Procfile", "web: nohup ./x > y &")
	f.Add("package.json", `{"dependencies":{"a":"1"}}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		known := []string{"server.js", "app.py", "main.go", "Procfile", "package.json", "requirements.txt", "pyproject.toml", ".env", "config/production.yml"}
		if !slices.Contains(known, name) {
			return
		}
		found, err := check.Source(files(name, text), check.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range found {
			if finding.Line > strings.Count(text, "\n")+1 {
				t.Errorf("there is no line %d: %+v", finding.Line, finding)
			}
		}
	})
}

func TestCommitted(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("needs git")
	}
	dir := t.TempDir()
	for _, name := range []string{"a.js", "web/.env", "web/node_modules/x/index.js", ".env"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x=1"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "a.js", "web"}} {
		c := exec.CommandContext(t.Context(), git, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	index, err := os.ReadFile(filepath.Join(dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	committed, err := check.Committed(index)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a.js": true, "web": true, "web/.env": true, "web/node_modules": true, ".env": false, "b": false} {
		if committed(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

func FuzzCommitted(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01" + strings.Repeat("\x00", 62) + "a.js\x00\x00\x00\x00"))
	f.Add([]byte("DIRC\x00\x00\x00\x03\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, index []byte) {
		if committed, err := check.Committed(index); err == nil && committed("") {
			t.Error("nothing is committed")
		}
	})
}
