package rust

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/download"
)

// fakeCargo is a Cargo that notes how it is called, and the times of the files
// in src. A build makes the programs of FAKE_BINS, unless the app's fail.txt says
// how it fails.
const fakeCargo = `#!/bin/sh
echo "cargo $*" >>"$FAKE_LOG"
for word; do
	case $word in
	tree) echo 'hello v0.1.0 (/app)'; echo 'small v1.2.3'; exit ;;
	build) build=yes ;;
	esac
done
[ -n "$build" ] || exit 2
[ -e "$CARGO_HOME/credentials.toml" ] && echo "credentials $(cat "$CARGO_HOME/credentials.toml")" >>"$FAKE_LOG"
if [ -e fail.txt ]; then cat fail.txt; exit 101; fi
for file in $(find . -name '*.rs' | sort); do echo "$file $(stat -c %Y "$file")" >>"$FAKE_LOG"; done
mkdir -p "$CARGO_TARGET_DIR/release" "$CARGO_HOME/registry/cache/index" "$CARGO_HOME/git"
: >"$CARGO_HOME/registry/cache/index/small-1.2.3.crate"
for bin in $FAKE_BINS; do echo "program $bin $(cat src/main.rs 2>/dev/null)" >"$CARGO_TARGET_DIR/release/$bin"; done
`

// oneBin is an app with one binary and one package.
func oneBin() map[string]string {
	return map[string]string{
		"Cargo.toml":  "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nsmall = \"1.2\"\n",
		"Cargo.lock":  lockOf("hello 0.1.0: small", "small 1.2.3*"),
		"src/main.rs": "fn main() {}\n",
		"page.html":   "page",
	}
}

// usual is the source of packages of the usual registry in a lock file.
const usual = "registry+https://github.com/rust-lang/crates.io-index"

// lockOf is a lock file with packages "NAME VERSION: DEPENDENCIES"; a star after
// the version is for one of the registry.
func lockOf(packages ...string) string {
	var text strings.Builder
	text.WriteString("version = 4\n")
	for _, one := range packages {
		head, dependencies, _ := strings.Cut(one, ":")
		name, version, _ := strings.Cut(head, " ")
		version, foreign := strings.CutSuffix(version, "*")
		text.WriteString("\n[[package]]\nname = \"" + name + "\"\nversion = \"" + version + "\"\n")
		if foreign {
			text.WriteString("source = \"" + usual + "\"\nchecksum = \"" + layer.Sum([]byte(name)) + "\"\n")
		}
		if words := strings.Fields(dependencies); len(words) > 0 {
			text.WriteString("dependencies = [\"" + strings.Join(words, "\", \"") + "\"]\n")
		}
	}
	return text.String()
}

// site is the place of a build: an app, its layers and a platform, as a CNB
// lifecycle lays them out, with the archive that Rust comes from.
type site struct {
	t                *testing.T
	app, layers, dir string
	// member is the directory of app that is built, "" for all of it.
	member  string
	files   map[string]string
	env     map[string]string
	archive *debiantest.Archive
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), files: oneBin()}
	rustc := func(end, version string) []debiantest.Package {
		return []debiantest.Package{
			{Name: "rustc" + end, Version: version, Files: map[string]string{"/usr/bin/rustc*": "#!/bin/sh\n"}},
			{Name: "cargo" + end, Version: version, Files: map[string]string{"/usr/bin/cargo*": fakeCargo}},
		}
	}
	s.archive = debiantest.New(t, append(rustc("", "1.85.0+dfsg3-1"), rustc("-web", "1.96.0+dfsg1-1~deb13u1")...)...)
	tools := filepath.Join(dir, "tools")
	for _, d := range []string{s.layers, tools, filepath.Join(dir, "buildpack"), filepath.Join(dir, "platform")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.env = map[string]string{"PATH": tools + ":" + os.Getenv("PATH"), "FAKE_LOG": filepath.Join(dir, "log"), "FAKE_BINS": "hello"}
	s.put("tools/cc", "#!/bin/sh\n", 0o755)
	s.put("buildpack/buildpack.toml", string(TOML), 0o644)
	return s
}

func (s *site) put(name, text string, mode fs.FileMode) {
	s.t.Helper()
	if err := layer.WriteBeside(filepath.Join(s.dir, name), []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

// write puts files into the app. One with no text is taken out.
func (s *site) write(files map[string]string) {
	for name, text := range files {
		s.files[name] = text
		if text == "" {
			delete(s.files, name)
		}
	}
}

// ending is a libcnb.ExitHandler that keeps how a phase ended.
type ending struct{ err error }

func (e *ending) Error(err error) { e.err = err }
func (e *ending) Fail()           {}
func (e *ending) Pass()           {}

// build runs the whole of libcnb's build phase on a fresh copy of the app, whose
// files are all of one old time.
func (s *site) build() (string, error) {
	s.t.Helper()
	if err := os.RemoveAll(s.app); err != nil {
		s.t.Fatal(err)
	}
	old := time.Unix(1e9, 0)
	for name, text := range s.files {
		s.put("app/"+name, text, 0o644)
		if err := os.Chtimes(filepath.Join(s.app, name), old, old); err != nil {
			s.t.Fatal(err)
		}
	}
	s.t.Chdir(filepath.Join(s.app, s.member))
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR": filepath.Join(s.dir, "buildpack"), "CNB_LAYERS_DIR": s.layers,
		"CNB_PLATFORM_DIR": filepath.Join(s.dir, "platform"), "CNB_BP_PLAN_PATH": filepath.Join(s.dir, "plan.toml"),
		"CNB_TARGET_OS": "linux", "CNB_TARGET_ARCH": "amd64", "CNB_TARGET_DISTRO_NAME": "test",
	} {
		s.t.Setenv(name, value)
	}
	var out bytes.Buffer
	var end ending
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	fetcher := download.NewFetcher(&http.Client{})
	helpers := language.Helpers{Out: &out, Env: s.env, Runner: tool.Local{Grace: time.Second}, Now: time.Now, Fetcher: fetcher}
	build := language.Func(ctx, helpers, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		set, err := readSettings(common.Env)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		b := &rustBuild{Build: common, settings: set}
		b.registries = func() error {
			catalogue, err := runtime.Builtin()
			b.Runtimes = runtime.Resolver{
				Catalogue: catalogue,
				Debian:    &runtime.Debian{Repository: s.archive.Repository(s.t), Suites: s.archive.Suites(), Distribution: "debian-13"},
			}
			return err
		}
		return b.run(ctx)
	})
	libcnb.Build(build, libcnb.NewConfig(libcnb.WithArguments([]string{"build"}), libcnb.WithExitHandler(&end)))
	return out.String(), end.err
}

func (s *site) mustBuild() string {
	s.t.Helper()
	out, err := s.build()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// calls is what Cargo noted since the last call.
func (s *site) calls() []string {
	s.t.Helper()
	data, err := os.ReadFile(s.env["FAKE_LOG"])
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.Remove(s.env["FAKE_LOG"]); err != nil {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// processes are those of the last build, by type.
func (s *site) processes() map[string]string {
	s.t.Helper()
	var launch libcnb.LaunchTOML
	if _, err := toml.DecodeFile(filepath.Join(s.layers, "launch.toml"), &launch); err != nil {
		s.t.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range launch.Processes {
		found[p.Type] = strings.Join(p.Command, " ")
	}
	return found
}

// listing lists the files below a directory of the site.
func (s *site) listing(name string) []string {
	s.t.Helper()
	var names []string
	root := filepath.Join(s.dir, name)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if link, err := os.Readlink(path); err == nil {
			rel += " -> " + link
		}
		names = append(names, rel)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

func (s *site) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// holds checks that a text has others in it.
func holds(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
