package php

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// The exec.d scripts of the settings layer.
var (
	//go:embed scripts/laravel.sh
	laravelScript string
	//go:embed scripts/symfony.sh
	symfonyScript string
)

// frameworkEnv are variables for a framework's own programs: those of production,
// where nobody says otherwise.
func (a app) frameworkEnv() map[string]string {
	switch {
	case a.isLaravel():
		return map[string]string{"APP_ENV": "production", "APP_DEBUG": "false"}
	case a.isSymfony():
		return map[string]string{"APP_ENV": "prod", "APP_DEBUG": "0"}
	}
	return nil
}

// launchEnv are variables for processes, where nobody says otherwise.
func (a app) launchEnv() map[string]string {
	env := map[string]string{"LANG": "C.UTF-8"}
	maps.Copy(env, a.frameworkEnv())
	if a.isLaravel() {
		// Its own default is a file, which is lost with the process.
		env["LOG_CHANNEL"] = "stderr"
	}
	return env
}

// launchScript says at the start of a process what is missing, nil for nothing.
func (a app) launchScript() []byte {
	switch {
	case a.isLaravel():
		return limits.Script(laravelScript)
	case a.isSymfony():
		return limits.Script(symfonyScript)
	}
	return nil
}

// command is one of a framework's own programs.
type command struct {
	args []string
	// skip is why it is not run, when a person could think that it is.
	skip string
}

// makeFramework has a framework make what it would make for the first visitor.
func (b *build) makeFramework(ctx context.Context, a app, t tools) error {
	var name string
	var commands []command
	switch {
	case a.isLaravel():
		if err := makeDirs(b.App, "bootstrap/cache", "storage/logs", "storage/framework/cache/data", "storage/framework/sessions", "storage/framework/views"); err != nil {
			return err
		}
		name, commands = "Laravel", a.laravel()
	case a.isSymfony():
		name, commands = "Symfony", a.symfony(t.env["APP_ENV"])
	}
	if len(commands) > 0 {
		b.Print.Step("Preparing %s", name)
	}
	for _, c := range commands {
		shown := "php " + strings.Join(c.args, " ")
		if c.skip != "" {
			b.Print.Detail("Skipped %s: %s", shown, c.skip)
			continue
		}
		b.Print.Detail("%s", shown)
		lines := b.Print.Writer()
		output := tool.NewTail(lines)
		// What processes may use of memory is not for what runs once.
		err := b.Runner.Run(ctx, tool.Command{Args: append([]string{t.php, "-d", "memory_limit=-1"}, c.args...), Dir: b.App, Env: t.env, Output: output})
		lines.Flush()
		if err != nil {
			return failure.Explain(failure.Failure{
				What: shown + " failed", Err: err, Output: output,
				Unknown: "see it fail on your machine, as a build runs it:\n  composer install --no-dev\n  APP_ENV=" + t.env["APP_ENV"] + " " + shown +
					"\nwhat the app wants from the environment, the build needs too:\n  slugc build -e NAME=VALUE",
			}, append(a.scriptCauses(), failure.Common()...))
		}
	}
	if a.isSymfony() {
		return settleContainers(b.App)
	}
	return nil
}

// The time at which a container of Symfony was made, and a name that is made of it.
var (
	containerTime = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`('container\.build_time' => )[0-9]+`) })
	containerID   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`('container\.build_id' => ')[0-9a-f]+(')`) })
)

// settleContainers gives the containers that Symfony made the time of layers, and the
// name that is made of it one that is made of what is in them: it tells caches of one
// container from those of another.
func settleContainers(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "var", "cache", "*", "*Container.php"))
	if err != nil {
		return err
	}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("settling the container of Symfony: %w", err)
		}
		settled := containerTime().ReplaceAll(text, []byte("${1}"+epoch))
		settled = containerID().ReplaceAll(settled, []byte("${1}00000000${2}"))
		settled = containerID().ReplaceAll(settled, []byte("${1}"+layer.Sum(settled)[:8]+"${2}"))
		if err := os.WriteFile(file, settled, 0o644); err != nil {
			return fmt.Errorf("settling the container of Symfony: %w", err)
		}
	}
	return nil
}

func makeDirs(dir string, names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(name)), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// fromEnvironment is how PHP reads what a build does not know.
var fromEnvironment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:env|config|getenv)\s*\(|->environment\s*\(|::environment\s*\(|Config::get\b|\$_(?:ENV|SERVER)\b`)
})

// laravel are the commands for an app of Laravel. Its configuration is not cached: it
// comes from the environment of a process, which a build does not have.
func (a app) laravel() []command {
	var all []command
	if !a.exists("bootstrap/cache/packages.php") {
		all = append(all, command{args: []string{"artisan", "package:discover"}})
	}
	all = append(all, command{args: []string{"artisan", "event:cache"}})
	route := command{args: []string{"artisan", "route:cache"}}
	for _, pattern := range []string{"routes/*.php", "routes/*/*.php", "app/Providers/*.php", "bootstrap/app.php"} {
		found, err := filepath.Glob(filepath.Join(a.dir, filepath.FromSlash(pattern)))
		if err != nil {
			continue
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			// Every app of Laravel once had that one.
			text = bytes.ReplaceAll(text, []byte("$_ENV['APP_BASE_PATH']"), nil)
			if err == nil && fromEnvironment().Match(text) && route.skip == "" {
				rel, _ := filepath.Rel(a.dir, file)
				route.skip = rel + " reads the configuration, which is known when a process starts"
			}
		}
	}
	all = append(all, route)
	if info, err := os.Stat(filepath.Join(a.dir, "resources", "views")); err == nil && info.IsDir() {
		all = append(all, command{args: []string{"artisan", "view:cache"}})
	}
	return all
}

// symfony are the commands for an app of Symfony, but for those that the app's own
// scripts have run.
func (a app) symfony(env string) []command {
	var all []command
	if !a.hasFiles("var/cache/" + env) {
		all = append(all, command{args: []string{"bin/console", "cache:warmup", "--no-interaction"}})
	}
	public := cmp.Or(strings.Trim(a.manifest.Extra.PublicDir, "/"), "public")
	if !a.lock.has("symfony/flex") && a.hasFiles(public) {
		all = append(all, command{args: []string{"bin/console", "assets:install", public, "--no-interaction"}})
	}
	if a.lock.has("symfony/asset-mapper") && a.exists("importmap.php") && !a.hasFiles(public+"/assets") {
		all = append(all, command{args: []string{"bin/console", "asset-map:compile", "--no-interaction"}})
	}
	return all
}

// hasFiles tells whether there is anything in a directory of the app.
func (a app) hasFiles(name string) bool {
	entries, err := os.ReadDir(filepath.Join(a.dir, filepath.FromSlash(name)))
	return !errors.Is(err, fs.ErrNotExist) && len(entries) > 0
}

// scriptCauses are the known reasons for which the app's own code fails in a build.
func (a app) scriptCauses() []failure.Cause {
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`Environment variable not found: [\\"]*([A-Za-z0-9_]+)`), Fault: download.App,
			Why: "the app wants a variable also during the build. Give it one, or a default in .env:\n  slugc build -e $1=for-the-build",
		},
		{
			Pattern: regexp.MustCompile(`(?s)(?:SQLSTATE\[(?:HY000|08006)\]|Connection refused|could not find driver|getaddrinfo(?: for)? \S+ failed|An exception occurred in the driver).{0,400}`), Fault: download.App,
			Why: "the app connects to a database or another service when it is loaded, and a build has none.\nConnect when it is first needed, not in a provider, a configuration or a file of routes",
		},
		{
			Pattern: regexp.MustCompile(`(?:[Cc]lass|load class) \\?"(Normalizer|Collator|NumberFormatter|MessageFormatter|Intl[A-Za-z]+|Transliterator|ResourceBundle|Spoofchecker|UConverter)\\?"`), Fault: download.App,
			Why: "there is no class $1, which is one of the extension intl of PHP. Require that:\n  composer require 'ext-intl:*'\n  git add " + a.manifestName + " " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`(?:[Cc]lass|load class) \\?"((?i:Redis|Memcached|Imagick|Gmagick|SoapClient|MongoDB\\Driver\\Manager|AMQPConnection|SimpleXMLElement))\\?"`), Fault: download.App,
			Why: "there is no class $1, which is one of an extension of PHP. Require that, for example:\n  composer require 'ext-redis:*'\n  git add " + a.manifestName + " " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`(?:[Cc]lass|[Ii]nterface|[Tt]rait|Attempted to load (?:class|interface|trait)) \\?"([A-Za-z0-9_\\]+)\\?"(?: not found| does not exist| from )`), Fault: download.App,
			Why: "there is no class $1 in what is installed: its package may be one of require-dev, or its file's name may have other letters than the class.\n" +
				"Require the package, or do without it in production:\n  composer require VENDOR/NAME\n  git add " + a.manifestName + " " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`Call to undefined function ([a-z0-9_\\]+)\(`), Fault: download.App,
			Why: "there is no function $1. When it is one of an extension of PHP, require that:\n  composer require 'ext-NAME:*'\n  git add " + a.manifestName + " " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`PHP (?:Parse|Fatal) error: +([^\n]+)`), Fault: download.App,
			Why: "PHP says: $1",
		},
	}
}
