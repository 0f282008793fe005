package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/lifecycle/platform"
)

// TestDescriptor compares lifecycle.toml with what the program is.
func TestDescriptor(t *testing.T) {
	type apis struct{ Supported, Deprecated []string }
	var got struct {
		APIs      struct{ Buildpack, Platform apis }
		Lifecycle struct{ Version string }
	}
	if _, err := toml.DecodeFile("lifecycle.toml", &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(platform.APIs(), got.APIs.Platform.Supported); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(platform.BuildpackAPIs(), got.APIs.Buildpack.Supported); diff != "" {
		t.Error(diff)
	}
	if got.Lifecycle.Version != version || len(got.APIs.Platform.Deprecated)+len(got.APIs.Buildpack.Deprecated) > 0 {
		t.Errorf("got %+v", got)
	}
}

// TestFlags shows which flags phases have, and which they have not yet.
func TestFlags(t *testing.T) {
	has := func(version string, phase platform.Phase) []string {
		api, err := platform.ParseAPI(version)
		if err != nil {
			t.Fatal(err)
		}
		inputs := platform.FromEnv(api, nil)
		set, _ := flagSet(phase, &inputs, &bytes.Buffer{})
		var names []string
		for _, r := range rows() {
			if set.Lookup(r.name) != nil {
				names = append(names, r.name)
			}
		}
		return names
	}
	newest := map[platform.Phase]string{
		platform.Analyze: "analyzed cache-image daemon gid insecure-registry launch-cache layers layout layout-dir log-level no-color previous-image run run-image skip-layers tag uid",
		platform.Detect:  "analyzed app build-config buildpacks extensions generated group layers log-level no-color order plan platform run system",
		platform.Restore: "analyzed build-image cache-dir cache-image daemon generated gid group insecure-registry layers layout layout-dir log-level no-color run skip-layers uid",
		platform.Build:   "analyzed app build-config buildpacks group layers log-level no-color plan platform",
		platform.Export:  "analyzed app cache-dir cache-image daemon extended gid group image insecure-registry launch-cache launcher launcher-sbom layers layout layout-dir log-level no-color parallel process-type project-metadata report run run-image uid",
		platform.Create:  "app build-config buildpacks cache-dir cache-image daemon gid insecure-registry launch-cache launcher launcher-sbom layers layout layout-dir log-level no-color order parallel platform previous-image process-type project-metadata report run run-image skip-restore stack system tag uid",
		platform.Rebase:  "daemon force gid image insecure-registry log-level no-color previous-image report run-image uid",
		platform.Extend:  "analyzed app buildpacks extended generated gid group kaniko-cache-ttl kind layers log-level no-color plan platform uid",
	}
	for phase, want := range newest {
		if diff := cmp.Diff(strings.Fields(want), has("0.15", phase)); diff != "" {
			t.Errorf("%s (-expected +got):\n%s", phase, diff)
		}
	}
	for _, gone := range []string{"analyzed", "build-config", "extensions", "generated", "run", "system"} {
		if slices.Contains(has("0.7", platform.Detect), gone) {
			t.Errorf("the detector of 0.7 has -%s", gone)
		}
	}
	if !slices.Contains(has("0.11", platform.Export), "stack") || slices.Contains(has("0.8", platform.Analyze), "skip-layers") {
		t.Error("flags of old analyzers and exporters")
	}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		code int
		out  string
	}{
		{[]string{"lifecycle", "-version"}, "", 0, version + "\n"},
		{[]string{"/cnb/lifecycle/creator", "-version"}, "0.15", 0, version + "\n"},
		{[]string{"lifecycle"}, "0.15", 3, "ERROR: failed to parse arguments\n"},
		{[]string{"lifecycle", "bake"}, "0.15", 3, "ERROR: failed to recognize phase: bake \nValid phases: analyze, detect, restore, extend, build, export, create, rebase\n"},
		{[]string{"creator", "app"}, "", 11, "ERROR: failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version\n"},
		{[]string{"creator", "app"}, "0.99", 11, "ERROR: failed to set platform API: platform API version '0.99' is incompatible with the lifecycle\n"},
		{[]string{"creator"}, "0.15", 3, "ERROR: failed to parse arguments: received 0 arguments, but expected 1\n"},
		{[]string{"lifecycle", "rebase"}, "0.15", 3, "ERROR: failed to parse arguments: at least one image argument is required\n"},
		{[]string{"builder", "-log-level", "loud"}, "0.15", 1, "ERROR: failed to parse log level: \"loud\" is none; expected debug, info, warn or error\n"},
	} {
		var out bytes.Buffer
		code := run(t.Context(), c.args, []string{"CNB_PLATFORM_API=" + c.env, "CNB_NO_COLOR=true"}, &out)
		got := strings.NewReplacer("\x1b[31;1m", "", "\x1b[0m", "").Replace(out.String())
		if code != c.code || got != c.out {
			t.Errorf("%q: code %d, %q", c.args, code, got)
		}
	}
}
