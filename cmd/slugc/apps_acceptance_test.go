//go:build acceptance

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
)

// expectation is what a sample app, testdata/apps/NAME, should become. It is
// NAME.toml beside it.
type expectation struct {
	// About says in a line what the app is.
	About string
	// App is the directory of the app, such as packages/web, where the sample is a
	// source that has more.
	App string
	// Buildpacks are the ids of those that build it.
	Buildpacks []string
	// Says are texts that its first build prints, such as versions.
	Says []string
	// Stack is what it is built on, "slugc-13" when empty.
	Stack string
	// Env are variables of the build.
	Env map[string]string
	// Index is an index of packages that the test itself serves, where machines do
	// not reach that of the community: "gems".
	Index string
	// ColdTwice builds it from nothing a second time, which must give the same
	// bytes.
	ColdTwice bool `toml:"cold_twice"`
	// Stop is the exit code with which the process web ends on SIGTERM, where a
	// package manager between slugc and the app has its own; 0 are the usual ones.
	Stop int
	// Processes are all process types of the release record.
	Processes map[string]string
	// Packages are package URLs, or their beginnings, which the bill of materials
	// of slug and image has.
	Packages []string
	// Check are the rules of slugc check that find something in it; release/check has
	// the test.
	Check    []string
	Requests []expectedRequest `toml:"request"`
	// Mistakes are what people do to such an app.
	Mistakes []mistake `toml:"mistake"`
}

// mistake is a change of a sample app that cannot be built any more.
type mistake struct {
	About string
	// Remove are files that are missing, Write files with their texts, and
	// Replace texts that stand for others, by file.
	Remove  []string
	Write   map[string]string
	Replace map[string][2]string
	Env     map[string]string
	// Code is the exit code, 51 when it is 0, and Says what the build prints: the
	// file, and the command to type.
	Code int
	Says []string
	// Network lets the build reach registries. Without it, the mistake is found
	// before anything is downloaded.
	Network bool
}

// expectedRequest is a question to the process web, and its answer.
type expectedRequest struct {
	Method  string
	Path    string
	Headers map[string]string
	Body    string
	Status  int
	// Answer are texts that the body has, and Header what the header has.
	Answer []string
	Header map[string]string
}

// expectations are those of all sample apps, by name.
func expectations(t *testing.T) map[string]expectation {
	t.Helper()
	root := example(t, "")
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]expectation{}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		e := expectation{Stack: "slugc-13"}
		meta, err := toml.DecodeFile(filepath.Join(root, entry.Name()+".toml"), &e)
		if err != nil {
			t.Errorf("the app %s has no expectation: %v", entry.Name(), err)
			continue
		}
		if unknown := meta.Undecoded(); len(unknown) > 0 {
			t.Errorf("%s.toml: unknown key %s", entry.Name(), unknown[0])
		}
		e.App = cmp.Or(e.App, entry.Name())
		if e.About == "" || len(e.Buildpacks) == 0 || len(e.Processes) == 0 || len(e.Requests) == 0 {
			t.Errorf("%s.toml: expected about, buildpacks, processes and a request", entry.Name())
		}
		all[entry.Name()] = e
	}
	return all
}

// TestPlans asks about every sample app who would build it.
func TestPlans(t *testing.T) {
	t.Parallel()
	s := newSlugc(t)
	for name, want := range expectations(t) {
		t.Run(name, func(t *testing.T) {
			s.t = t
			var plan struct {
				Plan struct {
					Buildpacks []struct{ ID string }
				}
			}
			out := s.must("detect", example(t, name), "--app", want.App, "--json")
			if err := json.Unmarshal([]byte(lastLine(out)), &plan); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var ids []string
			for _, member := range plan.Plan.Buildpacks {
				ids = append(ids, member.ID)
			}
			if diff := gocmp.Diff(want.Buildpacks, ids); diff != "" {
				t.Errorf("%s\n%s", diff, out)
			}
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// TestApps builds every sample app from the registries that this machine's
// clients use, starts it from slug and from image, asks it, stops it, and
// builds it again, unchanged and without a network.
func TestApps(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to start containers and to cut off the network")
	}
	all := expectations(t)
	indexes := map[string][]string{}
	gradle := ""
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !selected(t, name) {
			continue
		}
		if index := all[name].Index; index != "" && indexes[index] == nil {
			indexes[index] = ownIndex(t, index)
		}
		if usesGradle(name) && gradle == "" {
			gradle = gradleMirror(t)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStackedSlugc(t)
			if usesGradle(name) {
				s.env = append(s.env, gradle)
			}
			s.env = append(s.env, indexes[all[name].Index]...)
			sample{slugc: s, name: name, expectation: all[name]}.test()
		})
	}
}

// usesGradle tells whether a sample app is built by a wrapper of Gradle.
func usesGradle(name string) bool { return strings.HasPrefix(name, "java-gradle") }

// sample is a sample app that is being tested.
type sample struct {
	*slugc
	name string
	expectation
}

func (a sample) test() {
	t := a.t
	source := a.copyApp(a.name, "app", time.Unix(1e9, 0), 0)
	arguments := func(cache string) []string {
		args := []string{"build", source, "--app", a.App, "--stack", a.Stack, "-o", "slug:app.tgz", "-o", "oci:image:v1", "--metadata", "app.json", "--cache", cache}
		for _, name := range slices.Sorted(maps.Keys(a.Env)) {
			args = append(args, "-e", name+"="+a.Env[name])
		}
		return args
	}
	start := time.Now()
	out := a.must(arguments("cache")...)
	t.Logf("cold: %s\n%s", time.Since(start).Round(time.Millisecond), out)
	for _, want := range a.Says {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in what the build prints", want)
		}
	}
	record, digests := a.record("app.json")
	var ids []string
	for _, b := range record.Buildpacks {
		ids = append(ids, b.ID)
	}
	if diff := gocmp.Diff(a.Buildpacks, ids); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(a.Processes, record.ProcessTypes); diff != "" {
		t.Error(diff)
	}

	again := a.command(t.Context(), arguments("cache")...)
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	start = time.Now()
	text, err := again.CombinedOutput()
	if err != nil {
		t.Fatalf("unchanged, without a network: %v\n%s", err, text)
	}
	t.Logf("unchanged: %s", time.Since(start).Round(time.Millisecond))
	if _, same := a.record("app.json"); strings.Join(same, " ") != strings.Join(digests, " ") {
		t.Errorf("digests: cold %v, unchanged %v\n%s", digests, same, text)
	}
	// What scripts made is copied into the app, so the app is read again; its
	// layers are not.
	reused := regexp.MustCompile(`All \d+ segments reused`)
	if strings.Contains(string(text), "Reusing what they made") {
		reused = regexp.MustCompile(`All \d+ segments reused|Packed again: (app/[^,;]+, )*app(, app/[^,;]+)*; `)
	}
	if !reused.Match(text) {
		t.Errorf("unchanged, something was packed again:\n%s", text)
	}
	if a.ColdTwice {
		a.must(arguments("other-cache")...)
		twice, same := a.record("app.json")
		if strings.Join(same, " ") != strings.Join(digests, " ") {
			t.Errorf("two cold builds differ: %v and %v\n%s", digests, same, gocmp.Diff(record.Layers, twice.Layers))
		}
	}

	for _, artifact := range []string{"slug:app.tgz", "oci:image:v1"} {
		if len(a.Packages) == 0 {
			break
		}
		listed := a.must("inspect", artifact, "--packages")
		for _, want := range a.Packages {
			if !strings.Contains(listed, "  "+want) {
				t.Errorf("%s has no package %s:\n%s", artifact, want, listed)
			}
		}
	}

	port := freePort(t)
	a.env = append(a.env, fmt.Sprintf("PORT=%d", port))
	a.ask("from the slug", serve(t, a.command(t.Context(), "run", "slug:app.tgz"), port))
	port = freePort(t)
	a.ask("from the image", serve(t, container(t, filepath.Join(a.dir, "image")+":v1", fmt.Sprintf("PORT=%d", port)), port))
}

// ask sends the requests and stops the app, which has to end well and soon.
func (a sample) ask(from string, w *web) {
	a.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, r := range a.Requests {
		what := fmt.Sprintf("%s: %s /%s", from, r.Method, strings.TrimPrefix(r.Path, "/"))
		request, err := http.NewRequestWithContext(a.t.Context(), r.Method, w.url+strings.TrimPrefix(r.Path, "/"), strings.NewReader(r.Body))
		if err != nil {
			a.t.Fatal(err)
		}
		for name, value := range r.Headers {
			if strings.EqualFold(name, "host") {
				request.Host = value
			}
			request.Header.Set(name, value)
		}
		answer, err := client.Do(request)
		if err != nil {
			a.t.Errorf("%s: %v\n%s", what, err, w.log)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != r.Status {
			a.t.Errorf("%s: status %d (%v), want %d\n%s\n%s", what, answer.StatusCode, err, r.Status, body, w.log)
		}
		for _, want := range r.Answer {
			if !strings.Contains(string(body), want) {
				a.t.Errorf("%s: no %q in\n%s", what, want, body)
			}
		}
		for name, want := range r.Header {
			if got := answer.Header.Get(name); got != want {
				a.t.Errorf("%s: header %s is %q, want %q", what, name, got, want)
			}
		}
	}
	client.CloseIdleConnections()
	start := time.Now()
	if code := w.stop(); !slices.Contains([]int{0, 128 + int(syscall.SIGTERM), 128 + int(syscall.SIGINT), a.Stop}, code) {
		a.t.Errorf("%s: exit code %d after SIGTERM\n%s", from, code, w.log)
	}
	if took := time.Since(start); took > 10*time.Second {
		a.t.Errorf("%s: it took %s to stop", from, took)
	}
}

// TestMistakes makes mistakes in copies of the sample apps and looks at what
// their authors are told.
func TestMistakes(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to cut off the network")
	}
	all := expectations(t)
	// The stack that fits this machine is made but once, and not by those that the
	// network is cut off from.
	first := newSlugc(t)
	first.shareStacks(filepath.Join(first.home, "slugc"))
	home := "SLUGC_HOME=" + filepath.Join(first.home, "slugc")
	first.env = []string{home}
	if fitting, err := stack.FittingHost(); err == nil {
		first.must("stack", "create", fitting.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, m := range all[name].Mistakes {
			t.Run(name+": "+m.About, func(t *testing.T) {
				t.Parallel()
				s := newSlugc(t)
				s.env = []string{home}
				m.make(t, s.copyApp(name, "app", time.Now(), 0))
				args := []string{"build", "app", "--app", all[name].App, "--cache", "cache"}
				for _, variable := range slices.Sorted(maps.Keys(m.Env)) {
					args = append(args, "-e", variable+"="+m.Env[variable])
				}
				build := s.command(t.Context(), args...)
				if !m.Network {
					build.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
				}
				out, err := build.CombinedOutput()
				if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
					t.Fatal(err)
				}
				if code, want := build.ProcessState.ExitCode(), cmp.Or(m.Code, 51); code != want {
					t.Errorf("exit code %d, want %d\n%s", code, want, out)
				}
				for _, want := range m.Says {
					if !strings.Contains(string(out), want) {
						t.Errorf("no %q in\n%s", want, out)
					}
				}
				if _, err := os.Stat(filepath.Join(s.dir, "slug.tgz")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("there is a slug (%v)", err)
				}
			})
		}
	}
}

// make makes the mistake in a copy of the app.
func (m mistake) make(t *testing.T, app string) {
	t.Helper()
	for _, name := range m.Remove {
		if err := os.RemoveAll(filepath.Join(app, name)); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		file := filepath.Join(app, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range m.Write {
		write(name, text)
	}
	for name, change := range m.Replace {
		text, err := os.ReadFile(filepath.Join(app, name))
		if err != nil || !strings.Contains(string(text), change[0]) {
			t.Fatalf("%s has no %q (%v)", name, change[0], err)
		}
		write(name, strings.Replace(string(text), change[0], change[1], 1))
	}
}

// containers counts those of this process, each of which has a name of its own.
var containers atomic.Int64
