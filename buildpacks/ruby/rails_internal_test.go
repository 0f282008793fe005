package ruby

import (
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// rails is a site with an app of Rails.
func rails(t *testing.T, gems ...string) *site {
	t.Helper()
	s := newSite(t)
	s.gems(append([]string{"railties 7.2.2", "sprockets-rails 3.5.2", "puma 6.6.0"}, gems...)...)
	s.files["config.ru"] = "run Rails.application\n"
	s.files[binRails] = "#!/usr/bin/env ruby\n"
	return s
}

// What rake prints of an app of Rails that does not load says what to type.
func TestRailsDoesNotLoad(t *testing.T) {
	s := rails(t)
	for name, c := range map[string]struct {
		says  string
		files map[string]string
		env   map[string]string
		want  []string
	}{
		"a variable": {
			says: "rake aborted!\nKeyError: key not found: \"API_KEY\" (KeyError)\n", want: []string{"slugc build -e API_KEY=for-the-build"},
		},
		"no key": {
			says: "Missing encryption key to decrypt file with. Ask your team for your master key and write it to /app/config/master.key or put it in the ENV['RAILS_MASTER_KEY'].\n",
			want: []string{"the build has no key for them", `slugc build --secret RAILS_MASTER_KEY="$(cat config/master.key)"`},
		},
		"another key": {
			says: "rake aborted!\nActiveSupport::MessageEncryptor::InvalidMessage: ActiveSupport::MessageEncryptor::InvalidMessage\n", env: map[string]string{masterKey: "x"},
			want: []string{"RAILS_MASTER_KEY is not the key that config/credentials.yml.enc was written with"},
		},
		"what the credentials would say": {
			says: "rake aborted!\nNoMethodError: undefined method `[]' for nil (NoMethodError)\n", files: map[string]string{sealedFile: "x"},
			want: []string{"no key for config/credentials.yml.enc, so all that the app reads there is nil", "slugc build --secret RAILS_MASTER_KEY="},
		},
		"a database": {
			says: "rake aborted!\nActiveRecord::ConnectionNotEstablished: connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n",
			want: []string{"the app asks its database when it is loaded", "slugc build -e DATABASE_URL=ADDRESS"},
		},
		"no settings of a database": {
			says: "rake aborted!\nActiveRecord::AdapterNotSpecified: The `production` database is not configured for the `production` environment.\n",
			want: []string{"config/database.yml says nothing of production", `url: <%= ENV["DATABASE_URL"] %>`},
		},
		"no settings at all": {
			says: "rake aborted!\nCannot load database configuration:\nCould not load database configuration. No such file - [\"config/database.yml\"]\n",
			want: []string{"git add -f config/database.yml"},
		},
		"no JavaScript runtime": {
			says: "rake aborted!\nExecJS::RuntimeUnavailable: Could not find a JavaScript runtime.\n", want: []string{"slugc build -b slugc/nodejs-assets -b slugc/ruby"},
		},
		"no Rakefile": {
			says: "rake aborted!\nNo Rakefile found (looking for: rakefile, Rakefile, rakefile.rb, Rakefile.rb)\n", want: []string{"there is no Rakefile", "load_tasks' >> Rakefile"},
		},
		"a gem of another group": {
			says: "rake aborted!\nLoadError: cannot load such file -- debug/prelude\n", want: []string{"the file debug/prelude is in no gem that is installed"},
		},
		"anything else": {
			says: "rake aborted!\nNameError: uninitialized constant Shop\n" + strings.Repeat("/app/x.rb:1:in `x'\n", 60),
			want: []string{"rake says: NameError: uninitialized constant Shop", "SECRET_KEY_BASE_DUMMY=1 bundle exec rake assets:precompile"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			place := *s.Site
			place.T, place.Env = t, maps.Clone(s.Env)
			one := site{Site: &place, files: maps.Clone(s.files), archive: s.archive}
			one.files["fake-rake.txt"] = c.says
			maps.Copy(one.files, c.files)
			maps.Copy(one.Env, c.env)
			out, err := one.build()
			languagetest.Refused(t, out, err, append(c.want, "rake assets:precompile failed: exit status 1")...)
		})
	}
}

// An app that is an API alone has no assets, though a gem for them is locked.
func TestRailsWithoutAssets(t *testing.T) {
	s := rails(t)
	s.files["fake-rake.txt"] = "rake aborted!\nDon't know how to build task 'assets:precompile' (See the list of available tasks with `rake --tasks`)\n"
	languagetest.Holds(t, s.mustBuild(), "Skipped: the app does not load what has the task", "web: bundle exec puma")
	languagetest.Holds(t, s.mustBuild(), "Reusing what they made")
}

// An app that says that it does not load without its key is not installed at all.
func TestRequiredKey(t *testing.T) {
	s := rails(t)
	plain := s.files
	for name, c := range map[string]struct {
		line  string
		files []string
		env   map[string]string
		fails bool
	}{
		"no key":         {line: "  config.require_master_key = true\n", fails: true},
		"a comment":      {line: "  # config.require_master_key = true\n"},
		"a key":          {line: "  config.require_master_key = true\n", env: map[string]string{masterKey: "x"}},
		"a file":         {line: "  config.require_master_key = true\n", files: []string{"config/credentials/production.key"}},
		"no assets":      {line: "  config.require_master_key = true\n", files: []string{"public/assets/.manifest.json"}},
		"nothing of key": {line: "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s.files = maps.Clone(plain)
			s.files[productionFile] = "Rails.application.configure do\n" + c.line + "end\n"
			for _, file := range c.files {
				s.files[file] = "x"
			}
			s.fresh()
			a, err := readApp(s.App, "amd64")
			if err != nil {
				t.Fatal(err)
			}
			err = a.refuseWithoutKey(c.env)
			if (err != nil) != c.fails {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				languagetest.Holds(t, err.Error(), "config/environments/production.rb has config.require_master_key", `slugc build --secret RAILS_MASTER_KEY="$(cat config/master.key)"`)
			}
		})
	}
}

// What Rails notes while its assets are made is no part of the app, and a name by
// chance, or a time, no part of the assets.
func TestSettledAssets(t *testing.T) {
	made := func(name, when string) map[string]string {
		s := newSite(t)
		s.files["log/.keep"] = ""
		s.fresh()
		notes, err := lookAtNotes(s.App)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if w.ModTime, err = time.Parse(time.RFC3339, when); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("a {}")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{
			"log/production.log": when, "tmp/cache/bootsnap/load-path-cache": when, "tmp/local_secret.txt": "x",
			"public/assets/.sprockets-manifest-" + name + ".json": `{"files":{"b-2.css":{"mtime":"` + when + `","size":4},"a-1.css":{"mtime":"` + when + `","size":4}},"assets":{"b.css":"b-2.css"}}`,
			"public/assets/a-1.css.gz":                            packed.String(),
		} {
			path := filepath.Join(s.App, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := notes.settle(); err != nil {
			t.Fatal(err)
		}
		left := map[string]string{}
		for _, pattern := range []string{"*", "*/.*", "*/*", "*/*/.s*", "*/*/*"} {
			found, err := filepath.Glob(filepath.Join(s.App, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range found {
				if text, err := os.ReadFile(file); err == nil {
					left[strings.TrimPrefix(file, s.App+"/")] = string(text)
				}
			}
		}
		return left
	}
	one, two := made("0123456789abcdef0123456789abcdef", "2026-01-31T01:02:03Z"), made("fedcba9876543210fedcba9876543210", "2026-02-28T01:02:03Z")
	if diff := cmp.Diff(one, two); diff != "" {
		t.Error(diff)
	}
	if len(one) != 3 {
		t.Errorf("got %v", one)
	}
	r, err := gzip.NewReader(strings.NewReader(one["public/assets/a-1.css.gz"]))
	if err != nil || !r.ModTime.IsZero() {
		t.Errorf("the time is %v, %v", r, err)
	}
}

func TestWarnings(t *testing.T) {
	s := rails(t, "sqlite3 1.7.3")
	delete(s.files, binRails)
	out := s.mustBuild()
	languagetest.Holds(t, out, "There is no bin/rails", "bundle exec rake app:update:bin", "SQLite keeps its database in a file", "bundle add pg")
	if strings.Contains(out, "console:") {
		t.Errorf("Rails has no console without its command:\n%s", out)
	}

	s = rails(t, "sqlite3 1.7.3", "pg 1.5.9")
	s.gems("railties 7.2.2", "puma 7.0.2", "sqlite3 1.7.3", "pg 1.5.9")
	out = s.mustBuild()
	languagetest.Holds(t, out, "Puma 7.0.2 fails where PUMA_PERSISTENT_TIMEOUT is set", "console: bundle exec ruby bin/rails console")
	if strings.Contains(out, "SQLite") || s.Text("layers", gemsLayer, "env.launch/PUMA_PERSISTENT_TIMEOUT.default") != "" {
		t.Errorf("got %s", out)
	}

	s = rails(t)
	s.fresh()
	if err := os.Chmod(filepath.Join(s.App, binRails), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := (app{dir: s.App}).rails(); got != binRails {
		t.Errorf("got %s", got)
	}
}

// An app has an address of its database while its assets are made, at which
// nobody is.
func TestNoDatabase(t *testing.T) {
	for gem, want := range map[string]string{"pg 1.5.9": "postgresql://", "mysql2 0.5.6": "mysql2://", "trilogy 2.9.0": "trilogy://", "sqlite3 1.7.3": "sqlite3:", "rack 3.1.20": ""} {
		_, text := locked(gem)
		l, err := readLock(gemfileLock, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := (app{lock: l}).noDatabase(); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q", gem, got)
		}
	}
}
