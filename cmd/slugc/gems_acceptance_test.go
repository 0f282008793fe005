//go:build acceptance

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/slugc/slugc/buildpacks/ruby/gemstest"
	"github.com/slugc/slugc/stack/download/downloadtest"
)

// gemsApp is an app with gems, as name and version, from an index.
type gemsApp struct {
	*slugc
	index *downloadtest.Index
}

// lock makes the app. More are sections of the lock file before that of the index,
// and wants the lines of the Gemfile for them.
func (a gemsApp) lock(gems []string, wants, more string) {
	text, specs, dependencies := "source \"https://gems.example.com\"\n"+wants, "", ""
	for _, gem := range gems {
		name, version, _ := strings.Cut(gem, " ")
		text += fmt.Sprintf("gem %q\n", name)
		specs += fmt.Sprintf("    %s (%s)\n", name, version)
		dependencies += "  " + name + "\n"
	}
	if more != "" {
		dependencies = "  greet!\n" + dependencies
	}
	a.write("app/Gemfile", text)
	a.write("app/Gemfile.lock", more+"GEM\n  remote: https://gems.example.com/\n  specs:\n"+specs+"\nPLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n"+dependencies+"\nBUNDLED WITH\n   2.6.7\n")
	a.write("app/Procfile", "web: ruby app.rb\n")
}

func (a gemsApp) build(more ...string) (code int, out string) {
	return a.run(append([]string{"build", "app", "--stack", "slugc-13", "--cache", "cache"}, more...)...)
}

// fetched are the gems that were downloaded since the last call.
func (a gemsApp) fetched() string {
	var names []string
	for _, path := range a.index.Requests() {
		if strings.HasPrefix(path, "/gems/") {
			names = append(names, strings.TrimSuffix(filepath.Base(path), ".gem"))
		}
	}
	a.index.Forget()
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestGems has the real Bundler install from an index that behaves, and from one
// that does not.
func TestGems(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to cut off the network")
	}
	plain := func(name, version string) gemstest.Gem {
		return gemstest.Gem{Name: name, Version: version, Files: map[string][]byte{"lib/" + name + ".rb": []byte("module Plain\n  VERSION = \"" + version + "\"\nend\n")}}
	}
	open := func(t *testing.T) gemsApp {
		t.Helper()
		s := newStackedSlugc(t)
		x := gemstest.Serve(t, gemstest.Native("1.0.0"), gemstest.Native("1.1.0"), plain("plain", "1.0.0"), plain("base64", "9.0.0"))
		s.env = []string{"BUNDLE_MIRROR__ALL=" + x.URL}
		return gemsApp{slugc: s, index: x}
	}
	t.Run("one gem more is one download", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.lock([]string{"hello_native 1.0.0"}, "", "")
		a.must("build", "app", "--stack", "slugc-13", "--cache", "cache")
		if got := a.fetched(); got != "hello_native-1.0.0" {
			t.Errorf("it fetched %s", got)
		}
		a.lock([]string{"base64 9.0.0", "hello_native 1.0.0"}, "", "")
		out := a.must("build", "app", "--stack", "slugc-13", "--cache", "cache")
		if got := a.fetched(); got != "base64-9.0.0" || !strings.Contains(out, "Gemfile.lock changed") {
			t.Errorf("it fetched %s\n%s", got, out)
		}
		// A gem that is newer than a part of the standard library is the one that counts.
		out = a.must("run", "slug:slug.tgz", "--", "bash", "-c", "cd /app && bundle exec ruby -rhello_native -e 'require %q(base64); puts Plain::VERSION, HelloNative.hello, HelloNative::VERSION'")
		if !strings.Contains(out, "9.0.0\nhello from C\n1.0.0") {
			t.Errorf("got %s", out)
		}
	})

	t.Run("groups that are left out", func(t *testing.T) {
		a := open(t)
		a.lock([]string{"plain 1.0.0"}, "gem \"hello_native\", group: :test\ngem \"base64\", group: :metrics\n", "")
		lock := strings.NewReplacer("    plain (1.0.0)\n", "    base64 (9.0.0)\n    hello_native (1.0.0)\n    plain (1.0.0)\n", "  plain\n", "  base64\n  hello_native\n  plain\n")
		a.write("app/Gemfile.lock", lock.Replace(a.read("app/Gemfile.lock")))
		a.must("build", "app", "--stack", "slugc-13", "--cache", "cache")
		if got := a.fetched(); got != "base64-9.0.0 plain-1.0.0" {
			t.Errorf("it fetched %s", got)
		}
		// What is not there, the processes do not miss.
		out := a.must("run", "slug:slug.tgz", "--", "bash", "-c", "cd /app && bundle exec ruby -e 'puts Gem.loaded_specs.keys.sort.join(%q( ))'")
		if !strings.Contains(out, "base64 bundler plain\n") {
			t.Errorf("got %s", out)
		}
		out = a.must("build", "app", "--stack", "slugc-13", "--cache", "cache", "-e", "BUNDLE_WITHOUT=metrics:development")
		if got := a.fetched(); got != "hello_native-1.0.0" || !strings.Contains(out, "a setting, or a gem in the app changed") {
			t.Errorf("it fetched %s\n%s", got, out)
		}
		out = a.must("run", "slug:slug.tgz", "--", "bash", "-c", "cd /app && bundle exec ruby -e 'require %q(hello_native); puts HelloNative.hello, Gem.loaded_specs.keys.sort.join(%q( ))'")
		if !strings.Contains(out, "hello from C\nbundler hello_native plain\n") {
			t.Errorf("got %s", out)
		}
	})

	t.Run("credentials", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.index.User, a.index.Password = "me", registryWord
		a.lock([]string{"plain 1.0.0"}, "", "")
		code, out := a.build()
		holds(t, out, code, 51, "slugc build --secret BUNDLE_GEMS__EXAMPLE__COM=USER:TOKEN")
		a.env = []string{"BUNDLE_MIRROR__ALL=" + strings.Replace(a.index.URL, "://", "://me:"+registryWord+"@", 1)}
		code, out = a.build()
		holds(t, out, code, 0, "Installing plain 1.0.0")
		if strings.Contains(out, registryWord) {
			t.Errorf("it prints the password:\n%s", out)
		}
	})

	t.Run("an index that does not answer", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.lock([]string{"plain 1.0.0"}, "", "")
		a.index.Fail("*", http.StatusServiceUnavailable)
		code, out := a.build("-e", "BUNDLE_RETRY=0")
		holds(t, out, code, 75, "the index of gems could not be reached")
	})

	t.Run("another file than the index has the checksum of", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.lock([]string{"plain 1.0.0"}, "", "")
		a.index.Replace("/gems/plain-1.0.0.gem", a.index.File("/gems/base64-9.0.0.gem"))
		code, out := a.build("-e", "BUNDLE_RETRY=0")
		if code != 51 && code != 75 || !strings.Contains(out, "plain") {
			t.Errorf("exit code %d\n%s", code, out)
		}
		holds(t, out, code, code, "has the checksum of")
	})

	t.Run("a version that was taken back", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.lock([]string{"plain 1.0.5"}, "", "")
		code, out := a.build()
		holds(t, out, code, 51, "plain (1.0.5)", "bundle update --conservative")
	})

	t.Run("a gem from git", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.write("greet/greet.gemspec", "Gem::Specification.new do |s|\n  s.name = 'greet'\n  s.version = '0.1.0'\n  s.summary = 'x'\n  s.authors = ['x']\n  s.files = Dir['lib/*']\nend\n")
		a.write("greet/lib/greet.rb", "module Greet\n  WORD = 'from git'\nend\n")
		a.shell(a.dir, "cd greet && git init -q -b main . && git add . && git -c user.name=x -c user.email=x@example.com commit -qm x && "+
			"git clone -q --bare . ../served.git && git -C ../served.git update-server-info && git rev-parse HEAD > ../revision")
		served := httptest.NewServer(http.FileServer(http.Dir(a.dir)))
		t.Cleanup(served.Close)
		address := served.URL + "/served.git"
		a.lock([]string{"plain 1.0.0"}, fmt.Sprintf("gem \"greet\", git: %q\n", address),
			"GIT\n  remote: "+address+"\n  revision: "+strings.TrimSpace(a.read("revision"))+"\n  specs:\n    greet (0.1.0)\n\n")
		digest := func(cache string) string {
			out := a.must("build", "app", "--stack", "slugc-13", "--cache", cache)
			return regexp.MustCompile(`sha256:[0-9a-f]{64}`).FindString(out)
		}
		if one, two := digest("cache"), digest("other"); one != two {
			t.Errorf("two cold builds are %s and %s", one, two)
		}
		out := a.must("run", "slug:slug.tgz", "--", "bash", "-c", "cd /app && bundle exec ruby -rgreet -e 'puts Greet::WORD'")
		if !strings.Contains(out, "from git") {
			t.Errorf("got %s", out)
		}
	})

	t.Run("gems in vendor/cache", func(t *testing.T) {
		t.Parallel()
		a := open(t)
		a.lock([]string{"hello_native 1.1.0", "plain 1.0.0"}, "", "")
		// Ruby is in the cache then, and gems of another app.
		a.must("build", "app", "--stack", "slugc-13", "--cache", "cache")
		for _, name := range []string{"hello_native-1.0.0.gem", "plain-1.0.0.gem"} {
			a.write("app/vendor/cache/"+name, string(a.index.File("/gems/"+name)))
		}
		a.lock([]string{"hello_native 1.0.0", "plain 1.0.0"}, "", "")
		c := a.command(t.Context(), "build", "app", "--stack", "slugc-13", "--cache", "cache")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		text, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(text), "Gems come from vendor/cache in the app alone") {
			t.Errorf("%v\n%s", err, text)
		}
	})
}
