package python_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/python"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/buildpacks/runtime/pypi/pypitest"
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

// site is the place of a build, without any registry.
type site struct{ *languagetest.Site }

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{languagetest.New(t, python.TOML)}
	s.Env["PATH"], s.Env["XDG_CONFIG_DIRS"], s.Env["PIP_CONFIG_FILE"] = tools(t), filepath.Join(s.Dir, "none"), os.DevNull
	s.Now = func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }
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
		s.Env[name] = value
	}
	s.Env["PIP_INDEX_URL"], s.Env["BP_UV_VERSION"] = r.index.Index(), fakeVersion
	s.Write(map[string]string{"requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n", ".python-version": "3.13\n"})
	return s
}

// build runs the whole of libcnb's build phase.
func (s *site) build() (string, error) {
	s.T.Helper()
	return s.Build(s.T.Context(), python.Build)
}

// mustBuild builds and fails the test when the build fails.
func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// detect runs bin/detect.
func (s *site) detect() (passes bool, says string) {
	s.T.Helper()
	return s.Detect(python.Detect)
}
