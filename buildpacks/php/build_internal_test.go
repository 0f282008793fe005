package php

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/php/composertest"
	"github.com/slugc/slugc/stack/debian/debiantest"
)

func TestBuild(t *testing.T) {
	archive := newArchive(t)
	spec.Run(t, "bin/build", func(t *testing.T, _ spec.G, it spec.S) { testBuild(t, it, archive) })
}

func testBuild(t *testing.T, it spec.S, archive *debiantest.Archive) {
	var s *site
	it.Before(func() {
		s = newSite(t, archive)
		s.lock(require("php ^8.2", "psr/log ^3.0", "ext-redis *"), psrLog())
		s.files["public/index.php"] = "<?php\n"
	})

	it("installs PHP with its extensions, a server and the packages, and says how the app starts", func() {
		s.Env["COMPOSER_AUTH"] = `{"http-basic": {"packages.example.com": {"username": "me", "password": "hunter22"}}}`
		out := s.mustBuild()
		languagetest.Holds(t, out, `PHP 8.4.27 (require.php "^8.2" in composer.json)`, "Extensions beside those built in: curl, mbstring, mysql, pgsql, redis, sqlite3, xml, zip", "nginx 1.26.3 (for heroku-php-nginx)",
			"ran composer install --no-dev --prefer-dist --optimize-autoloader --no-interaction --no-progress", "web: heroku-php-nginx public/ (public/index.php)")
		for _, part := range []string{"looking for funding", "--prefer-source", "hunter22"} {
			if strings.Contains(out, part) {
				t.Errorf("it prints %s:\n%s", part, out)
			}
		}
		languagetest.Holds(t, s.Text("app", "vendor/autoload.php"), "315532801 no credentials")
		languagetest.Holds(t, s.Text("layers", cacheLayer, "config"), `"password":"hunter22"`, `"autoloader-suffix":"`)
		languagetest.Holds(t, s.Text("layers", settingsLayer+".sbom.cdx.json"), "pkg:composer/psr/log@3.0.2", "MIT")
		languagetest.Holds(t, s.Text("layers", phpLayer+".sbom.cdx.json"), "pkg:deb/debian/php8.4-redis@6.2.0-1")
		languagetest.Holds(t, s.Text("layers", phpLayer, "conf.d/25-redis.ini"), "redis.so")
		if s.Text("layers", phpLayer, "usr/sbin/php-fpm8.4") == "" || s.Text("layers", serversLayer, "bin/heroku-php-nginx") == "" {
			t.Error("no server of PHP")
		}
		if got := s.Text("app", "vendor/psr/log/.git/HEAD"); got != "" {
			t.Error("the history of a package stays")
		}
		if got := s.Text("layers", settingsLayer, "exec.d/settings"); got != "" {
			t.Error("it is no app of a framework")
		}
	})

	it("keeps all of it for the same app, and asks nobody", func() {
		s.mustBuild()
		before, made := s.stamps(), s.Text("app", "vendor/autoload.php")
		s.archive.Requests()
		out := s.mustBuild()
		languagetest.Holds(t, out, "8.4.27", "from the cache", "Reusing what they made (the app is unchanged)")
		if strings.Contains(out, "ran ") || s.Text("app", "vendor/autoload.php") != made {
			t.Errorf("it runs something:\n%s", out)
		}
		if diff := cmp.Diff(before, s.stamps()); diff != "" {
			t.Error(diff)
		}
		if asked := s.archive.Requests(); len(asked) > 0 {
			t.Errorf("it asks for %v", asked)
		}
	})

	it("installs again what is needed, and says why", func() {
		s.mustBuild()
		s.files["src/App.php"] = "<?php\n"
		languagetest.Holds(t, s.mustBuild(), "Installing the packages (the app changed, its packages did not)", "Nothing to install")
		other := psrLog()
		other.Version = "3.0.1"
		s.lock(s.files[composerJSON], other)
		out := s.mustBuild()
		languagetest.Holds(t, out, "Installing the packages (PHP, or what the app requires, changed)")
		if strings.Contains(out, "Nothing to install") {
			t.Errorf("what was installed for another lock file counts:\n%s", out)
		}
		s.Env["APP_MODE"] = "x"
		languagetest.Holds(t, s.mustBuild(), "Installing the packages (the app changed, its packages did not)")
	})

	it("runs the script compile", func() {
		s.lock(`{"require": {"psr/log": "^3.0"}, "scripts": {"compile": "x"}}`, psrLog())
		languagetest.Holds(t, s.mustBuild(), "ran composer run-script --no-dev --no-interaction compile")
		languagetest.Holds(t, s.Text("app", "compiled.txt"), "compiled")
	})

	it("makes an autoloader where nothing is required", func() {
		s.files = map[string]string{composerJSON: `{"autoload": {"psr-4": {"App\\": "src/"}}}`, indexPHP: "<?php\n"}
		languagetest.Holds(t, s.mustBuild(), "PHP 8.4.27 (the default of the stack)", "ran composer dump-autoload --no-dev --optimize", "web: heroku-php-nginx (index.php)")
	})

	it("serves a site without Composer, with Apache where it has .htaccess", func() {
		s.files = map[string]string{indexPHP: "<?php\n", ".htaccess": "RewriteEngine On\n"}
		out := s.mustBuild()
		languagetest.Holds(t, out, "web: heroku-php-apache2 (index.php, .htaccess)", "Apache 2.4.62")
		if strings.Contains(out, "omposer") || strings.Contains(out, "nginx 1") {
			t.Errorf("got %s", out)
		}
	})

	it("brings the server that the Procfile starts, from where it starts it", func() {
		s.files["Procfile"] = "web: vendor/bin/heroku-php-apache2 public/\nworker: php worker.php\n"
		out := s.mustBuild()
		languagetest.Holds(t, out, "Apache 2.4.62 (for heroku-php-apache2)", "The Procfile says it")
		if strings.Contains(out, "nginx") {
			t.Errorf("got %s", out)
		}
		languagetest.Holds(t, s.Text("app", "vendor/bin/heroku-php-apache2"), "exec heroku-php-apache2")
	})

	it("brings no server for a Procfile that starts something else", func() {
		s.files["Procfile"] = "web: php -S 0.0.0.0:$PORT\n"
		out := s.mustBuild()
		if strings.Contains(out, "web server") || s.Text("layers", phpLayer, "usr/sbin/php-fpm8.4") != "" {
			t.Errorf("got %s", out)
		}
	})

	it("prepares Symfony once for the same app, without the password of a server", func() {
		s.Env["COMPOSER_AUTH"] = `{"bearer": {"packages.example.com": "hunter22"}}`
		s.lock(require("symfony/framework-bundle ^6.4"), composertest.Package{Name: "symfony/framework-bundle", Version: "v6.4.10"})
		s.files["bin/console"], s.files[".htaccess"] = "#!/usr/bin/env php\n", "x\n"
		languagetest.Holds(t, s.mustBuild(), "Preparing Symfony", "ran bin/console cache:warmup --no-interaction", "ran bin/console assets:install public", "web: heroku-php-nginx public/ (Symfony)")
		languagetest.Holds(t, s.Text("app", "var/cache/prod/container"), "315532801 no credentials")
		if got := s.Text("app", "var/cache/prod/App_Container.php"); got != "'container.build_id' => '7c5e0c7b', 'container.build_time' => 315532801,\n" {
			t.Errorf("got %s", got)
		}
		languagetest.Holds(t, s.Text("layers", settingsLayer, "env.launch/APP_ENV.default"), "prod")
		languagetest.Holds(t, s.Text("layers", settingsLayer, "exec.d/settings"), "APP_SECRET")
		languagetest.Holds(t, s.mustBuild(), "Reusing what they made")
		languagetest.Holds(t, s.Text("app", "var/cache/prod/container"), "315532801")
	})

	it("prepares Laravel, but not what its configuration decides", func() {
		s.lock(require("laravel/framework ^10"), composertest.Package{Name: "laravel/framework", Version: "v10.48.29"})
		s.files["bootstrap/app.php"] = "<?php\nnew Application($_ENV['APP_BASE_PATH'] ?? dirname(__DIR__));\n"
		s.files["artisan"], s.files["resources/views/a.blade.php"], s.files["routes/web.php"] = "<?php\n", "x\n", "<?php\nRoute::get(config('app.home'));\n"
		out := s.mustBuild()
		languagetest.Holds(t, out, "ran artisan package:discover", "ran artisan event:cache", "ran artisan view:cache", "Skipped php artisan route:cache: routes/web.php reads the configuration", "(Laravel)")
		if strings.Contains(out, "ran artisan config:cache") || strings.Contains(out, "ran artisan route:cache") {
			t.Errorf("got %s", out)
		}
		languagetest.Holds(t, s.Text("layers", settingsLayer, "env.launch/LOG_CHANNEL.default"), "stderr")
		languagetest.Holds(t, s.Text("layers", settingsLayer, "exec.d/settings"), "APP_KEY")
		s.files["routes/web.php"] = "<?php\n"
		languagetest.Holds(t, s.mustBuild(), "ran artisan route:cache")
	})

	it("takes another release of the same line", func() {
		s.lock(require("psr/log ^3.0"), psrLog())
		s.files[versionFile] = "8.4.1\n"
		languagetest.Holds(t, s.mustBuild(), "PHP 8.4.27 is that of the stack, and takes the place of 8.4.1")
	})

	it("refuses a release that is too old for a package, before it is downloaded", func() {
		p := psrLog()
		p.Require["php"] = ">=8.4.90"
		s.lock(require("psr/log ^3.0"), p)
		_, err := s.build()
		if err == nil {
			t.Fatal("no error")
		}
		languagetest.Holds(t, err.Error(), "psr/log 3.0.2 in composer.lock wants PHP >=8.4.90, and this stack has PHP 8.4.27")
		for _, asked := range s.archive.Requests() {
			if strings.HasSuffix(asked, ".deb") {
				t.Errorf("it downloads %s", asked)
			}
		}
	})

	it("tells of credentials in the app", func() {
		s.files["auth.json"] = "{}"
		languagetest.Holds(t, s.mustBuild(), "whoever has what is built can read the credentials in it", "git rm --cached auth.json")
	})

	it("explains why it was killed", func() {
		s.files["fake-kill"] = ""
		_, err := s.build()
		if err == nil {
			t.Fatal("no error")
		}
		languagetest.Holds(t, err.Error(), "there was not enough memory")
	})

	it("explains why a framework is not prepared", func() {
		s.lock(require("symfony/framework-bundle ^6.4"), composertest.Package{Name: "symfony/framework-bundle", Version: "v6.4.10"})
		s.files["bin/console"], s.files["fake-script.txt"] = "x\n", "Environment variable not found: \"DATABASE_URL\".\n"
		_, err := s.build()
		if err == nil {
			t.Fatal("no error")
		}
		languagetest.Holds(t, err.Error(), "php bin/console cache:warmup --no-interaction failed: exit status 1", "slugc build -e DATABASE_URL=for-the-build")
	})

	it("explains why packages are not installed", func() {
		s.files["fake-composer.txt"] = "  Invalid credentials (HTTP 401) for 'http://packages.example.com/a.zip', aborting.\n"
		_, err := s.build()
		if err == nil {
			t.Fatal("no error")
		}
		languagetest.Holds(t, err.Error(), "installing the packages with Composer failed: exit status 7", "refuses the credentials that it got: http://packages.example.com/a.zip", "slugc build --secret COMPOSER_AUTH=")
	})
}

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		passes bool
		says   string
	}{
		"composer.json":          {files: map[string]string{composerJSON: ""}, passes: true},
		"index.php":              {files: map[string]string{indexPHP: "", "package.json": "{}"}, passes: true},
		"a lock file alone":      {files: map[string]string{composerLock: ""}, passes: true},
		"artisan":                {files: map[string]string{"artisan": ""}, passes: true},
		"another name":           {files: map[string]string{"Composer.json": ""}, passes: true},
		"another language's app": {files: map[string]string{"artisan": "", "package.json": "{}"}, says: "no composer.json or index.php in the app's root; found: artisan, package.json"},
		"nothing":                {says: "it is empty"},
		"a directory":            {files: map[string]string{"web/composer.json": ""}, says: "slugc build --app web"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
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
