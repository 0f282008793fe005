package ruby

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/download"
)

func TestBuild(t *testing.T) { spec.Run(t, "bin/build", testBuild) }

func testBuild(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() {
		s = newSite(t)
		s.gems("rack 3.1.20", "puma 6.6.0")
		s.files["config.ru"] = "run App\n"
	})

	it("installs Ruby and the gems, and says how the app starts", func() {
		s.Env["BUNDLE_GEMS__EXAMPLE__COM"] = "me:hunter22"
		out := s.mustBuild()
		languagetest.Holds(t, out, "Ruby 3.3.8 (the default of the stack)", "ran install", "web: bundle exec puma --port ${PORT:-8000} (config.ru, on Puma)", "console: bundle exec irb")
		if strings.Contains(out, "Using bundler") {
			t.Errorf("it repeats what is of no use:\n%s", out)
		}
		languagetest.Holds(t, s.Text("layers", cacheLayer, "settings"), "development:test true me:hunter22")
		for _, name := range []string{"cache/x.gem", "gems/x/ext/x/Makefile", "gems/x/ext/x/mkmf.log"} {
			if got := s.Text("layers", gemsLayer, "ruby/3.3.0", name); got != "" {
				t.Errorf("%s stays: %s", name, got)
			}
		}
		for _, name := range []string{"gems/x", "gems/x/x.rb"} {
			info, err := os.Stat(filepath.Join(s.Dir, "layers", gemsLayer, "ruby/3.3.0", name))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm()&0o022 != 0 {
				t.Errorf("%s is for everyone to write: %v", name, info.Mode())
			}
		}
		if got := s.Text("layers", rubyLayer, "usr/lib/x86_64-linux-gnu/libruby-3.3-static.a"); got != "" {
			t.Error("the static library stays")
		}
		languagetest.Holds(t, s.Text("layers", gemsLayer, "env.launch/RACK_ENV.default"), "production")
		languagetest.Holds(t, s.Text("layers", rubyLayer, "env.launch/RUBYOPT.prepend"), "-r", "/ruby/slugc/load_path.rb")
		languagetest.Holds(t, s.Text("layers", rubyLayer, "slugc/load_path.rb"), "$LOAD_PATH.replace")
		languagetest.Holds(t, s.Text("layers", gemsLayer+".sbom.cdx.json"), "pkg:gem/rack@3.1.20", "pkg:gem/puma@6.6.0", "MIT")
		if got := s.Text("layers", gemsLayer, "env.launch/RAILS_ENV.default"); got != "" {
			t.Errorf("it is no app of Rails: %s", got)
		}
	})

	it("keeps all of it for the same app, and asks nobody", func() {
		s.mustBuild()
		before := s.launchStamps()
		s.archive.Requests()
		out := s.mustBuild()
		languagetest.Holds(t, out, "Ruby 3.3.8 (the default of the stack), from the cache", "Reusing the gems (Gemfile.lock unchanged)")
		if strings.Contains(out, "ran ") {
			t.Errorf("it runs something:\n%s", out)
		}
		if diff := cmp.Diff(before, s.launchStamps()); diff != "" {
			t.Error(diff)
		}
		if asked := s.archive.Requests(); len(asked) > 0 {
			t.Errorf("it asks for %v", asked)
		}
	})

	it("installs again when the lock file, a group or a Gemfile changes, and says why", func() {
		s.mustBuild()
		s.gems("rack 3.1.21", "puma 6.6.0")
		languagetest.Holds(t, s.mustBuild(), "Installing the gems (Gemfile.lock changed)")
		s.Env["BUNDLE_WITHOUT"] = "test"
		languagetest.Holds(t, s.mustBuild(), "Installing the gems (Ruby, a setting, or a gem in the app changed)")
	})

	it("makes a lock file of Windows fit", func() {
		s.files[gemfileLock] = strings.ReplaceAll(strings.Replace(s.files[gemfileLock], "  ruby\n  x86_64-linux\n", "  x64-mingw-ucrt\n", 1), "\n", "\r\n")
		languagetest.Holds(t, s.mustBuild(), "Made Gemfile.lock fit: it had the line ends of Windows; it was made for x64-mingw-ucrt, and its gems are for any system")
		if got := s.Text("app", gemfileLock); strings.Contains(got, "\r") || !strings.Contains(got, "PLATFORMS\n  x64-mingw-ucrt\n  x86_64-linux\n\n") {
			t.Errorf("got %s", got)
		}
	})

	it("precompiles assets once for the same app, without the password of an index", func() {
		s.Env["BUNDLE_GEMS__EXAMPLE__COM"] = "me:hunter22"
		s.gems("railties 7.2.2", "sprockets-rails 3.5.2", "puma 6.6.0")
		out := s.mustBuild()
		languagetest.Holds(t, out, "ran exec rake assets:precompile")
		if strings.Contains(out, "the cache has a part") {
			t.Error("there is a cache from nowhere")
		}
		made := s.Text("app", "public/assets/made.txt")
		if made != "1 \n" {
			t.Errorf("got %q", made)
		}
		if _, err := os.Stat(filepath.Join(s.App, "tmp")); !os.IsNotExist(err) {
			t.Errorf("the cache of assets stays in the app: %v", err)
		}
		out = s.mustBuild()
		languagetest.Holds(t, out, "Reusing what they made")
		if strings.Contains(out, "ran ") || s.Text("app", "public/assets/made.txt") != made {
			t.Errorf("got %s", out)
		}
		s.files["app/assets/new.css"] = "a {}\n"
		languagetest.Holds(t, s.mustBuild(), "bundle exec rake assets:precompile (the app changed)", "the cache has a part")
		if _, err := os.Stat(filepath.Join(s.App, "tmp")); !os.IsNotExist(err) {
			t.Errorf("with a cache the app is another one than without: %v", err)
		}
		languagetest.Holds(t, s.Text("layers", gemsLayer, "env.launch/RAILS_SERVE_STATIC_FILES.default"), "enabled")
		languagetest.Holds(t, s.Text("layers", gemsLayer, "exec.d/processes"), "SECRET_KEY_BASE", "WEB_CONCURRENCY")
		if got := s.Text("layers", gemsLayer, "env.launch/SECRET_KEY_BASE.default"); got != "" {
			t.Error("a secret lies in a layer")
		}
	})

	it("leaves assets alone that came with the app", func() {
		s.gems("railties 7.2.2", "sprockets-rails 3.5.2")
		s.files["public/assets/.sprockets-manifest-1.json"] = "{}"
		languagetest.Holds(t, s.mustBuild(), "Skipped: they came with the app, in public/assets")
	})

	it("brings jemalloc for who asks", func() {
		s.Env[jemallocVariable] = "true"
		s.mustBuild()
		languagetest.Holds(t, s.Text("layers", rubyLayer, "env.launch/LD_PRELOAD.prepend"), "/ruby/usr/lib/x86_64-linux-gnu/libjemalloc.so.2")
	})

	it("takes gems that came with the app, and nothing else", func() {
		s.files["vendor/cache/rack-3.1.20.gem"] = "x"
		languagetest.Holds(t, s.mustBuild(), "Gems come from vendor/cache in the app alone", "ran install --local")
	})

	it("runs nothing where there are no gems", func() {
		s.gems()
		out := s.mustBuild()
		languagetest.Holds(t, out, "Gemfile.lock has none")
		if strings.Contains(out, "ran ") {
			t.Errorf("got %s", out)
		}
	})

	it("explains why gems are not installed", func() {
		for says, want := range map[string]struct {
			why   string
			fault download.Fault
		}{
			"Bundler is unlocking x, but the lockfile can't be updated because frozen mode is set":                                                          {"Gemfile.lock is out of step with Gemfile", download.App},
			"Authentication is required for gems.example.com.\nPlease":                                                                                      {"slugc build --secret BUNDLE_GEMS__EXAMPLE__COM", download.App},
			"Bad username or password for https://gems.example.com/.\nPlease":                                                                               {"wants credentials", download.App},
			"Your bundle is locked to rack (3.1.20) from rubygems repository\nhttps://X/ or installed locally, but that version can no longer\nbe found in": {"does not have rack (3.1.20) any more", download.App},
			"Bundler found mismatched checksums. This is a potential security risk.":                                                                        {"lock --add-checksums", download.Registry},
			"Could not fetch specs from https://gems.example.com/ due to underlying error":                                                                  {"could not be reached", download.Passing},
			"Could not reach host gems.example.com. Check your network":                                                                                     {"could not be reached", download.Passing},
			"fatal error: libpq-fe.h: No such file or directory":                                                                                            {"needs the header libpq-fe.h", download.App},
			"The compiler failed to generate an executable file.":                                                                                           {"needs a C compiler", download.App},
			"Your Ruby version is 3.3.8, but your Gemfile specified 3.3.6":                                                                                  {"excludes Ruby 3.3.8", download.App},
			"An error occurred while installing nokogiri (1.2), and Bundler cannot continue.":                                                               {"the gem nokogiri (1.2) does not install here", download.App},
			"Could not find gem 'nothing' in rubygems repository https://gems.example.com/ or installed locally.":                                           {"there is no gem 'nothing' where gems come from", download.App},
			"[!] There was an error parsing `Gemfile`: syntax error":                                                                                        {"Gemfile cannot be read", download.App},
			"Git error: command `git clone x` in directory has failed.":                                                                                     {"comes from a git repository", download.App},
			"something else": {"BUNDLE_DEPLOYMENT=true", download.App},
		} {
			s.files["fake-bundle.txt"] = says + "\n"
			_, err := s.build()
			if err == nil {
				t.Fatal("no error")
			}
			languagetest.Holds(t, err.Error(), "installing the gems with Bundler failed: exit status 7", want.why)
			if got := download.FaultOf(err); got != want.fault {
				t.Errorf("%s: the fault is %v", says, got)
			}
		}
	})

	it("explains why assets are not precompiled", func() {
		s.gems("railties 7.2.2", "propshaft 1.0.0")
		s.files["fake-rake.txt"] = "KeyError: key not found: \"API_KEY\"\n"
		_, err := s.build()
		if err == nil {
			t.Fatal("no error")
		}
		languagetest.Holds(t, err.Error(), "rake assets:precompile failed", "slugc build -e API_KEY=for-the-build")
	})

	it("takes another release of the same line, unless the Gemfile excludes it", func() {
		s.files[versionFile] = "3.3.1\n"
		languagetest.Holds(t, s.mustBuild(), "Ruby 3.3.8 is that of the stack, and takes the place of 3.3.1")
		s.files[gemfile] += "ruby \"3.3.1\"\n"
		_, err := s.build()
		if err == nil {
			t.Fatal("no error")
		}
		languagetest.Holds(t, err.Error(), "ruby in Gemfile excludes Ruby 3.3.8", "ruby \"~> 3.3.0\"    # in Gemfile", "bundle lock")
	})
}

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		passes bool
		says   string
	}{
		"a Gemfile":              {files: map[string]string{gemfile: ""}, passes: true},
		"gems.rb":                {files: map[string]string{gemsRB: ""}, passes: true},
		"a lock file alone":      {files: map[string]string{gemfileLock: ""}, passes: true},
		"config.ru":              {files: map[string]string{"config.ru": ""}, passes: true},
		"another language's app": {files: map[string]string{"config.ru": "", "package.json": "{}"}, says: "no Gemfile or gems.rb in the app's root; found: config.ru, package.json"},
		"nothing":                {says: "it is empty"},
		"a directory":            {files: map[string]string{"web/Gemfile": ""}, says: "slugc build --app web"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.files = c.files
			s.fresh()
			passes, says := s.Detect(Detect)
			if passes != c.passes {
				t.Errorf("passes: %t", passes)
			}
			languagetest.Holds(t, says, c.says)
		})
	}
}
