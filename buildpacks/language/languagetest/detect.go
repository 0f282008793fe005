package languagetest

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// Detected runs bin/detect of an app with some files, and returns what it answers and
// says.
func Detected(t *testing.T, detect func(out io.Writer) libcnb.DetectFunc, files, env map[string]string) (result libcnb.DetectResult, says string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := layer.WriteBeside(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	result, err := detect(&out)(libcnb.DetectContext{ApplicationPath: dir, Platform: libcnb.Platform{Environment: env}})
	if err != nil {
		t.Fatal(err)
	}
	return result, out.String()
}

// Detection is an app by its files, with what bin/detect says of it: nothing, where it
// passes.
type Detection struct {
	Files map[string]string
	Says  string
}

// Detects fails the test for every app of which bin/detect says something else, or asks
// for something else than the language in the build plan, and for an app that is not
// there and no error.
func Detects(t *testing.T, detect func(out io.Writer) libcnb.DetectFunc, language string, apps map[string]Detection) {
	t.Helper()
	want := []libcnb.BuildPlan{{Provides: []libcnb.BuildPlanProvide{{Name: language}}, Requires: []libcnb.BuildPlanRequire{{Name: language}}}}
	for name, app := range apps {
		t.Run(name, func(t *testing.T) {
			result, says := Detected(t, detect, app.Files, nil)
			if diff := cmp.Diff(app.Says, says); diff != "" {
				t.Error(diff)
			}
			if result.Pass != (app.Says == "") {
				t.Errorf("pass is %t", result.Pass)
			}
			if !result.Pass {
				return
			}
			if diff := cmp.Diff(want, result.Plans); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := detect(io.Discard)(libcnb.DetectContext{ApplicationPath: filepath.Join(t.TempDir(), "missing")}); err == nil {
		t.Error("an app that is not there is no error")
	}
}

// Describes fails the test for a buildpack.toml of another buildpack than that of an id,
// or one that does not say all that a lifecycle wants to know.
func Describes(t *testing.T, text []byte, id string) {
	t.Helper()
	var doc libcnb.Buildpack
	if _, err := toml.Decode(string(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.API != "0.10" || doc.Info.ID != id || doc.Info.Version == "" || len(doc.Targets) != 2 {
		t.Errorf("got %+v", doc)
	}
}
