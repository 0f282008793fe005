package php

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/php/composertest"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/download"
)

// fakePHP is the interpreter of these tests. Composer, when it is told to run that,
// installs what stands in the lock file, or says what the app's fake-composer.txt says
// and fails; a program of a framework notes how it was called.
const fakePHP = `#!/bin/sh
case "$1 $2 $3" in
*/intl.php\ */composer)
	shift 3
	echo "ran composer $*"
	if [ -f fake-composer.txt ]; then cat fake-composer.txt; exit 7; fi
	if [ -f fake-kill ]; then kill -9 $$; fi
	if [ "$1" = run-script ]; then echo compiled >compiled.txt; exit; fi
	mkdir -p vendor/composer "$COMPOSER_CACHE_DIR/files" vendor/psr/log/.git
	[ -f vendor/psr/log/made ] && echo "Nothing to install"
	echo made >vendor/psr/log/made
	echo $$ >vendor/psr/log/.git/HEAD
	echo "$APP_ENV $SOURCE_DATE_EPOCH ${COMPOSER_AUTH:-no credentials}" >vendor/autoload.php
	cat "$COMPOSER_HOME/config.json" >"$COMPOSER_CACHE_DIR/config"
	echo "1 package you are using is looking for funding."
	echo "install [--prefer-source] [--prefer-dist]"
	;;
-d\ *)
	shift 2
	echo "ran $*"
	if [ -f fake-script.txt ]; then cat fake-script.txt; exit 1; fi
	case "$2" in
	cache:warmup) mkdir -p "var/cache/$APP_ENV"; echo "$SOURCE_DATE_EPOCH ${COMPOSER_AUTH:-no credentials}" >"var/cache/$APP_ENV/container"
		echo "'container.build_id' => '00abcdef', 'container.build_time' => $$," >"var/cache/$APP_ENV/App_Container.php" ;;
	package:discover) echo made >bootstrap/cache/packages.php ;;
	esac
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

// newSite is a site whose packages come from an archive that others use too.
func newSite(t *testing.T, archive *debiantest.Archive) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), distro: "debian", files: map[string]string{}}
	s.env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": filepath.Join(dir, "home")}
	if s.archive = archive; archive != nil {
		archive.Requests() // of other tests
	}
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

// newArchive is an archive of Debian with what these tests install.
func newArchive(t *testing.T) *debiantest.Archive {
	t.Helper()
	return debiantest.New(t,
		debiantest.Package{Name: "php8.4-cli", Version: "8.4.27-1", Fields: map[string]string{"Depends": "php8.4-common"}, Files: map[string]string{"/usr/bin/php8.4*": fakePHP}},
		debiantest.Package{Name: "php8.4-common", Version: "8.4.27-1", Files: map[string]string{
			"/usr/lib/php/20240924/ctype.so": "\n", "/usr/share/php8.4-common/common/ctype.ini": "extension=ctype.so\n", "/usr/lib/php/8.4/php.ini-production": "\n",
		}},
		extension("curl"), extension("mbstring"), extension("mysql"), extension("pgsql"), extension("sqlite3"), extension("xml"), extension("zip"), extension("intl"),
		debiantest.Package{Name: "php8.4-redis", Version: "6.2.0-1", Files: map[string]string{"/usr/lib/php/20240924/redis.so": "\n", "/etc/php/8.4/mods-available/redis.ini": "; priority=25\nextension=redis.so\n"}},
		debiantest.Package{Name: "php8.4-fpm", Version: "8.4.27-1", Files: map[string]string{"/usr/sbin/php-fpm8.4*": "#!/bin/sh\n"}},
		debiantest.Package{Name: "composer", Version: "2.8.8-1", Architecture: "all", Files: map[string]string{"/usr/bin/composer*": "#!/usr/bin/php\n<?php\n"}},
		debiantest.Package{Name: "nginx", Version: "1.26.3-3", Files: map[string]string{"/usr/sbin/nginx*": "#!/bin/sh\n"}},
		debiantest.Package{Name: "apache2-bin", Version: "2.4.62-1", Files: map[string]string{"/usr/sbin/apache2*": "#!/bin/sh\n"}},
	)
}

// extension is a Debian package with an extension.
func extension(name string) debiantest.Package {
	return debiantest.Package{Name: "php8.4-" + name, Version: "8.4.27-1", Files: map[string]string{
		"/usr/lib/php/20240924/" + name + ".so": "\n", "/usr/share/php8.4-" + name + "/" + name + "/" + name + ".ini": "extension=" + name + ".so\n",
	}}
}

// require is a composer.json that requires some packages, as "name constraint".
func require(all ...string) string {
	table := map[string]string{}
	for _, one := range all {
		name, wanted, _ := strings.Cut(one, " ")
		table[name] = wanted
	}
	text, err := json.Marshal(map[string]any{"name": "example/app", "require": table})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// lock gives the app a composer.json and the lock file of it with some packages.
func (s *site) lock(manifest string, packages ...composertest.Package) {
	s.t.Helper()
	hash, err := ContentHash([]byte(manifest))
	if err != nil {
		s.t.Fatal(err)
	}
	s.files[composerJSON] = manifest
	s.files[composerLock] = string(composertest.Lock(s.t, hash, nil, packages...))
}

// psrLog is a package.
func psrLog() composertest.Package {
	return composertest.Package{Name: "psr/log", Version: "3.0.2", Licenses: []string{"MIT"}, Require: map[string]string{"php": ">=8.0.0"}}
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
	for _, name := range []string{phpLayer, nginxLayer, serversLayer, settingsLayer, composerLayer, madeLayer} {
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
