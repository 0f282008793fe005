//go:build bench

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// middling are the sample apps whose builds are measured, one of each language.
// Edit is a source file, and what is appended to it. What a dependency more
// changes lies below testdata/bench, by the app's name.
var middling = []struct{ app, edit, text string }{
	{"nodejs-express", "server.js", "// edit %d\n"},
	{"go-chi", "main.go", "// edit %d\n"},
	{"python-django", "manage.py", "# edit %d\n"},
	{"java-spring-boot", "src/main/java/com/example/greeting/GreetingController.java", "// edit %d\n"},
}

// TestBenchApps measures builds of a real app of each language: cold, unchanged,
// with a line edited, and with one dependency more. Beside each stands what the
// tools of the language took of it, what is left of each build without them, and
// how much came over the network.
func TestBenchApps(t *testing.T) {
	for _, m := range middling {
		b := newBench(t)
		app := filepath.Join(b.dir, m.app)
		if err := os.CopyFS(app, os.DirFS(filepath.Join("../../testdata/apps", m.app))); err != nil {
			t.Fatal(err)
		}
		build := []string{"build", app, "--stack", "slugc-13", "-o", "slug:" + filepath.Join(b.dir, "a.tgz")}
		b.slugc("stack", "create", "slugc-13", "--variant", "build")
		fmt.Printf("\n%s, medians of %d, on slugc-13, state on tmpfs\n", m.app, runs)
		fmt.Printf("%-28s %8s %8s %8s %10s\n", "", "wall s", "tools s", "own s", "MB in")
		b.timed("cold", 1, func(int) {}, build)
		b.timed("unchanged", runs, func(int) {}, build)
		b.timed("one line edited", runs, func(i int) { b.append(filepath.Join(app, m.edit), fmt.Sprintf(m.text, i)) }, build)
		if more := filepath.Join("../../testdata/bench", m.app); exists(more) {
			b.timed("one dependency more", 1, func(int) { b.overlay(app, more) }, build)
		}
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// timed prints the median of some builds, each after a change of the app.
func (b *bench) timed(name string, times int, change func(int), build []string) {
	b.t.Helper()
	var walls, tools, own []time.Duration
	before := b.received()
	for i := range times {
		change(i)
		f, out := b.measured(b.slugcCommand(build...))
		took := toolsTook(out)
		walls, tools, own = append(walls, f.wall), append(tools, took), append(own, f.wall-took)
	}
	fmt.Printf("%-28s %8.2f %8.2f %8.2f %10.1f\n", name, middle(walls).Seconds(), middle(tools).Seconds(), middle(own).Seconds(),
		float64(b.received()-before)/float64(times)/1e6)
}

// middle is the median.
func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

var tookForm = regexp.MustCompile(`Tools took (.+) of `)

// toolsTook is what the buildpacks say that the tools of the language took.
func toolsTook(out string) time.Duration {
	var sum time.Duration
	for _, match := range tookForm.FindAllStringSubmatch(out, -1) {
		// "2 min 5 s" is "2m5s" to time.
		text := strings.NewReplacer(" min", "m", " ms", "ms", " s", "s", " h", "h", " ", "").Replace(match[1])
		if d, err := time.ParseDuration(text); err == nil {
			sum += d
		}
	}
	return sum
}

// received is how many bytes came over the network so far.
func (b *bench) received() int64 {
	b.t.Helper()
	file, err := os.Open("/proc/net/dev")
	if err != nil {
		b.t.Fatal(err)
	}
	defer file.Close()
	var sum int64
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, rest, found := strings.Cut(lines.Text(), ":")
		if fields := strings.Fields(rest); found && strings.TrimSpace(name) != "lo" && len(fields) > 0 {
			n, err := strconv.ParseInt(fields[0], 10, 64)
			if err != nil {
				b.t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

func (b *bench) append(file, text string) {
	b.t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, append(old, text...), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// overlay puts files in the place of those of an app.
func (b *bench) overlay(app, from string) {
	b.t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(app, rel), text, 0o644)
	})
	if err != nil {
		b.t.Fatal(err)
	}
}
