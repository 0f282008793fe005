//go:build acceptance

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/php"
	"github.com/slugc/slugc/buildpacks/php/composertest"
)

// composerApp is an app with packages of Composer, from a server of them.
type composerApp struct {
	*slugc
	index composertest.Index
}

// lock makes the app: composer.json requires the packages, with more of its fields.
func (a composerApp) lock(more map[string]any, packages ...composertest.Package) {
	a.t.Helper()
	require := map[string]string{}
	for _, p := range packages {
		require[p.Name] = "*"
	}
	fields := map[string]any{"name": "example/app", "require": require}
	maps.Copy(fields, more)
	text, err := json.Marshal(fields)
	if err != nil {
		a.t.Fatal(err)
	}
	hash, err := php.ContentHash(text)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write("app/composer.json", string(text))
	a.write("app/composer.lock", string(composertest.Lock(a.t, hash, nil, packages...)))
	a.write("app/Procfile", "web: php -S 0.0.0.0:$PORT\n")
}

func (a composerApp) build() (code int, out string) {
	return a.run("build", "app", "--stack", "slugc-13", "--cache", "cache")
}

// fetched are the packages that were downloaded since the last call.
func (a composerApp) fetched() string {
	var names []string
	for _, path := range a.index.Requests() {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(path, "/dist/"), ".zip"))
	}
	a.index.Forget()
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestComposer has the real Composer install from a server that behaves, and from one
// that does not.
func TestComposer(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to cut off the network")
	}
	first := newSlugc(t)
	for _, variant := range []string{"run", "build"} {
		first.must("stack", "create", "slugc-13", "--variant", variant)
	}
	plain := func(name, version string) composertest.Package {
		class := strings.ToUpper(name[:1]) + name[1:]
		return composertest.Package{Name: "example/" + name, Version: version, Files: map[string][]byte{
			"src/" + class + ".php": []byte("<?php\nclass " + class + " { const VERSION = '" + version + "'; }\n"),
		}}
	}
	open := func(t *testing.T) composerApp {
		t.Helper()
		s := newSlugc(t)
		s.home = first.home
		x := composertest.Serve(t, plain("one", "1.0.0"), plain("one", "1.1.0"), plain("two", "2.0.0"))
		s.env = x.Settings(t)
		return composerApp{slugc: s, index: x}
	}
	t.Run("one package more is one download", func(t *testing.T) {
		a := open(t)
		a.lock(nil, plain("one", "1.0.0"))
		a.must("build", "app", "--stack", "slugc-13", "--cache", "cache")
		if got := a.fetched(); got != "example/one/1.0.0" {
			t.Errorf("it fetched %s", got)
		}
		a.lock(nil, plain("one", "1.0.0"), plain("two", "2.0.0"))
		out := a.must("build", "app", "--stack", "slugc-13", "--cache", "cache")
		if got := a.fetched(); got != "example/two/2.0.0" {
			t.Errorf("it fetched %s\n%s", got, out)
		}
		out = a.must("run", "slug:slug.tgz", "--", "php", "-r", "require 'vendor/autoload.php'; echo One::VERSION, ' ', Two::VERSION;")
		if !strings.Contains(out, "1.0.0 2.0.0") {
			t.Errorf("got %s", out)
		}
	})

	t.Run("the hash that Composer writes", func(t *testing.T) {
		a := open(t)
		a.lock(map[string]any{
			"extra": map[string]any{"a": []any{1, 1.5, "é/\"\\", map[string]any{}, nil, true}, "0": "x"}, "config": map[string]any{"platform": map[string]any{"ext-none": "1.0"}},
			"scripts": map[string]any{"compile": "@composer validate --no-check-all --no-check-publish --check-lock"}, "description": "x", "license": "MIT", "minimum-stability": "dev", "prefer-stable": true,
		}, plain("one", "1.0.0"))
		code, out := a.build()
		holds(t, out, code, 0, "is valid")
	})

	t.Run("credentials", func(t *testing.T) {
		a := open(t)
		a.index.User, a.index.Password = "me", registryWord
		a.lock(nil, plain("one", "1.0.0"))
		code, out := a.build()
		holds(t, out, code, 51, "slugc build --secret COMPOSER_AUTH=")
		a.env = append(a.env, `COMPOSER_AUTH={"http-basic": {"`+composertest.Host+`": {"username": "me", "password": "`+registryWord+`"}}}`)
		code, out = a.build()
		holds(t, out, code, 0, "Installing example/one (1.0.0)")
		if strings.Contains(out, registryWord) {
			t.Errorf("it prints the password:\n%s", out)
		}
		if text := a.must("run", "slug:slug.tgz", "--", "sh", "-c", "env; grep -r "+registryWord+" /app || true"); strings.Contains(text, registryWord) {
			t.Errorf("the password lies in the app:\n%s", text)
		}
	})

	t.Run("a server that does not answer", func(t *testing.T) {
		a := open(t)
		a.lock(nil, plain("one", "1.0.0"))
		a.index.Fail("*", http.StatusServiceUnavailable)
		code, out := a.build()
		holds(t, out, code, 75, "a server of packages could not be reached")
	})

	t.Run("another file than was locked", func(t *testing.T) {
		a := open(t)
		a.lock(nil, plain("one", "1.0.0"))
		a.write("app/composer.lock", strings.Replace(a.read("app/composer.lock"), `"shasum": ""`, `"shasum": "`+strings.Repeat("0", 40)+`"`, 1))
		code, out := a.build()
		holds(t, out, code, code, "another file than the lock file has the checksum of")
		if code != 51 && code != 75 {
			t.Errorf("exit code %d", code)
		}
	})

	t.Run("something else than an archive", func(t *testing.T) {
		a := open(t)
		a.lock(nil, plain("one", "1.0.0"))
		a.index.Replace("/dist/example/one/1.0.0.zip", []byte("<html>Sign in</html>"))
		code, out := a.build()
		holds(t, out, code, 75, "something else than an archive")
		a.index.Replace("/dist/example/one/1.0.0.zip", a.index.File("/dist/example/one/1.1.0.zip"))
		code, out = a.build()
		holds(t, out, code, 0, "Installing example/one")
	})

	t.Run("a release that was taken back", func(t *testing.T) {
		a := open(t)
		a.lock(nil, plain("one", "1.0.5"))
		code, out := a.build()
		holds(t, out, code, 51, "does not have a file that is locked any more: http://"+composertest.Host+"/dist/example/one/1.0.5.zip", "composer update VENDOR/NAME")
	})

	t.Run("a script that fails", func(t *testing.T) {
		a := open(t)
		a.lock(map[string]any{"scripts": map[string]any{"post-install-cmd": "@php -r 'exit(3);'"}}, plain("one", "1.0.0"))
		code, out := a.build()
		holds(t, out, code, 51, "a script of the app failed: @php -r 'exit(3);'")
	})

	t.Run("a package of the app itself, and one from git", func(t *testing.T) {
		a := open(t)
		a.write("greet/composer.json", `{"name": "example/greet", "autoload": {"classmap": ["src/"]}}`)
		a.write("greet/src/Greet.php", "<?php\nclass Greet { const WORD = 'from git'; }\n")
		a.shell(a.dir, "cd greet && git init -q -b main . && git add . && git -c user.name=x -c user.email=x@example.com commit -qm x && "+
			"git clone -q --bare . ../served.git && git -C ../served.git update-server-info && git rev-parse HEAD > ../revision")
		served := httptest.NewServer(http.FileServer(http.Dir(a.dir)))
		t.Cleanup(served.Close)
		a.lock(nil, plain("one", "1.0.0"), composertest.Package{Name: "example/own", Version: "1.0.0"}, composertest.Package{Name: "example/greet", Version: "1.0.0"})
		var lock map[string]any
		if err := json.Unmarshal([]byte(a.read("app/composer.lock")), &lock); err != nil {
			t.Fatal(err)
		}
		for _, one := range lock["packages"].([]any) {
			switch p := one.(map[string]any); p["name"] {
			case "example/own":
				p["dist"] = map[string]any{"type": "path", "url": "packages/own", "reference": "x"}
			case "example/greet":
				delete(p, "dist")
				p["source"] = map[string]any{"type": "git", "url": served.URL + "/served.git", "reference": strings.TrimSpace(a.read("revision"))}
			}
		}
		text, err := json.Marshal(lock)
		if err != nil {
			t.Fatal(err)
		}
		a.write("app/composer.lock", string(text))
		a.write("app/packages/own/composer.json", `{"name": "example/own"}`)
		a.write("app/packages/own/src/Own.php", "<?php\nclass Own { const WORD = 'own'; }\n")
		digest := func(cache string) string {
			out := a.must("build", "app", "--stack", "slugc-13", "--cache", cache)
			return regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(out)
		}
		if one, two := digest("cache"), digest(filepath.Join("other", "cache")); one != two {
			t.Errorf("two cold builds are %s and %s", one, two)
		}
		out := a.must("run", "slug:slug.tgz", "--", "php", "-r", "require 'vendor/autoload.php'; echo Greet::WORD, ', ', Own::WORD;")
		if !strings.Contains(out, "from git, own") {
			t.Errorf("got %s", out)
		}
	})

	t.Run("a plugin that may run", func(t *testing.T) {
		a := open(t)
		p := composertest.Package{
			Name: "example/plugin", Version: "1.0.0", Type: "composer-plugin", Require: map[string]string{"composer-plugin-api": "^2.0"}, Extra: map[string]any{"class": "ExamplePlugin"},
			Files: map[string][]byte{"src/ExamplePlugin.php": []byte("<?php\nclass ExamplePlugin implements Composer\\Plugin\\PluginInterface {\n" +
				"public function activate(Composer\\Composer $c, Composer\\IO\\IOInterface $io) { $io->write('the plugin runs'); }\n" +
				"public function deactivate(Composer\\Composer $c, Composer\\IO\\IOInterface $io) {}\npublic function uninstall(Composer\\Composer $c, Composer\\IO\\IOInterface $io) {}\n}\n")},
		}
		a.index = composertest.Serve(t, p)
		a.env = a.index.Settings(t)
		a.lock(map[string]any{"config": map[string]any{"allow-plugins": map[string]any{"example/plugin": true}}}, p)
		code, out := a.build()
		holds(t, out, code, 0, "the plugin runs")
		a.lock(nil, p)
		code, out = a.build()
		holds(t, out, code, 51, "example/plugin is a plugin of Composer", fmt.Sprintf("composer config allow-plugins.%s true", p.Name))
	})
}
