package project_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/project"
)

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		name string
		from project.Descriptor
		// A directory ends with a slash.
		kept, left []string
	}{
		{"without patterns", project.Descriptor{}, []string{"a", "d/", "d/a"}, nil},
		{"excludes by name", project.Descriptor{Exclude: []string{"*.md", "tmp/"}},
			[]string{"a.go", "d/a.mdx", "tmp", "d/tmp"}, []string{"a.md", "d/e/a.md", "tmp/", "tmp/a", "d/tmp/", "d/tmp/a/b"}},
		{"excludes by path", project.Descriptor{Exclude: []string{"/a", "b/c", "x/**/z", "**/last", "all/**"}},
			[]string{"d/a", "d/b/c", "x/y", "all/", "alll/x"}, []string{"a", "a/d", "b/c", "x/z", "x/y/y/z", "last", "d/e/last", "all/x", "all/d/"}},
		{"takes back", project.Descriptor{Exclude: []string{"*.log", "!keep.log", "d/", "!d/x"}},
			[]string{"keep.log", "e/keep.log"}, []string{"a.log", "d/x", "d/keep.log"}},
		{"knows escapes", project.Descriptor{Exclude: []string{`\#a`, `\!b`, `c\ `, "# comment", "", "d  ", `\*`, "broken\\", "[open"}},
			[]string{"a", "b", "c", "# comment", "x", "broken", "broken\\", "[open"}, []string{"#a", "!b", "c ", "d", "*"}},
		{"knows sets", project.Descriptor{Exclude: []string{"[a-c]1", "[!a]2", "[[:digit:]]3", "x[/]y", "?.z"}},
			[]string{"d1", "a2", "a3", "x/y", ".z", "/.z"}, []string{"a1", "c1", "b2", "33", "a.z"}},
		{"includes", project.Descriptor{Include: []string{"src/", "*.toml", "!src/tests/"}},
			[]string{"src/", "src/a", "src/b/c", "x.toml", "d/x.toml", "other/"}, []string{"a", "other/a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := c.from.Filter()
			for want, list := range map[bool][]string{true: c.kept, false: c.left} {
				for _, path := range list {
					name, isDir := strings.CutSuffix(path, "/")
					if got := f.Keep(name, isDir); got != want {
						t.Errorf("%s: kept %t, expected %t", path, got, want)
					}
				}
			}
			if f.All() != (c.name == "without patterns") {
				t.Error("all", f.All())
			}
		})
	}
}

// A pattern that a matcher with steps back would need longer for than the sun
// will last.
func TestPatternsAreFast(t *testing.T) {
	p := project.ParsePatterns([]string{strings.Repeat("**/*a*", 40) + "b", strings.Repeat("*a", 60) + "c", strings.Repeat("**/", 300) + "z"})
	path := strings.Repeat(strings.Repeat("a", 50)+"/", 30) + "d"
	start := time.Now()
	if p.Match(path, false) {
		t.Error("it matches")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("**/a[!b-]?\\*/\n!x/", "a/b/c")
	f.Add("[[:alpha:]]]**", "]]")
	f.Fuzz(func(_ *testing.T, lines, path string) {
		project.ParsePatterns([]string{lines}).Match(path, len(path)%2 == 0)
	})
}
