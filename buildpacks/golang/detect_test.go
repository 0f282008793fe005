package golang_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/golang"
)

func TestDetect(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		pass  bool
		says  string
	}{
		"a module": {files: map[string]string{"go.mod": "module a\n"}, pass: true},
		// What is wrong with it is for the build to say.
		"a broken module":    {files: map[string]string{"go.mod": "{"}, pass: true},
		"a workspace":        {files: map[string]string{"go.work": "go 1.26\n"}, pass: true},
		"dep":                {files: map[string]string{"Gopkg.lock": ""}, pass: true},
		"godep":              {files: map[string]string{"Godeps/Godeps.json": "{}"}, pass: true},
		"govendor":           {files: map[string]string{"vendor/vendor.json": "{}"}, pass: true},
		"glide":              {files: map[string]string{"glide.yaml": ""}, pass: true},
		"an empty app":       {says: "no go.mod or go.work in the app's root; it is empty\n"},
		"another language":   {files: map[string]string{"package.json": "{}"}, says: "no go.mod or go.work in the app's root; found: package.json\n"},
		"one directory down": {files: map[string]string{"api/go.mod": ""}, says: "no go.mod or go.work in the app's root; found: api/\nthere is go.mod in api/: to build that directory: slugc build --app api\n"},
		"Go without a module": {files: map[string]string{"main.go": ""},
			says: "no go.mod or go.work in the app's root; found: main.go\nmain.go is a Go file; make a module of the app:\n  go mod init example.com/NAME\n  go mod tidy\n  git add go.mod go.sum\n"},
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
			result, err := golang.Detect(&out)(libcnb.DetectContext{ApplicationPath: dir})
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
			want := []libcnb.BuildPlan{{Provides: []libcnb.BuildPlanProvide{{Name: "go"}}, Requires: []libcnb.BuildPlanRequire{{Name: "go"}}}}
			if diff := cmp.Diff(want, result.Plans); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := golang.Detect(&bytes.Buffer{})(libcnb.DetectContext{ApplicationPath: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("an app that is not there is no error")
	}
}

func TestTOML(t *testing.T) {
	var doc libcnb.Buildpack
	if _, err := toml.Decode(string(golang.TOML), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.API != "0.10" || doc.Info.ID != "slugc/golang" || doc.Info.Version == "" || len(doc.Targets) != 2 {
		t.Errorf("got %+v", doc)
	}
}
