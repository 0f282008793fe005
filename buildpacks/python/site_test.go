package python_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/python"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/buildpacks/runtime/pypi/pypitest"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// The Python and the uv of these tests are shell scripts. "python" runs what the
// app keeps for it, fake-NAME.sh for NAME.py. "uv" says what it was asked for and
// fails as fake-uv.txt of the app says; otherwise it installs a package for
// each line with "==" in the file behind -r.
const (
	fakePython = `#!/bin/sh
case "$1" in
-m) exit 0 ;;
*.py) name=$1; shift; exec sh "./fake-$(basename "$name" .py).sh" "$@" ;;
esac
`
	fakeUV = `#!/bin/sh
venv=${VIRTUAL_ENV}
file=
no_build=
last=
for word; do
	if [ "$last" = -r ]; then file=$word; fi
	if [ "$word" = --no-build ]; then no_build=1; fi
	last=$word
done
echo "uv $*" | sed "s#$UV_CACHE_DIR#CACHE#g"
if [ -n "$no_build" ] && [ -f needs-build ]; then
	echo 'hint: Wheels are required for demo because building from source is disabled'
	exit 1
fi
if [ -f offline-only ] && [ -z "$UV_OFFLINE" ]; then
	echo 'cause: client error (Connect)'
	exit 2
fi
if [ -f fake-uv.txt ]; then
	cat fake-uv.txt
	exit 2
fi
if [ -f fake-kill ]; then kill -9 $$; fi
if [ -f fake-warning.txt ]; then cat fake-warning.txt; fi
mkdir -p "$UV_CACHE_DIR"
echo "$UV_DEFAULT_INDEX $UV_INDEX" >"$UV_CACHE_DIR/indexes"
for site in "$venv"/lib/python3.*/site-packages; do
	sed -n 's/^\([A-Za-z0-9_-]*\)\(\[.*\]\)\{0,1\}==\([^ \\]*\).*/\1 \3/p' "$file" | while read -r name version; do
		mkdir -p "$site/$name-$version.dist-info"
		printf 'Metadata-Version: 2.1\nName: %s\nVersion: %s\nLicense-Expression: MIT\n\nText\n' "$name" "$version" >"$site/$name-$version.dist-info/METADATA"
		printf '{"time": %s}' "$$" >"$site/$name-$version.dist-info/uv_cache.json"
		printf '%s\n%s\n' "$name-$version.dist-info/METADATA,," "$name-$version.dist-info/uv_cache.json,," >"$site/$name-$version.dist-info/RECORD"
	done
done
mkdir -p demo.egg-info
`
)

// fakeVersion is the version of uv in these tests: the real one's checksum is
// that of the real one.
const fakeVersion = "9.9.9"

// registries are those that a build downloads from.
type registries struct {
	modules *goproxytest.Proxy
	index   *pypitest.Registry
}

func newRegistries(t *testing.T) registries {
	t.Helper()
	r := registries{modules: goproxytest.New(t), index: pypitest.New(t)}
	for _, version := range []string{"3.10.16-20241219-1", "3.11.11-20241219-1", "3.12.3-20240415-1", "3.13.1-20241219-1", "3.14.6-20260610-1"} {
		number, _, _ := strings.Cut(version, "-")
		minor := number[:strings.LastIndexByte(number, '.')]
		files := map[string]string{}
		for _, arch := range []string{"amd64", "arm64"} {
			dir := "python/internal/data/linux-" + arch
			program := fakePython + "# " + number + "\n"
			list, err := json.Marshal(map[string]any{"files": []map[string]any{
				{"name": "bin/python" + minor, "size": len(program), "perm": 0o755},
				{"name": "lib/python" + minor + "/os.py", "size": 1, "perm": 0o644},
				{"name": "lib/libpython" + minor + ".so.1.0", "size": 1, "perm": 0o644},
			}})
			if err != nil {
				t.Fatal(err)
			}
			files[dir+"/files.json"], files[dir+"/bin/python"+minor], files[dir+"/lib/python"+minor+"/os.py"] = string(list), program, "\n"
			files[dir+"/lib/libpython"+minor+".so.1.0"] = "\n"
		}
		r.modules.Publish(t, module.Version{Path: "github.com/kluctl/go-embed-python", Version: "v0.0.0-" + version}, files)
	}
	for _, machine := range []string{"x86_64", "aarch64"} {
		r.index.Publish("uv", "uv-"+fakeVersion+"-py3-none-manylinux_2_17_"+machine+".manylinux2014_"+machine+".whl",
			pypitest.Wheel(t, map[string]string{"uv-" + fakeVersion + ".data/scripts/uv": fakeUV, "uv/__init__.py": ""}), "")
	}
	return r
}

// site is the place of a build: an app, its layers, and a platform, as a CNB
// lifecycle lays them out.
type site struct {
	t                *testing.T
	app, layers, dir string
	env              map[string]string
	now              func() time.Time
	runner           language.Runner
	fetcher          *download.Fetcher
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{
		t: t, dir: dir, app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"),
		env: map[string]string{"PATH": tools(t), "HOME": filepath.Join(dir, "home"), "XDG_CONFIG_DIRS": filepath.Join(dir, "none"), "PIP_CONFIG_FILE": os.DevNull},
		now: func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }, runner: tool.Local{Grace: time.Second},
	}
	for _, d := range []string{s.app, s.layers, filepath.Join(dir, "buildpack"), filepath.Join(dir, "platform"), filepath.Join(dir, "home")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "buildpack", "buildpack.toml"), python.TOML, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// tools is a PATH with the few programs that the scripts of these tests use.
func tools(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"basename", "cat", "echo", "mkdir", "printf", "sed", "sh"} {
		program, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(program, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// connected is a site that reaches registries, with an app of one package.
func connected(t *testing.T, r registries) *site {
	t.Helper()
	s := newSite(t)
	for name, value := range r.modules.Env() {
		s.env[name] = value
	}
	s.env["PIP_INDEX_URL"], s.env["BP_UV_VERSION"] = r.index.Index(), fakeVersion
	s.fetcher = download.NewFetcher(&http.Client{})
	s.fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	s.write(map[string]string{"requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n", ".python-version": "3.13\n"})
	return s
}

// write puts files into the app. Those whose name ends in a star can be run.
func (s *site) write(files map[string]string) {
	s.t.Helper()
	for name, text := range files {
		mode := fs.FileMode(0o644)
		bare, executable := strings.CutSuffix(name, "*")
		if executable {
			mode = 0o755
		}
		file := filepath.Join(s.app, bare)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) remove(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(s.app, name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// ending is a libcnb.ExitHandler that keeps how a phase ended.
type ending struct {
	err  error
	fail bool
}

func (e *ending) Error(err error) { e.err = err }
func (e *ending) Fail()           { e.fail = true }
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

func (s *site) environ() {
	s.t.Helper()
	s.t.Chdir(s.app)
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR": filepath.Join(s.dir, "buildpack"), "CNB_LAYERS_DIR": s.layers,
		"CNB_PLATFORM_DIR": filepath.Join(s.dir, "platform"), "CNB_BP_PLAN_PATH": filepath.Join(s.dir, "plan.toml"),
		"CNB_BUILD_PLAN_PATH": filepath.Join(s.dir, "detect.toml"),
		"CNB_TARGET_OS":       "linux", "CNB_TARGET_ARCH": "amd64", "CNB_TARGET_DISTRO_NAME": "test",
	} {
		s.t.Setenv(name, value)
	}
}

// build runs the whole of libcnb's build phase.
func (s *site) build() (string, error) {
	s.t.Helper()
	s.environ()
	var out output
	var end ending
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	build := python.Build(ctx, language.Helpers{Out: &out, Env: s.env, Runner: s.runner, Now: s.now, Fetcher: s.fetcher})
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

// detect runs bin/detect.
func (s *site) detect() (passes bool, says string) {
	s.t.Helper()
	s.environ()
	var out output
	var end ending
	libcnb.Detect(python.Detect(&out), libcnb.NewConfig(libcnb.WithArguments([]string{"detect"}), libcnb.WithExitHandler(&end)))
	if end.err != nil {
		s.t.Fatal(end.err)
	}
	return !end.fail, out.String()
}

// recorder is a Runner that notes what it runs.
type recorder struct {
	to   language.Runner
	mu   sync.Mutex
	runs []string
	envs []map[string]string
}

func (r *recorder) Run(ctx context.Context, c tool.Command) error {
	r.mu.Lock()
	r.runs = append(r.runs, filepath.Base(c.Args[0])+" "+strings.Join(c.Args[1:], " "))
	r.envs = append(r.envs, c.Env)
	r.mu.Unlock()
	return r.to.Run(ctx, c)
}

func (s *site) read(path ...string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{s.dir}, path...)...))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// files lists the files and links below a directory of the site.
func (s *site) files(path ...string) []string {
	s.t.Helper()
	root := filepath.Join(append([]string{s.dir}, path...)...)
	var names []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		names = append(names, rel)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// stamps lists what is in the layers with the times of change, which tell
// whether anything was touched.
func (s *site) stamps() []string {
	s.t.Helper()
	var lines []string
	for _, name := range s.files("layers") {
		info, err := os.Lstat(filepath.Join(s.layers, name))
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(name, "/") { // what is beside the layers is libcnb's
			lines = append(lines, fmt.Sprint(name, " ", layer.ChangeTime(info)))
		}
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
