package nodejs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/nodejs"
)

func TestDetect(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		pass  bool
		says  string
	}{
		"an app of Node.js": {files: map[string]string{"package.json": "{}"}, pass: true},
		// What is wrong with it is for the build to say.
		"a broken one": {files: map[string]string{"package.json": "{"}, pass: true},
		"an empty app": {says: "no package.json in the app's root; it is empty\n"},
		"another language": {files: map[string]string{"go.mod": "", "main.go": "", ".gitignore": "bin\n", "static/x.js": ""},
			says: "no package.json in the app's root; found: go.mod, main.go, static/, .gitignore\n"},
		"an ignored package.json": {files: map[string]string{".slugignore": "*.md\n/package.json\n"},
			says: "no package.json in the app's root; found: .slugignore\n.slugignore lists package.json, so it does not reach the build: remove that line\n"},
		"another spelling": {files: map[string]string{"Package.json": "{}"},
			says: "no package.json in the app's root; found: Package.json\nPackage.json is spelled differently: git mv Package.json package.json\n"},
		"one directory too high": {files: map[string]string{"web/package.json": "{}", "node_modules/package.json": "{}"},
			says: "no package.json in the app's root; found: node_modules/, web/\nthere is one in web/: to build that directory: slugc build --app web\n"},
		"many files": {files: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f": "", "g": "", "h": "", "i": "", "j": ""},
			says: "no package.json in the app's root; found: a, b, c, d, e, f, g, h, and 2 more\n"},
		"a directory of the name": {files: map[string]string{"package.json/x": ""}, says: "package.json in the app's root is not a file\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			result, err := nodejs.Detect(&out)(libcnb.DetectContext{ApplicationPath: dir})
			if err != nil {
				t.Fatal(err)
			}
			if result.Pass != test.pass {
				t.Errorf("pass is %t", result.Pass)
			}
			if diff := cmp.Diff(test.says, out.String()); diff != "" {
				t.Error(diff)
			}
			if !test.pass {
				return
			}
			want := []libcnb.BuildPlan{{Provides: []libcnb.BuildPlanProvide{{Name: "node"}}, Requires: []libcnb.BuildPlanRequire{{Name: "node"}}}}
			if diff := cmp.Diff(want, result.Plans); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := nodejs.Detect(&bytes.Buffer{})(libcnb.DetectContext{ApplicationPath: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("an app that is not there is no error")
	}
}

func TestTOML(t *testing.T) {
	var doc libcnb.Buildpack
	if _, err := toml.Decode(string(nodejs.TOML), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.API != "0.10" || doc.Info.ID != "slugc/nodejs" || doc.Info.Version == "" || len(doc.Targets) != 2 {
		t.Errorf("got %+v", doc)
	}
}
