package project_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/project"
)

func TestIgnore(t *testing.T) {
	for _, c := range []struct {
		name, text string
		// A directory ends with a slash.
		gone, kept []string
	}{
		{"nothing", "# *\n\n  \t\n", nil, []string{"a", "d/", "# *"}},
		{"names at any depth", "*.psd\ntest\n", []string{"a.psd", "d/e/a.psd", "test/", "test", "d/test/", "test/a/b", "d/test/a"}, []string{"tests", "a.psdx", "d/"}},
		{"paths with a slash", "/a\nb/c\n./e\nf//g\n", []string{"a", "b/c", "b/c/d", "e", "f/g"}, []string{"d/a", "d/b/c", "b/", "f/"}},
		{"a slash at the end", "tmp/\n", []string{"tmp/", "tmp/a"}, []string{"tmp", "d/tmp/", "d/tmp/a"}},
		{"no name with a dot at the start", "*.log\n*\n", []string{"a.log", "d/a"}, []string{".a.log", ".d/", ".d/a.log"}},
		{"what is below a directory with a dot", "log\n.x/log\n", []string{"log", "d/log", ".x/log"}, []string{".d/log", "d/.d/log"}},
		{"names with a dot", ".*\n\\.b\n", []string{".a", "d/.git/", ".b"}, []string{"a", "."}},
		{"directories", "a/**/z\n**/y/x\n", []string{"a/z", "a/b/z", "a/b/c/z", "y/x", "d/y/x"}, []string{"z", "a/.b/z", "x"}},
		{"two asterisks as one", "a/**\nb**\n", []string{"a/b", "a/b/c", "bc", "d/b"}, []string{"a/", "a/.b"}},
		{"braces", "*.{png,j{pg,peg}}\n{a,b/c}\nx{,y}\n", []string{"1.png", "d/1.jpg", "1.jpeg", "a", "b/c", "x", "d/xy"}, []string{"1.j", "d/a", "1.{png"}},
		{"sets", "[a-c]1\n[!a]2\n[^a]3\n[z-x]4\n[äö]\n?5\n", []string{"a1", "b2", "b3", "x4", "z4", "ä", "ö", "ü5"}, []string{"d1", "a2", "a3", "y4", "ü", "5", ".2", ".5"}},
		{"escapes", "\\#a\n\\*\n\\{b\\}\nc\\ \n\\[d]\n", []string{"#a", "*", "{b}", "c ", "[d]"}, []string{"a", "b", "c", "d"}},
		{"spaces and comments", "  my file \t\r\nb # not c\r\nd#e\n", []string{"my file", "b", "d#e"}, []string{"my", "file", "c", "d", "not"}},
		{"a byte order mark", "\ufeffa\r\nb\r\n", []string{"a", "b"}, nil},
		{"no negation", "*.md\n!keep.md\n", []string{"keep.md", "!keep.md"}, []string{"keep"}},
		{"nothing that makes no sense", "[a\n{b\n..\n../c\n.\n/\n./\n\\\n**/.\n", nil, []string{"a", "[a", "b", "{b", "c", "d/"}},
		{"all directories", "**/\n", []string{"a/", "a/b"}, []string{"a", ".a/", ".a/b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ignore, _ := project.ParseSlugignore(c.text)
			for want, list := range map[bool][]string{true: c.gone, false: c.kept} {
				for _, path := range list {
					name, isDir := strings.CutSuffix(path, "/")
					if got := ignore.Match(name, isDir); got != want {
						t.Errorf("%s: matched %t, expected %t", path, got, want)
					}
				}
			}
			if ignore.Empty() != (c.gone == nil) {
				t.Error("empty", ignore.Empty())
			}
			if ignore.Match("", true) || ignore.Match(".", true) || ignore.Match("/", true) {
				t.Error("removes the app itself")
			}
		})
	}
}

func TestIgnoreWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"a\n*.md\n":                     "",
		"a\n!b\n":                       "line 2: takes nothing back",
		"\n[a\n":                        `line 2: has a "[" without a "]"`,
		"{a\n":                          `line 1: has a "{" without a "}"`,
		"../a\n":                        `line 1: leads up with ".."`,
		"/\n":                           "line 1: names the app itself",
		".\n":                           "line 1: names the app itself",
		"**/.\n":                        `line 1: has a "." behind "**/"`,
		"<<<<<<< HEAD\n":                "line 1: is a conflict marker of a merge (<<<<<<<)",
		"a\x00b\n":                      "line 1: is not text",
		"\\\n":                          `line 1: has a "\" with nothing behind it`,
		strings.Repeat("a", 5000):       "line 1: is longer than 4096 bytes",
		strings.Repeat("{a,b}", 30):     "line 1: has too many alternatives",
		strings.Repeat("{", 2000) + "}": `line 1: has a "{" without`,
	} {
		_, warnings := project.ParseSlugignore(text)
		if want == "" && len(warnings) > 0 || want != "" && (len(warnings) != 1 || !strings.HasPrefix(warnings[0].String(), want)) {
			t.Errorf("%.40q: got %v, expected %q", text, warnings, want)
		}
	}
}

func TestReadIgnore(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := project.ReadIgnore(dir, project.LaunchIgnoreFile); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	file := filepath.Join(dir, project.LaunchIgnoreFile)
	if err := os.WriteFile(file, []byte("\ufeffa\n!b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ignore, warnings, err := project.ReadIgnore(dir, project.LaunchIgnoreFile)
	if err != nil || !ignore.Match("a", false) || len(warnings) != 1 || !strings.HasPrefix(warnings[0].String(), ".launchignore line 2: takes") {
		t.Errorf("got %v, %v", warnings, err)
	}
}

// Lines that a matcher with steps back, or one that writes everything out, would
// need longer for than the sun will last.
func TestIgnoreIsFast(t *testing.T) {
	start := time.Now()
	for _, line := range []string{
		strings.Repeat("*a", 60) + "c", strings.Repeat("**/*a*/", 40) + "b", strings.Repeat("**/", 300) + "z",
		strings.Repeat("{a,b}", 800), strings.Repeat("{", 2000) + strings.Repeat("}", 2000), strings.Repeat("{a,{b,", 600) + strings.Repeat("}}", 600),
	} {
		ignore, _ := project.ParseSlugignore(strings.Repeat(line+"\n", 20))
		if path := strings.Repeat(strings.Repeat("a", 50)+"/", 30) + "d"; ignore.Match(path, false) {
			t.Errorf("%.20s matches", line)
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

// FuzzIgnore: no text makes the reader or the matcher panic, the app itself is
// never removed, and what is below something that is removed is removed.
func FuzzIgnore(f *testing.F) {
	f.Add("a/**/[b-d]?{x,.y}*/\n# c\n!d", "a/b/.y")
	f.Add("*\\\n[]\n{}\n**/", "a\\/\xff")
	f.Add("\ufeff.*\r\n", "ä/.b")
	f.Fuzz(func(t *testing.T, text, path string) {
		ignore, warnings := project.ParseSlugignore(text)
		for _, w := range warnings {
			if w.Line < 1 || w.Text == "" {
				t.Errorf("a warning %+v", w)
			}
		}
		if ignore.Match("", true) || ignore.Match("/", true) {
			t.Error("removes the app itself")
		}
		if ignore.Match(path, true) && !ignore.Match(path+"/below", false) && strings.Trim(path, "/") != "" {
			t.Errorf("%q is removed and what is below is not", path)
		}
	})
}

func TestWarning(t *testing.T) {
	for want, w := range map[string]project.Warning{
		"f line 2: is bad": {File: "f", Line: 2, Text: "is bad"}, "f: is bad": {File: "f", Text: "is bad"},
		"line 2: is bad": {Line: 2, Text: "is bad"}, "is bad": {Text: "is bad"},
	} {
		if diff := cmp.Diff(want, w.String()); diff != "" {
			t.Error(diff)
		}
	}
}
