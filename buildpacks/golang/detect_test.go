package golang_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/golang"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

func TestDetect(t *testing.T) {
	languagetest.Detects(t, golang.Detect, "go", map[string]languagetest.Detection{
		"a module": {Files: map[string]string{"go.mod": "module a\n"}},
		// What is wrong with it is for the build to say.
		"a broken module":    {Files: map[string]string{"go.mod": "{"}},
		"a workspace":        {Files: map[string]string{"go.work": "go 1.26\n"}},
		"dep":                {Files: map[string]string{"Gopkg.lock": ""}},
		"godep":              {Files: map[string]string{"Godeps/Godeps.json": "{}"}},
		"govendor":           {Files: map[string]string{"vendor/vendor.json": "{}"}},
		"glide":              {Files: map[string]string{"glide.yaml": ""}},
		"an empty app":       {Says: "no go.mod or go.work in the app's root; it is empty\n"},
		"another language":   {Files: map[string]string{"package.json": "{}"}, Says: "no go.mod or go.work in the app's root; found: package.json\n"},
		"one directory down": {Files: map[string]string{"api/go.mod": ""}, Says: "no go.mod or go.work in the app's root; found: api/\nthere is go.mod in api/: to build that directory: slugc build --app api\n"},
		"Go without a module": {Files: map[string]string{"main.go": ""},
			Says: "no go.mod or go.work in the app's root; found: main.go\nmain.go is a Go file; make a module of the app:\n  go mod init example.com/NAME\n  go mod tidy\n  git add go.mod go.sum\n"},
	})
}

func TestTOML(t *testing.T) {
	languagetest.Describes(t, golang.TOML, "slugc/golang")
}
