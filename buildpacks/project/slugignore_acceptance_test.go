//go:build acceptance

package project_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/project"
)

// compiler is what Heroku's slug compiler does with each of many lines, and
// prints what it would remove. What the line finds by way of "." or "..", the app
// itself above all, is not our business.
const compiler = `
require "json"
app = ARGV[0]
JSON.parse(STDIN.read).each do |line|
  globs = line.include?("/") ? [File.join(app, line)] : ["", "**"].map { |g| File.join(app, g, line) }
  found = Dir[*globs].uniq.reject { |f| f =~ %r{/\.\.?(/|\z)} }
  puts JSON.generate(found.map { |f| File.expand_path(f)[app.size + 1..] }.compact.uniq)
end
`

// TestIgnoresWhatRubyDoes compares with Ruby's Dir.glob: thousands of lines made
// by chance, and every path of a tree for each.
func TestIgnoresWhatRubyDoes(t *testing.T) {
	dir := t.TempDir()
	paths := map[string]bool{}
	names := []string{"a", "b", "ab", ".a", "a.b", "a b", "ä", "[a]", "a*", "-", "!a", "{a}", "A", `a\`, "^"}
	var files []string
	for _, top := range names {
		files = append(files, "f"+top, top+"/f")
		for _, middle := range names[:8] {
			files = append(files, top+"/"+middle+"/a", top+"/"+middle+"/ab", top+"/"+middle+"/.b/a", top+"/"+middle+"/ä/a")
		}
	}
	for _, name := range files {
		for above := filepath.Dir(name); above != "."; above = filepath.Dir(above) {
			paths[above] = true
		}
		paths[name] = false
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	parts := []string{
		"a", "b", "ab", "f", "a.b", "ä", "A", "-", "^", "!", ".", ".a", "*", "**", "***", "?", "/", "/", "/", "**/", "/**/", " ", `\`, `\*`, `\[`, `\a`, `\.`, `\{`,
		"[ab]", "[!a]", "[^b]", "[a-b]", "[b-a]", "[ä]", "[a-ä]", "[]a]", "[!]", "[]", "[-a]", "[a-]", `[a\-b]`, `[\]a]`, "[.]", "[a/b]", "[", "]",
		"{a,b}", "{.a,b}", "a{b,}", "{a,f/b}", "{*,.*}", "{a,{b,ab}}", "{", "}", ",", `{a\,b,a}`, "{[a,b]}",
	}
	odd := regexp.MustCompile(`//|\\/|/\\$|(^|/)\\?\.\.?(/|$)|\*\*/.*f/b`)
	random := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for len(lines) < 4000 {
		var text strings.Builder
		for range 1 + random.IntN(5) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		// Space around a line is not part of it. Of two slashes, of one that is
		// escaped, of "." and of braces with a slash in them Ruby 3.1 thinks
		// otherwise behind "**/" than before.
		if line := text.String(); strings.TrimSpace(line) == line && !odd.MatchString(line) {
			lines = append(lines, line)
		}
	}
	input, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "ruby", "-e", compiler, dir)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	c.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("ruby: %v\n%s", err, stderr.String())
	}
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(answers) != len(lines) {
		t.Fatalf("%d answers for %d lines", len(answers), len(lines))
	}
	found := 0
	for i, line := range lines {
		var removed []string
		if err := json.Unmarshal([]byte(answers[i]), &removed); err != nil {
			t.Fatal(err)
		}
		found += len(removed)
		gone := map[string]bool{}
		for _, name := range removed {
			gone[name] = true
		}
		ignore, warnings := project.ParseSlugignore(line)
		var wrong []string
		for name, isDir := range paths {
			want := gone[name]
			for above := filepath.Dir(name); above != "."; above = filepath.Dir(above) {
				want = want || gone[above]
			}
			if got := ignore.Match(name, isDir); got != want {
				wrong = append(wrong, fmt.Sprintf("%q (directory: %t): matched %t, by ruby %t", name, isDir, got, want))
			}
		}
		if len(wrong) > 0 {
			slices.Sort(wrong)
			t.Errorf("line %q (%v):\n%s", line, warnings, strings.Join(wrong[:min(3, len(wrong))], "\n"))
		}
	}
	if found < len(lines) {
		t.Errorf("only %d paths were removed by %d lines", found, len(lines))
	}
}
