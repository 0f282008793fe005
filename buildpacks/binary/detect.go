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

// manifests are the files of apps that have to be built.
var manifests = []string{
	"go.mod", "go.work", "Gopkg.lock", "Godeps", "glide.yaml", "package.json", "deno.json", "deno.jsonc", "deno.lock",
	"requirements.txt", "Pipfile", "Pipfile.lock", "pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "setup.py", "setup.cfg", "manage.py",
	"app.py", "main.py", "server.py", "wsgi.py", "asgi.py", "runtime.txt", ".python-version",
	"pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "mvnw", "gradlew", "build.sbt", "project.clj",
	"Gemfile", "config.ru", "Rakefile", "composer.json", "index.php", "Cargo.toml", "mix.exs", "static.json", "Staticfile", "index.html",
}

// Detect returns bin/detect: it passes for an app with a Procfile and no file of a
// language, and otherwise prints to out why it does not (CNB Buildpack API,
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
		return libcnb.DetectResult{Pass: true}, nil
	}
}
