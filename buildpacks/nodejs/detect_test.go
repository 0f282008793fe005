package nodejs_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/nodejs"
)

func TestDetect(t *testing.T) {
	languagetest.Detects(t, nodejs.Detect, "node", map[string]languagetest.Detection{
		"an app of Node.js": {Files: map[string]string{"package.json": "{}"}},
		// What is wrong with it is for the build to say.
		"a broken one": {Files: map[string]string{"package.json": "{"}},
		"an empty app": {Says: "no package.json in the app's root; it is empty\n"},
		"another language": {Files: map[string]string{"go.mod": "", "main.go": "", ".gitignore": "bin\n", "static/x.js": ""},
			Says: "no package.json in the app's root; found: go.mod, main.go, static/, .gitignore\n"},
		"an ignored package.json": {Files: map[string]string{".slugignore": "*.md\n/package.json\n"},
			Says: "no package.json in the app's root; found: .slugignore\n.slugignore lists package.json, so it does not reach the build: remove that line\n"},
		"another spelling": {Files: map[string]string{"Package.json": "{}"},
			Says: "no package.json in the app's root; found: Package.json\nPackage.json is spelled differently: git mv Package.json package.json\n"},
		"one directory too high": {Files: map[string]string{"web/package.json": "{}", "node_modules/package.json": "{}"},
			Says: "no package.json in the app's root; found: node_modules/, web/\nthere is one in web/: to build that directory: slugc build --app web\n"},
		"many files": {Files: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f": "", "g": "", "h": "", "i": "", "j": ""},
			Says: "no package.json in the app's root; found: a, b, c, d, e, f, g, h, and 2 more\n"},
		"a directory of the name": {Files: map[string]string{"package.json/x": ""}, Says: "package.json in the app's root is not a file\n"},
	})
}

func TestTOML(t *testing.T) {
	languagetest.Describes(t, nodejs.TOML, "slugc/nodejs")
}
