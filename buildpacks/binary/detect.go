package binary

import (
	_ "embed"
	"fmt"
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

const procfile = "Procfile"

// manifests are the files of apps that have to be built. A lock file is one of them: where
// it stands alone, the file that it is of is ignored, or elsewhere.
var manifests = []string{
	"go.mod", "go.sum", "go.work", "Gopkg.lock", "Godeps", "glide.yaml", "package.json", "deno.json", "deno.jsonc", "deno.lock",
	"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
	"requirements.txt", "Pipfile", "Pipfile.lock", "pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "setup.py", "setup.cfg", "manage.py",
	"app.py", "main.py", "server.py", "wsgi.py", "asgi.py", "runtime.txt", ".python-version",
	"pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "mvnw", "gradlew", "build.sbt", "project.clj",
	"Gemfile", "Gemfile.lock", "gems.rb", "gems.locked", "config.ru", "Rakefile", "composer.json", "composer.lock", "index.php", "Cargo.toml", "Cargo.lock", "mix.exs", "static.json", "Staticfile", "index.html",
}

// Detect returns bin/detect: it passes for an app with a Procfile that starts no runtime of
// a language, and no file of one, and otherwise prints to out why it does not (CNB Buildpack API,
// "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		there, err := appfile.Exists(c.ApplicationPath, procfile)
		if err != nil {
			return libcnb.DetectResult{}, fmt.Errorf("looking for a Procfile: %w", err)
		}
		if !there {
			_, err := fmt.Fprintln(out, "no Procfile in the app's root, which says what of it is started")
			return libcnb.DetectResult{}, err
		}
		found, err := appfile.Found(c.ApplicationPath, manifests...)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(found) > 0 {
			_, err := fmt.Fprintf(out, "%s says that the app has to be built\n", found[0])
			return libcnb.DetectResult{}, err
		}
		data, err := appfile.Read(c.ApplicationPath, procfile)
		if err != nil {
			return libcnb.DetectResult{Pass: true}, nil // bin/build says what is wrong with it
		}
		packages, err := appfile.Exists(c.ApplicationPath, "Aptfile")
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		for _, p := range processes(string(data)) {
			if manifest := runtimes[program(p.command)]; manifest != "" && !packages {
				_, err := fmt.Fprintf(out, "the Procfile starts %s, which comes with a %s\n", program(p.command), manifest)
				return libcnb.DetectResult{}, err
			}
		}
		return libcnb.DetectResult{Pass: true}, nil
	}
}

// runtimes are programs that the buildpack of a language brings, by what it knows an app
// by. That the machine has one says nothing about where the app will run; packages of
// Debian can bring one, too.
var runtimes = map[string]string{
	"node": "package.json", "npm": "package.json", "npx": "package.json", "yarn": "package.json", "pnpm": "package.json", "bun": "package.json",
	"deno": "deno.json", "python": "requirements.txt", "python3": "requirements.txt", "gunicorn": "requirements.txt", "uvicorn": "requirements.txt",
	"ruby": "Gemfile", "bundle": "Gemfile", "rackup": "Gemfile", "puma": "Gemfile", "unicorn": "Gemfile",
	"java": "pom.xml", "go": "go.mod", "cargo": "Cargo.toml", "php": "composer.json",
}
