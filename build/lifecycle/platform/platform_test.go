package platform_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
)

// TestAPI says of every capability since which version it is there.
func TestAPI(t *testing.T) {
	since := map[string]string{
		"SBOM": "0.8", "LegacyBOMFiles": "0.9", "SourceDate": "0.9", "AnalyzerLayers": "0.9",
		"CommandList": "0.10", "Extensions": "0.10", "RestoreSkipped": "0.10",
		"BuildConfig": "0.11", "LauncherSBOM": "0.11", "RebasePrevious": "0.11",
		"RunTOML": "0.12", "Targets": "0.12", "History": "0.12", "Layout": "0.12", "RebaseForce": "0.12", "ExtendRun": "0.12",
		"InsecureRegistries": "0.13", "StableExtensions": "0.13", "KeepCacheImage": "0.13", "GeneratedPerExtension": "0.13",
		"RestoreRun": "0.14", "CacheMetadata": "0.14", "System": "0.15", "ExecEnv": "0.15",
	}
	first := map[string]string{}
	for _, version := range platform.APIs() {
		api, err := platform.ParseAPI(version)
		if err != nil || api.Version != version {
			t.Fatalf("%s: %+v, %v", version, api, err)
		}
		value := reflect.ValueOf(api)
		for i := range value.NumField() {
			name := value.Type().Field(i).Name
			if value.Field(i).Kind() != reflect.Bool {
				continue
			}
			if value.Field(i).Bool() && first[name] == "" {
				first[name] = version
			}
			if first[name] != "" && !value.Field(i).Bool() {
				t.Errorf("%s is gone in %s", name, version)
			}
		}
	}
	if diff := cmp.Diff(since, first); diff != "" {
		t.Errorf("capabilities (-expected +got):\n%s", diff)
	}
}

func TestAPIErrors(t *testing.T) {
	for value, want := range map[string]string{
		"":     "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
		" ":    "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
		"x":    "failed to parse platform API 'x'",
		"0.6":  "failed to set platform API: platform API version '0.6' is incompatible with the lifecycle",
		"0.16": "failed to set platform API: platform API version '0.16' is incompatible with the lifecycle",
	} {
		_, err := platform.ParseAPI(value)
		if failed, ok := errors.AsType[*platform.APIError](err); !ok || failed.Code != 11 || err.Error() != want {
			t.Errorf("%q: got %v", value, err)
		}
	}
	for version, want := range map[string]string{
		"0.7": "", "0.12": "", "v0.10": "",
		"0.6": "failed to set API for Buildpack 'a@1': buildpack API version '0.6' is incompatible with the lifecycle",
		"":    "failed to parse buildpack API '' for buildpack 'a@1'",
	} {
		err := platform.CheckBuildpackAPI("Buildpack", "a@1", version)
		failed, ok := errors.AsType[*platform.APIError](err)
		if (want == "") != (err == nil) || err != nil && (!ok || failed.Code != 12 || err.Error() != want) {
			t.Errorf("%q: got %v", version, err)
		}
	}
}

// TestVersionsAreComparedOnce looks for versions of the Platform API in the
// lifecycle's sources, which ask an API value in place of them.
func TestVersionsAreComparedOnce(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "grep", "-rnE", `"0\.(7|8|9|1[0-5])"`, "--include=*.go", "--exclude=*_test.go", "..", "../../../cmd/lifecycle").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		if line != "" && !strings.Contains(line, "platform/api.go:") && !strings.Contains(line, "// ") {
			t.Errorf("compares versions, or means to: %s", line)
		}
	}
}

func TestFromEnv(t *testing.T) {
	plain := platform.FromEnv(platform.API{}, nil)
	for got, want := range map[string]string{
		plain.App: "/workspace", plain.Layers: "/layers", plain.Platform: "/platform", plain.Buildpacks: "/cnb/buildpacks",
		plain.Analyzed: "<layers>/analyzed.toml", plain.Run: "/cnb/run.toml", plain.Launcher: "/cnb/lifecycle/launcher", plain.LogLevel: "info",
		plain.ExecEnv: "production",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	set := platform.FromEnv(platform.API{}, []string{
		"CNB_APP_DIR=/a", "CNB_USER_ID=7", "CNB_GROUP_ID=x", "CNB_USE_DAEMON=1", "CNB_NO_COLOR=maybe", "CNB_SKIP_RESTORE=true",
		"CNB_INSECURE_REGISTRIES=a,b", "CNB_KANIKO_CACHE_TTL=bad",
	})
	if set.App != "/a" || set.UID != 7 || set.GID != 0 || !set.Daemon || set.NoColor || !set.SkipLayers || len(set.InsecureRegistries) != 2 || set.KanikoTTL != plain.KanikoTTL {
		t.Errorf("got %+v", set)
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	api, err := platform.ParseAPI("0.15")
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "run.toml")
	if err := os.WriteFile(run, []byte("[[images]]\nimage = \"one.example/run\"\nmirrors = [\"two.example/run\"]\n[[images]]\nimage = \"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	readable := func(images ...string) platform.Reach {
		return func(_ context.Context, image string) bool {
			for _, own := range images {
				if own == image {
					return true
				}
			}
			return false
		}
	}
	var out bytes.Buffer
	resolve := func(phase platform.Phase, change func(*platform.Inputs), reach platform.Reach) (platform.Inputs, error) {
		i := platform.FromEnv(api, nil)
		i.Image, i.Layers, i.Run = "two.example/app", dir, run
		change(&i)
		out.Reset()
		err := i.Resolve(t.Context(), phase, reach, &platform.Log{Out: &out, Plain: true})
		return i, err
	}
	i, err := resolve(platform.Create, func(*platform.Inputs) {}, readable("one.example/run", "two.example/run"))
	if err != nil || i.RunImage != "two.example/run" || i.PreviousImage != "two.example/app" || i.Group != dir+"/group.toml" || i.Order != "/cnb/order.toml" {
		t.Errorf("%v, %+v", err, i)
	}
	if got, want := out.String(), "Warning: No cached data will be used, no cache specified.\n"; got != want {
		t.Errorf("it says %q", got)
	}
	if i, err := resolve(platform.Analyze, func(*platform.Inputs) {}, readable("one.example/run")); err != nil || i.RunImage != "one.example/run" {
		t.Errorf("%v, %q", err, i.RunImage)
	}
	for want, c := range map[string]struct {
		phase  platform.Phase
		change func(*platform.Inputs)
	}{
		"image argument is required":                                     {platform.Create, func(i *platform.Inputs) { i.Image = "" }},
		"failed to find accessible run image":                            {platform.Create, func(*platform.Inputs) {}},
		"-run-image is unsupported":                                      {platform.Export, func(i *platform.Inputs) { i.RunImage = "x" }},
		"-image is unsupported":                                          {platform.Export, func(i *platform.Inputs) { i.DeprecatedRunImage = "x" }},
		"run image not found in analyzed metadata":                       {platform.Export, func(*platform.Inputs) {}},
		"writing to multiple registries is unsupported":                  {platform.Create, func(i *platform.Inputs) { i.RunImage, i.Tags = "x", []string{"one.example/b"} }},
		"supply only one of -run-image or (deprecated) -image":           {platform.Rebase, func(i *platform.Inputs) { i.RunImage, i.DeprecatedRunImage = "x", "y" }},
		"-run-image is required when there is no run metadata available": {platform.Create, func(i *platform.Inputs) { i.Run = dir + "/none" }},
	} {
		if _, err := resolve(c.phase, c.change, readable()); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}

	// An analyzer calls images of layouts by their directories.
	const inLayout = "/layouts/one.example:5000/run/latest@sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	analyzed := filepath.Join(dir, "analyzed.toml")
	if err := os.WriteFile(analyzed, []byte("[run-image]\nreference = \""+inLayout+"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for layouts, fails := range map[string]bool{"/layouts": false, "/layouts/": false, "/other": true} {
		_, err := resolve(platform.Export, func(i *platform.Inputs) { i.Analyzed, i.Layout, i.LayoutDir = analyzed, true, layouts }, readable())
		if (err != nil) != fails {
			t.Errorf("layouts below %s: %v", layouts, err)
		}
	}
}

func TestForLabel(t *testing.T) {
	run := files.Run{Images: []files.RunImages{{Image: "a"}, {Image: "b", Mirrors: []string{"c"}}}}
	for _, c := range []struct {
		image    string
		extended bool
		want     string
	}{{"c", false, "b"}, {"x", true, "x"}, {"x", false, "a"}} {
		if got := platform.ForLabel(run, c.image, c.extended); got.Image != c.want {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
	if got := platform.ForLabel(files.Run{}, "x", true); got.Image != "" {
		t.Errorf("without any: got %+v", got)
	}
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	log := &platform.Log{Out: &out, Level: platform.Info, Plain: true}
	log.Phase("DETECTING")
	log.Debugf("not said")
	log.Infof("said %d", 1)
	log.Warnf("careful\n")
	log.Errorf("bad")
	if got, want := out.String(), "===> DETECTING\nsaid 1\nWarning: careful\nERROR: bad\n"; got != want {
		t.Errorf("got %q", got)
	}
	out.Reset()
	colour := &platform.Log{Out: &out}
	colour.Phase("X")
	colour.Warnf("w")
	if got, want := out.String(), "\x1b[36m===> X\x1b[0m\n\x1b[33;1mWarning: \x1b[0mw\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestDeprecation(t *testing.T) {
	api, err := platform.ParseAPI("0.7")
	if err != nil {
		t.Fatal(err)
	}
	const platformSays, buildpackSays = "Platform requested deprecated API '0.7'\n", "Buildpack 'a@1' requests deprecated API '0.8'\n"
	const refused = "ERROR: Deprecated APIs are disabled by CNB_DEPRECATION_MODE=error\n"
	for _, c := range []struct {
		mode string
		gone []string
		out  string
		code int
	}{
		{"error", nil, "", 0},
		{"quiet", []string{"0.7", "0.8"}, "", 0},
		{"warn", []string{"0.7", "0.8"}, "Warning: " + platformSays + "Warning: " + buildpackSays, 0},
		{"", []string{"0.7", "0.8"}, "Warning: " + platformSays + "Warning: " + buildpackSays, 0},
		{"error", []string{"0.7", "0.8"}, "ERROR: " + platformSays + refused + "ERROR: " + buildpackSays + refused, 1},
	} {
		var out bytes.Buffer
		d := platform.Deprecation{Mode: c.mode, Platform: c.gone, Buildpack: c.gone, Log: &platform.Log{Out: &out, Plain: true}}
		for i, err := range []error{d.CheckPlatform(api), d.CheckBuildpack("Buildpack", "a@1", "0.8")} {
			failed, is := errors.AsType[*platform.APIError](err)
			if is != (c.code > 0) || is && failed.Code != 11+i {
				t.Errorf("%+v: %v", c, err)
			}
		}
		if out.String() != c.out {
			t.Errorf("%+v: it says %q", c, out.String())
		}
	}
}

func TestExperiment(t *testing.T) {
	var out bytes.Buffer
	log := &platform.Log{Out: &out, Plain: true}
	if err := platform.Experiment("", "layouts", log); err == nil || err.Error() != "experimental features are disabled by CNB_EXPERIMENTAL_MODE=error" {
		t.Errorf("got %v", err)
	}
	if err := platform.Experiment("warn", "layouts", log); err != nil {
		t.Error(err)
	}
	if got, want := out.String(), "ERROR: Platform requested experimental feature 'layouts'\nWarning: Platform requested experimental feature 'layouts'\n"; got != want {
		t.Errorf("got %q", got)
	}
}
