//go:build acceptance

package project_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/project"
)

// tree is the app that patterns are held against: every kind of name that a
// pattern may care about.
func tree() (files []string) {
	names := []string{"a", "b", "ab", "a.b", "a b", "[a]", "a*", "-", "x]", "A"}
	for _, top := range names {
		files = append(files, "f"+top, top+"/f")
		for _, middle := range names[:5] {
			files = append(files, top+"/"+middle+"/a", top+"/"+middle+"/b", top+"/"+middle+"/ab/a")
		}
	}
	return files
}

// TestPatternsAreThoseOfGit compares with git check-ignore(1): thousands of
// pattern files made by chance, and every path of the tree for each.
func TestPatternsAreThoseOfGit(t *testing.T) {
	dir := t.TempDir()
	git := func(stdin string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), "git", append([]string{"-c", "core.excludesFile=/dev/null", "-C", dir}, args...)...)
		c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}
		c.Stdin = strings.NewReader(stdin)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.Output()
		// Status 1 says that nothing is ignored.
		if err != nil && (c.ProcessState == nil || c.ProcessState.ExitCode() != 1) {
			t.Fatalf("git %s: %v\n%s", args, err, stderr.String())
		}
		return string(out)
	}
	git("", "init", "--quiet")
	paths := map[string]bool{}
	for _, name := range tree() {
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
	var stdin strings.Builder
	for name := range paths {
		stdin.WriteString(name + "\x00")
	}
	parts := []string{
		"a", "b", "ab", "f", "a.b", "A", "x]", "-", "*", "**", "***", "?", "/", "/", "/", "!", "#", " ", `\`, `\ `, `\*`, `\[`, `\a`, ".",
		"[ab]", "[!a]", "[^b]", "[a-b]", "[]x]", "[[:alpha:]]", "[[:punct:]]", "[[:x:]]", "[[:alpha]", "[a", "[\\]x]", "[-a]", "[a-]", "[a\\-b]", "[/a]", "/**/", "**/", "/**", "[b-a]",
	}
	random := rand.New(rand.NewPCG(1, 2))
	const rounds = 1500
	for range rounds {
		var lines []string
		for range 1 + random.IntN(4) {
			var line strings.Builder
			if random.IntN(5) == 0 {
				line.WriteString("!")
			}
			for range 1 + random.IntN(5) {
				line.WriteString(parts[random.IntN(len(parts))])
			}
			if random.IntN(5) == 0 {
				line.WriteString("/")
			}
			lines = append(lines, line.String())
		}
		file := strings.Join(lines, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(dir, ".git", "info", "exclude"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		ignored := map[string]bool{}
		for name := range strings.SplitSeq(git(stdin.String(), "check-ignore", "--no-index", "--stdin", "-z"), "\x00") {
			if name != "" {
				ignored[name] = true
			}
		}
		patterns := project.ParsePatterns(lines)
		var wrong []string
		for name, isDir := range paths {
			if got := patterns.Match(name, isDir); got != ignored[name] {
				wrong = append(wrong, fmt.Sprintf("%s (directory: %t): matched %t, by git %t", name, isDir, got, ignored[name]))
			}
		}
		if len(wrong) > 0 {
			t.Errorf("patterns %q:\n%s", lines, strings.Join(wrong[:min(5, len(wrong))], "\n"))
		}
	}
}
