package php

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/php/composertest"
)

// What cannot be built is refused before anything is downloaded.
func TestRefused(t *testing.T) {
	asPath := func(place string) string {
		return `{"content-hash": "", "packages": [{"name": "example/shared", "version": "1.0.0", "dist": {"type": "path", "url": "` + place + `"}}]}`
	}
	archive := newArchive(t)
	for name, c := range map[string]struct {
		change func(s *site)
		says   []string
	}{
		"no lock file":                {func(s *site) { delete(s.files, composerLock) }, []string{"there is no composer.lock", "composer update\n  git add composer.lock"}},
		"a lock file of another name": {func(s *site) { delete(s.files, composerLock); s.files["composer.json.lock"] = "{}" }, []string{"git mv composer.json.lock composer.lock"}},
		"no composer.json":            {func(s *site) { delete(s.files, composerJSON) }, []string{"there is composer.lock, but no composer.json", "git add -f composer.json"}},
		"neither":                     {func(s *site) { s.files = map[string]string{"artisan": ""} }, []string{"there is neither composer.json nor index.php", "composer init"}},
		"another name":                {func(s *site) { s.files = map[string]string{"Composer.json": "{}", indexPHP: ""} }, []string{"git mv Composer.json composer.json"}},
		"JSON with a comma too many":  {func(s *site) { s.files[composerJSON] = "{\n  \"require\": {},\n}\n" }, []string{"composer.json is not valid JSON", "line 3, column 1"}},
		"another kind of value":       {func(s *site) { s.files[composerJSON] = "{\"require\": \"php\"}" }, []string{"\"require\" is a string, which it must not be"}},
		"a broken lock file":          {func(s *site) { s.files[composerLock] = "{" }, []string{"composer.lock is not valid JSON"}},
		"no lock file at all":         {func(s *site) { s.files[composerLock] = "{}" }, []string{"composer.lock is not a lock file of Composer", "composer update"}},
		"a package without a name":    {func(s *site) { s.files[composerLock] = `{"packages": [{}]}` }, []string{"has a package without a name"}},
		"a merge":                     {func(s *site) { s.files[composerLock] = "<<<<<<< HEAD\n" + s.files[composerLock] }, []string{"composer.lock holds an unfinished merge", "git checkout --ours composer.lock\n  composer update --lock"}},
		"a package too few":           {func(s *site) { s.files[composerJSON] = require("psr/log ^3.0", "slim/slim ^3") }, []string{`it was made without slim/slim, which is in "require"`, "composer update --lock", "git add composer.lock"}},
		"another requirement":         {func(s *site) { s.files[composerJSON] = require("psr/log ^2.0") }, []string{`psr/log in "require" has to be ^2.0, and 3.0.2 is locked`}},
		"a requirement that went":     {func(s *site) { s.files[composerJSON] = require("psr/log >=1") }, []string{"what composer.json requires, or where packages come from, was changed after it was made"}},
		"a package of development": {func(s *site) {
			s.files[composerLock] = `{"content-hash": "x", "packages": [], "packages-dev": [{"name": "psr/log", "version": "3.0.2"}]}`
		}, []string{`psr/log is in "require", and was locked for development alone`}},
		"installed packages": {func(s *site) { s.files["vendor/composer/installed.json"] = "{}" }, []string{"vendor/ holds packages that came with the app", "git rm -r --cached vendor\n  echo /vendor/ >> .gitignore"}},
		"packages elsewhere": {func(s *site) { s.files[composerJSON] = `{"config": {"vendor-dir": "../lib"}}` }, []string{"config.vendor-dir in composer.json is ../lib", "composer config --unset vendor-dir"}},
		"another file":       {func(s *site) { s.Env[nameVariable] = "composer-live.json" }, []string{"COMPOSER names composer-live.json, and there is no such file"}},
		"a file elsewhere":   {func(s *site) { s.Env[nameVariable] = "../composer.json" }, []string{"COMPOSER names ../composer.json, which is no file in the app's root"}},
		"another file without its lock": {
			func(s *site) { s.Env[nameVariable] = "live.json"; s.files["live.json"] = s.files[composerJSON] },
			[]string{"there is no live.lock", "COMPOSER=live.json composer update"},
		},
		"a plugin that nobody allowed": {
			func(s *site) {
				s.lock(require("a/plugin *"), composertest.Package{Name: "a/plugin", Version: "1.0.0", Type: "composer-plugin"})
			},
			[]string{"a/plugin is a plugin of Composer, and composer.json does not say that it may run", "composer config allow-plugins.a/plugin true"},
		},
		"a package outside": {
			func(s *site) {
				s.files[composerJSON] = require("example/shared *")
				s.files[composerLock] = asPath("../shared")
			},
			[]string{"example/shared in ../shared, which is outside of the app", "git mv ../shared packages/shared"},
		},
		"a package that is not there": {
			func(s *site) {
				s.files[composerJSON] = require("example/shared *")
				s.files[composerLock] = asPath("packages/shared")
			},
			[]string{"there is no such directory", "git add -f packages/shared"},
		},
		"git on a stack without it": {
			func(s *site) {
				s.Env["PATH"] = s.Dir
				s.files[composerJSON] = require("a/b *")
				s.files[composerLock] = `{"packages": [{"name": "a/b", "version": "dev-main", "source": {"type": "git", "url": "https://git.example.com/b.git"}}]}`
			},
			[]string{"composer.lock has a/b from a git repository, and the stack has no git", "slugc build --stack slugc-13"},
		},
		"a package from nowhere": {
			func(s *site) {
				s.files[composerJSON] = require("a/b *")
				s.files[composerLock] = `{"packages": [{"name": "a/b", "version": "1.0.0"}]}`
			},
			[]string{"composer.lock does not say where a/b comes from"},
		},
		"an unknown extension": {
			func(s *site) { s.lock(require("psr/log ^3.0", "ext-swoole *"), psrLog()) },
			[]string{"there is no extension swoole of PHP on this stack", "require in composer.json wants it", "composer remove --no-update ext-swoole", "composer config platform.ext-swoole"},
		},
		"an unknown extension of a package": {
			func(s *site) {
				p := psrLog()
				p.Require["ext-swoole"] = "*"
				s.lock(require("psr/log ^3.0"), p)
			},
			[]string{"there is no extension swoole", "psr/log 3.0.2 wants it", "composer remove psr/log"},
		},
		"an extension that this Debian does not have": {
			func(s *site) { s.lock(require("psr/log ^3.0", "ext-imap *"), psrLog()) },
			[]string{"there is no extension imap"},
		},
		"an old PHP": {
			func(s *site) { s.lock(require("php ^7.4", "psr/log ^3.0"), psrLog()) },
			[]string{"there is no PHP ^7.4 on this stack, which has PHP 8.4", "require.php in composer.json asks for it", "slugc-13 has PHP 8.4", "composer require --no-update 'php:^8.4'"},
		},
		"a package for an old PHP": {
			func(s *site) {
				p := psrLog()
				p.Require["php"] = "~8.3.0"
				s.lock(require("php ^8.2", "psr/log ^3.0"), p)
			},
			[]string{"psr/log 3.0.2 in composer.lock wants PHP ~8.3.0, and this stack has PHP 8.4", "composer config platform.php 8.4.0\n  composer update psr/log --with-all-dependencies"},
		},
		"credentials that are none": {func(s *site) { s.Env["COMPOSER_AUTH"] = "me:hunter22" }, []string{"reading COMPOSER_AUTH: it is no JSON object", `{"http-basic":`}},
		"HHVM":                      {func(s *site) { s.lock(require("hhvm *", "psr/log ^3.0"), psrLog()) }, []string{"wants HHVM, which slugc does not have"}},
		"no requirement":            {func(s *site) { s.lock(require("php newest", "psr/log ^3.0"), psrLog()) }, []string{"does not say which PHP to use", "php:^8.4"}},
		"an unknown line":           {func(s *site) { s.files[versionFile] = "8.3\n" }, []string{"there is no PHP 8.3 on this stack, which has PHP 8.4", ".php-version asks for it", "echo 8.4 > .php-version"}},
		"no version":                {func(s *site) { s.files[versionFile] = "\n" }, []string{".php-version names no version"}},
		"words":                     {func(s *site) { s.files[versionFile] = "latest\n" }, []string{`.php-version says "latest", which is no version of PHP`}},
		"words in .tool-versions":   {func(s *site) { s.files[version.ToolFile] = "php latest\n" }, []string{`.tool-versions says "php latest"`}},
		"a line in .tool-versions":  {func(s *site) { s.files[version.ToolFile] = "php 8.1.2\n" }, []string{"php in .tool-versions asks for it", "php 8.4    # in .tool-versions"}},
		"a variable":                {func(s *site) { s.Env[versionVariable] = "9" }, []string{"there is no PHP 9 on this stack", "slugc build -e BP_PHP_VERSION=8.4"}},
		"a faked version": {func(s *site) {
			s.lock(`{"require": {"psr/log": "^3.0"}, "config": {"platform": {"php": "8.1.2"}}}`, psrLog())
		}, []string{"config.platform.php in composer.json asks for it", "composer config platform.php 8.4.0"}},
		"a misspelled version file":   {func(s *site) { s.files["php-version"] = "8.4\n" }, []string{"git mv php-version .php-version"}},
		"a Procfile's other name":     {func(s *site) { s.files["procfile"] = "web: x\n" }, []string{"git mv procfile Procfile"}},
		"an unfinished composer.json": {func(s *site) { s.files[composerJSON] = "{\n<<<<<<< HEAD\n}\n" }, []string{"composer.json holds an unfinished merge"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, archive)
			s.lock(require("psr/log ^3.0"), psrLog())
			c.change(s)
			out, err := s.build()
			languagetest.Refused(t, out, err, c.says...)
			if asked := s.archive.Requests(); len(asked) > 0 {
				t.Errorf("it asks for %v", asked)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		env    map[string]string
		want   string
		passed string
	}{
		"nothing":                   {want: ""},
		"composer.json":             {files: map[string]string{composerJSON: require("php ^8.2"), versionFile: "8.4"}, want: `require.php "^8.2" in composer.json`},
		"composer.json and another": {files: map[string]string{composerJSON: require("php ^8.4"), versionFile: "8.3"}, want: `require.php "^8.4" in composer.json`, passed: `.php-version "8.3"`},
		"the file":                  {files: map[string]string{versionFile: "php-8.4.1", version.ToolFile: "php 8.3.2"}, want: `.php-version "8.4.1"`, passed: `php "8.3.2" in .tool-versions`},
		"asdf":                      {files: map[string]string{version.ToolFile: "nodejs 22\nphp 8.4.2 # x\n"}, want: `php "8.4.2" in .tool-versions`},
		"the platform":              {files: map[string]string{composerJSON: `{"config": {"platform": {"php": "8.4.0"}}}`}, want: `config.platform.php "8.4.0" in composer.json`},
		"a variable":                {files: map[string]string{versionFile: "8.4.1"}, env: map[string]string{versionVariable: "8.4"}, want: `BP_PHP_VERSION "8.4"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			s.files = c.files
			s.fresh()
			a := app{dir: s.App, manifestName: composerJSON}
			if text := c.files[composerJSON]; text != "" {
				var err error
				if a.manifest, err = readManifest(composerJSON, []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			asked, err := phpVersion(a, c.env)
			if err != nil || asked.String() != c.want {
				t.Errorf("got %s, %v", asked, err)
			}
			passed := ""
			for _, other := range asked.Passed {
				passed += other.String()
			}
			if passed != c.passed {
				t.Errorf("it passes over %s", passed)
			}
		})
	}
}

func TestServers(t *testing.T) {
	for procfile, want := range map[string]servers{
		"web: heroku-php-nginx public/\n":                                    {declared: language.Declared{{Type: "web"}}, nginx: true},
		"web: vendor/bin/heroku-php-apache2 -C a.conf public/\nworker: x\n":  {declared: language.Declared{{Type: "web"}, {Type: "worker"}}, apache: true, vendorBin: []string{"vendor/bin/heroku-php-apache2"}},
		"web: ./vendor/bin/heroku-php-nginx\nadmin: exec heroku-php-apache2": {declared: language.Declared{{Type: "web"}, {Type: "admin"}}, nginx: true, apache: true, vendorBin: []string{"vendor/bin/heroku-php-nginx"}},
		"web: php artisan migrate && /app/vendor/bin/heroku-php-nginx":       {declared: language.Declared{{Type: "web"}}, nginx: true, vendorBin: []string{"vendor/bin/heroku-php-nginx"}},
		"web: $HOME/vendor/bin/heroku-php-nginx":                             {declared: language.Declared{{Type: "web"}}, nginx: true, vendorBin: []string{"vendor/bin/heroku-php-nginx"}},
		"web: my-heroku-php-nginx":                                           {declared: language.Declared{{Type: "web"}}},
		"web: php -S 0.0.0.0:$PORT":                                          {declared: language.Declared{{Type: "web"}}},
	} {
		s := newSite(t, nil)
		s.files = map[string]string{"Procfile": procfile}
		s.fresh()
		got, err := readServers(s.App)
		if err != nil || got.nginx != want.nginx || got.apache != want.apache || len(got.vendorBin) != len(want.vendorBin) || len(got.declared) != len(want.declared) {
			t.Errorf("%s: got %+v, %v", procfile, got, err)
		}
		for i := range want.vendorBin {
			if i < len(got.vendorBin) && got.vendorBin[i] != want.vendorBin[i] {
				t.Errorf("%s: got %s", procfile, got.vendorBin)
			}
		}
	}
}

func TestExtensions(t *testing.T) {
	k, err := readKnown()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		extension, distro, want string
		found                   bool
	}{
		{"dom", "debian 13", "xml", true}, {"pdo_pgsql", "debian 13", "pgsql", true}, {"json", "debian 13", "", true}, {"Zend-OPcache", "debian 13", "", true}, {"PDO", "debian 13", "", true},
		{"imap", "debian 13", "", false}, {"imap", "debian 12", "imap", true}, {"swoole", "debian 13", "", false}, {"zstd", "debian 12", "", false}, {"redis", "ubuntu 24", "redis", true},
	} {
		if got, found := k.packageOf(c.extension, c.distro); got != c.want || found != c.found {
			t.Errorf("%s on %s: got %q, %t", c.extension, c.distro, got, found)
		}
	}
}
