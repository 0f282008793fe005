package appfile

import "slices"

// manifests are the files that say which language an app is of.
var manifests = []string{
	"package.json", "deno.json", "deno.jsonc", "go.mod", "pom.xml", "build.gradle", "build.gradle.kts", "Cargo.toml", "Gemfile",
	"composer.json", "requirements.txt", "pyproject.toml", "index.html",
}

// Probably are those of some names that are there in a directory, if it has no manifest
// of another language: files that apps of several have, which say something where
// nothing else does. Own are the manifests of the language that asks.
func Probably(dir string, own []string, names ...string) ([]string, error) {
	others := slices.DeleteFunc(slices.Clone(manifests), func(name string) bool { return slices.Contains(own, name) })
	if found, err := Found(dir, others...); err != nil || len(found) > 0 {
		return nil, err
	}
	return Found(dir, names...)
}
