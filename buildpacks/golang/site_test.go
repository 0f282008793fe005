package golang_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/golang"
	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// fakeGo is a go command as a shell script. What it was called with goes to a
// file. "go list" and "go build" run what the app keeps for them, and the
// programs that it builds are links to this test, which is a Go program.
const fakeGo = `#!/bin/sh
echo "CGO_ENABLED=$CGO_ENABLED go $*" >>"$FAKE_LOG"
kind=$1
if [ -f "fake-$kind.sh" ]; then . "./fake-$kind.sh"; fi
if [ "$kind" = list ]; then mkdir -p "$GOMODCACHE/cache" && : >"$GOMODCACHE/cache/lock"; fi
[ "$kind" = build ] || exit 0
mkdir -p "$GOCACHE/00" && echo cached >"$GOCACHE/00/entry"
shift
while [ $# -gt 0 ]; do
	case $1 in
	-o) out=$2; shift ;;
	-*) ;;
	./) ln -s "$FAKE_BINARY" "$out/$(sed -n 's#^module .*/##p' go.mod)" ;;
	*) ln -s "$FAKE_BINARY" "$out/$(basename "$1")" ;;
	esac
	shift
done
`

// fakeVersions are the toolchains that the proxy of these tests has.
var fakeVersions = []string{"1.17.13", "1.20", "1.24.0", "1.24.11", "1.25.1", "1.25.9", "1.26.0", "1.26.3", "1.27.4"}

// site is the place of a build: an app, its layers, and a platform, as a CNB
// lifecycle lays them out.
type site struct {
	t                *testing.T
	app, layers, dir string
	env              map[string]string
	now              time.Time
	runner           language.Runner
	fetcher          *download.Fetcher
	proxy            *goproxytest.Proxy
}

// newSite is a site with an app that is one command.
func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, dir: dir,
		app:    filepath.Join(dir, "app"),
		layers: filepath.Join(dir, "layers"),
		env:    map[string]string{"PATH": os.Getenv("PATH"), "FAKE_LOG": filepath.Join(dir, "log"), "FAKE_BINARY": self},
		now:    time.Now(),
		runner: tool.Local{Grace: time.Second},
		proxy:  goproxytest.New(t),
	}
	maps.Copy(s.env, s.proxy.Env())
	for _, version := range fakeVersions {
		s.proxy.Publish(t, module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-go" + version + ".linux-amd64"},
			map[string]string{"bin/go*": fakeGo, "VERSION": version})
	}
	s.fetcher = download.NewFetcher(&http.Client{})
	s.fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	for _, d := range []string{s.app, s.layers, filepath.Join(dir, "buildpack"), filepath.Join(dir, "platform")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.put(filepath.Join(dir, "buildpack", "buildpack.toml"), string(golang.TOML), 0o644)
	s.write(oneCommand)
	return s
}

// oneCommand is an app that is one command without dependencies.
var oneCommand = map[string]string{
	"go.mod":  "module example.com/hello\n\ngo 1.26\n",
	"main.go": "package main\n\nfunc main() {}\n",
}

func (s *site) put(file, text string, mode fs.FileMode) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

// write puts files into the app. A name that ends in "*" is executable.
func (s *site) write(files map[string]string) {
	s.t.Helper()
	for name, text := range files {
		mode := fs.FileMode(0o644)
		bare, executable := strings.CutSuffix(name, "*")
		if executable {
			mode = 0o755
		}
		s.put(filepath.Join(s.app, bare), text, mode)
	}
}

// remake makes the app anew of some files, as every build finds it.
func (s *site) remake(files ...map[string]string) {
	s.t.Helper()
	if err := os.RemoveAll(s.app); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Mkdir(s.app, 0o755); err != nil {
		s.t.Fatal(err)
	}
	for _, some := range files {
		s.write(some)
	}
}

// ending is a libcnb.ExitHandler that keeps how a phase ended.
type ending struct{ err error }

func (e *ending) Error(err error) { e.err = err }
func (e *ending) Fail()           {}
func (e *ending) Pass()           {}

// output collects what a build prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

// String is what stays on a screen: without transient lines.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(o.text.String(), "\n") {
		kept.WriteString(line[strings.LastIndex(line, "\r")+1:])
	}
	return kept.String()
}

// build runs the whole of libcnb's build phase.
func (s *site) build() (string, error) {
	s.t.Helper()
	s.t.Chdir(s.app)
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR":      filepath.Join(s.dir, "buildpack"),
		"CNB_LAYERS_DIR":         s.layers,
		"CNB_PLATFORM_DIR":       filepath.Join(s.dir, "platform"),
		"CNB_BP_PLAN_PATH":       filepath.Join(s.dir, "plan.toml"),
		"CNB_TARGET_OS":          "linux",
		"CNB_TARGET_ARCH":        "amd64",
		"CNB_TARGET_DISTRO_NAME": "test",
	} {
		s.t.Setenv(name, value)
	}
	var out output
	var end ending
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	build := golang.Build(ctx, language.Helpers{Out: &out, Env: s.env, Runner: s.runner, Now: func() time.Time { return s.now }, Fetcher: s.fetcher})
	libcnb.Build(build, libcnb.NewConfig(libcnb.WithArguments([]string{"build"}), libcnb.WithExitHandler(&end)))
	return out.String(), end.err
}

// mustBuild builds and fails the test when the build fails.
func (s *site) mustBuild() string {
	s.t.Helper()
	out, err := s.build()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// calls are those of the go command since the last time.
func (s *site) calls() []string {
	s.t.Helper()
	data, err := os.ReadFile(s.env["FAKE_LOG"])
	if err != nil {
		return nil
	}
	if err := os.Remove(s.env["FAKE_LOG"]); err != nil {
		s.t.Fatal(err)
	}
	text := strings.ReplaceAll(strings.TrimSpace(string(data)), s.dir, "DIR")
	return strings.Split(text, "\n")
}

func (s *site) read(path ...string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{s.dir}, path...)...))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// files are those of a directory of the site, sorted, with what links point to.
func (s *site) files(path ...string) []string {
	s.t.Helper()
	root := filepath.Join(append([]string{s.dir}, path...)...)
	var names []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			name += " -> " + target
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// stamps list what is in the layers with the times of change, which tell whether
// anything was touched. What is right in a directory of layers libcnb writes anew.
func (s *site) stamps() []string {
	s.t.Helper()
	var lines []string
	err := filepath.WalkDir(s.layers, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(s.layers, path)
		if err != nil || !strings.Contains(rel, string(filepath.Separator)) {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprint(rel, " ", layer.ChangeTime(info)))
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines
}

// holds fails the test for every part that a text does not have.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("\n%s\ndoes not say\n%s", text, part)
		}
	}
}

// lacks fails the test for every part that a text has.
func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("\n%s\nsays\n%s", text, part)
		}
	}
}
