package php

import (
	"io"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

func TestCauses(t *testing.T) {
	a := app{manifestName: composerJSON, lockName: composerLock}
	for says, want := range map[string]struct {
		why   string
		fault download.Fault
	}{
		"  The checksum verification of the file failed (downloaded from http://packages.example.com/a.zip)":        {"another file than the lock file has the checksum of: http://packages.example.com/a.zip", download.Registry},
		"  Invalid credentials (HTTP 401) for 'http://packages.example.com/a.zip', aborting.":                       {"refuses the credentials that it got: http://packages.example.com/a.zip", download.App},
		`  The "http://packages.example.com/a.zip" file could not be downloaded (HTTP/1.1 404 Not Found)`:           {"does not have a file that is locked any more: http://packages.example.com/a.zip", download.App},
		`  The "http://packages.example.com/a.zip" file could not be downloaded (HTTP/1.1 503 Service Unavailable)`: {"could not be reached, or did not answer as it should: http://packages.example.com/a.zip\n", download.Passing},
		"  curl error 28 while downloading http://packages.example.com/a.zip: Operation timed out":                  {"could not be reached, or did not answer as it should: http://packages.example.com/a.zip", download.Passing},
		"  curl error 60 while downloading http://packages.example.com/a.zip: SSL certificate problem":              {"cafile", download.App},
		"  Your configuration does not allow connections to http://packages.example.com/a.zip. See":                 {"over a connection that anybody can change: http://packages.example.com/a.zip\n", download.App},
		"    - psr/log 3.0.2 requires ext-redis ^9 -> it has the wrong version installed (6.2.0).":                  {"a package wants ext-redis of PHP in a version", download.App},
		"    - psr/log 3.0.2 requires php ^9 -> your php version (8.4.27) does not satisfy that requirement.":       {"a package wants PHP ^9", download.App},
		"Your lock file does not contain a compatible set of packages. Please run composer update.":                 {"out of step with composer.json", download.App},
		"  a/b contains a Composer plugin which is blocked by your allow-plugins config.":                           {"composer config allow-plugins.a/b true", download.App},
		"PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried":                                 {"COMPOSER_MEMORY_LIMIT=-1", download.App},
		"Script @php artisan package:discover handling the post-autoload-dump event returned with error code 1":     {"a script of the app failed: @php artisan package:discover", download.App},
		"  Failed to clone https://git.example.com/a.git":                                                           {"comes from a git repository", download.App},
		`  The "http://packages.example.com/a.zip" file could not be downloaded (HTTP/1.1 403 Forbidden)`:           {"wants credentials: http://packages.example.com/a.zip", download.App},
		"  The 'http://packages.example.com/a.zip' URL required authentication (HTTP 401).":                         {"wants credentials: http://packages.example.com/a.zip", download.App},
		`Environment variable not found: "DATABASE_URL".`:                                                           {"slugc build -e DATABASE_URL=for-the-build", download.App},
		`Attempted to load class "WebProfilerBundle" from namespace`:                                                {"there is no class WebProfilerBundle in what is installed", download.App},
		`Error: Class "App\Missing" not found`:                                                                      {`there is no class App\Missing`, download.App},
		`Attempted to load class "Normalizer" from the global namespace.`:                                           {"one of the extension intl of PHP", download.App},
		`Class "Redis" not found`:                   {"composer require 'ext-redis:*'", download.App},
		"SQLSTATE[HY000] [2002] Connection refused": {"connects to a database", download.App},
		"PHP Parse error:  syntax error, unexpected token \";\" in /app/src/Kernel.php on 3":          {"PHP says: syntax error", download.App},
		"Call to undefined function imagecreate()":                                                    {"no function imagecreate", download.App},
		"Could not fetch https://git.example.com/a, please review your configured GitHub OAuth token": {"which wants a token", download.App},
		"  '/app/vendor/composer/tmp.zip' is not a zip archive.":                                      {"something else than an archive", download.Passing},
		"fatal error: No space left on device":                                                        {"slugc cache prune", download.Passing},
		"something else":                                                                              {"composer install --no-dev --prefer-dist", download.App},
	} {
		output := tool.NewTail(io.Discard)
		if _, err := io.WriteString(output, says+"\n"); err != nil {
			t.Fatal(err)
		}
		err := a.explain("installing the packages", &tool.ExitError{Code: 7}, output)
		languagetest.Holds(t, err.Error(), "installing the packages with Composer failed: exit status 7", want.why)
		if got := download.FaultOf(err); got != want.fault {
			t.Errorf("%s: the fault is %v", says, got)
		}
	}
}
