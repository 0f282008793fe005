package ruby

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/download"
)

// fakeRuby is the interpreter of these tests. "ruby -S bundle install" installs
// what stands in the lock file, or says what the app's fake-bundle.txt says and
// fails; "exec rake assets:precompile" makes a file.
const fakeRuby = `#!/bin/sh
echo "ran $3 $4 $5"
case "$3" in
install)
	if [ -f fake-bundle.txt ]; then cat fake-bundle.txt; exit 7; fi
	if [ -f fake-kill ]; then kill -9 $$; fi
	echo "Using bundler 2.6.7"
	home=$BUNDLE_PATH/ruby/3.3.0
	mkdir -p "$home/specifications" "$home/cache" "$home/gems/x/ext/x/" "$BUNDLE_USER_CACHE/gems"
	echo $$ >"$home/cache/x.gem"
	echo $$ >"$home/gems/x/ext/x/Makefile"
	echo $$ >"$home/gems/x/ext/x/mkmf.log"
	echo "$BUNDLE_WITHOUT $BUNDLE_DEPLOYMENT $BUNDLE_GEMS__EXAMPLE__COM" >"$BUNDLE_USER_CACHE/settings"
	sed -n 's/^    \([a-z0-9_-]*\) (\([0-9.]*\)).*/\1 \2/p' Gemfile.lock | while read -r name version; do
		printf "Gem::Specification.new do |s|\n  s.licenses = [\"MIT\".freeze]\nend\n" >"$home/specifications/$name-$version.gemspec"
	done
	;;
exec)
	if [ -f fake-rake.txt ]; then cat fake-rake.txt; exit 1; fi
	[ ! -f tmp/cache/assets/part ] || echo "the cache has a part"
	mkdir -p public/assets tmp/cache/assets
	echo "$SECRET_KEY_BASE_DUMMY $BUNDLE_GEMS__EXAMPLE__COM" >public/assets/made.txt
	echo $$ >tmp/cache/assets/part
	;;
esac
`

// site is the place of a build, as a CNB lifecycle lays it out.
type site struct {
	t                *testing.T
	app, layers, dir string
	files            map[string]string
	env              map[string]string
	archive          *debiantest.Archive
	distro           string
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), distro: "debian", files: map[string]string{}}
	s.env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": filepath.Join(dir, "home")}
	s.archive = debiantest.New(t,
		debiantest.Package{Name: "ruby3.3", Version: "3.3.8-2", Files: map[string]string{"/usr/bin/ruby3.3*": fakeRuby}},
		debiantest.Package{Name: "ruby", Version: "1:3.3"},
		debiantest.Package{Name: "bundler", Version: "2.6.7-2", Files: map[string]string{"/usr/bin/bundle*": "#!/usr/bin/ruby\n"}},
		debiantest.Package{Name: "ruby3.3-dev", Version: "3.3.8-2", Files: map[string]string{"/usr/include/ruby-3.3.0/ruby.h": "\n", "/usr/lib/x86_64-linux-gnu/libruby-3.3-static.a": "\n"}},
		debiantest.Package{Name: "libjemalloc2", Version: "5.3.0-3", Files: map[string]string{"/usr/lib/x86_64-linux-gnu/libjemalloc.so.2": "\n"}},
	)
	for _, d := range []string{s.layers, filepath.Join(dir, "buildpack"), filepath.Join(dir, "platform"), filepath.Join(dir, "home")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "buildpack", "buildpack.toml"), TOML, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// locked is a lock file for gems, as "name version", that the Gemfile names.
func locked(gems ...string) (gemfileText, lockText string) {
	gemfileText, lockText = "source \"https://gems.example.com\"\n", "GEM\n  remote: https://gems.example.com/\n  specs:\n"
	dependencies := ""
	slices.Sort(gems)
	for _, gem := range gems {
		name, version, _ := strings.Cut(gem, " ")
		gemfileText += fmt.Sprintf("gem %q\n", name)
		lockText += "    " + name + " (" + version + ")\n"
		dependencies += "  " + name + "\n"
	}
	return gemfileText, lockText + "\nPLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n" + dependencies + "\nBUNDLED WITH\n   2.6.7\n"
}

// gems are files of an app with some gems.
func (s *site) gems(gems ...string) {
	s.files[gemfile], s.files[gemfileLock] = locked(gems...)
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

// fresh makes the app as its author left it, as every build finds it.
func (s *site) fresh() {
	s.t.Helper()
	if err := os.RemoveAll(s.app); err != nil {
		s.t.Fatal(err)
	}
	if err := os.MkdirAll(s.app, 0o755); err != nil {
		s.t.Fatal(err)
	}
	for name, text := range s.files {
		if err := layer.WriteBeside(filepath.Join(s.app, name), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	s.t.Chdir(s.app)
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR": filepath.Join(s.dir, "buildpack"), "CNB_LAYERS_DIR": s.layers,
		"CNB_PLATFORM_DIR": filepath.Join(s.dir, "platform"), "CNB_BP_PLAN_PATH": filepath.Join(s.dir, "plan.toml"), "CNB_BUILD_PLAN_PATH": filepath.Join(s.dir, "detect.toml"),
		"CNB_TARGET_OS": "linux", "CNB_TARGET_ARCH": "amd64", "CNB_TARGET_DISTRO_NAME": s.distro, "CNB_TARGET_DISTRO_VERSION": "13",
	} {
		s.t.Setenv(name, value)
	}
}

// build runs the whole of libcnb's build phase on a fresh copy of the app.
func (s *site) build() (string, error) {
	s.t.Helper()
	s.fresh()
	var out output
	var end ending
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	helpers := language.Helpers{Out: &out, Env: s.env, Runner: tool.Local{Grace: time.Second}, Now: time.Now, Fetcher: download.NewFetcher(&http.Client{})}
	build := language.Func(ctx, helpers, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		b := &build{Build: common}
		b.registries = func() error {
			catalogue, err := runtime.Builtin()
			common.Runtimes = runtime.Resolver{
				Catalogue: catalogue, Debian: &runtime.Debian{Repository: s.archive.Repository(s.t), Suites: s.archive.Suites(), Distribution: "debian-13"},
				Answers: npm.OpenAnswers(filepath.Join(common.Layers.Path, language.CatalogLayer, "answers.json"), time.Now),
			}
			return err
		}
		return b.run(ctx)
	})
	libcnb.Build(build, libcnb.NewConfig(libcnb.WithArguments([]string{"build"}), libcnb.WithExitHandler(&end), libcnb.WithEnvironmentWriter(keeping{})))
	return out.text.String(), end.err
}

// keeping writes the environment of a layer, where it is not as it should be.
type keeping struct{}

func (keeping) Write(dir string, environment map[string]string) error {
	for name, value := range environment {
		file := filepath.Join(dir, name)
		if old, err := os.ReadFile(file); err == nil && string(old) == value {
			continue
		}
		if err := layer.WriteBeside(file, []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) mustBuild() string {
	s.t.Helper()
	out, err := s.build()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// read reads a file of the site, "" when it is not there.
func (s *site) read(path ...string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{s.dir}, path...)...))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(data)
}

// stamps lists what is in the layers that processes have, with the times of
// change, which tell whether anything was touched.
func (s *site) stamps() []string {
	s.t.Helper()
	var lines []string
	for _, name := range []string{rubyLayer, gemsLayer} {
		err := filepath.WalkDir(filepath.Join(s.layers, name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err == nil {
				lines = append(lines, fmt.Sprint(path, " ", layer.ChangeTime(info)))
			}
			return err
		})
		if err != nil {
			s.t.Fatal(err)
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
