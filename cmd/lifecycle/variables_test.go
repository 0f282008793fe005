package main

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/lifecycle/platform"
)

// variables are all variables that flags have for defaults, each with a value of
// its own (CNB Platform API, "Inputs").
func variables() map[string]string {
	return map[string]string{
		"CNB_ANALYZED_PATH": "/v/analyzed", "CNB_APP_DIR": "/v/app", "CNB_BUILDPACKS_DIR": "/v/buildpacks", "CNB_BUILD_CONFIG_DIR": "/v/config",
		"CNB_BUILD_IMAGE": "v/build", "CNB_CACHE_DIR": "/v/cache", "CNB_CACHE_IMAGE": "v/cache", "CNB_EXTENDED_DIR": "/v/extended",
		"CNB_EXTEND_KIND": "run", "CNB_EXTENSIONS_DIR": "/v/extensions", "CNB_FORCE_REBASE": "true", "CNB_GENERATED_DIR": "/v/generated",
		"CNB_GROUP_ID": "7", "CNB_GROUP_PATH": "/v/group", "CNB_INSECURE_REGISTRIES": "v.example,w.example", "CNB_KANIKO_CACHE_TTL": "3h",
		"CNB_LAUNCH_CACHE_DIR": "/v/launch", "CNB_LAYERS_DIR": "/v/layers", "CNB_LAYOUT_DIR": "/v/layout", "CNB_LOG_LEVEL": "debug",
		"CNB_NO_COLOR": "true", "CNB_ORDER_PATH": "/v/order", "CNB_PARALLEL_EXPORT": "true", "CNB_PLAN_PATH": "/v/plan",
		"CNB_PLATFORM_DIR": "/v/platform", "CNB_PREVIOUS_IMAGE": "v/previous", "CNB_PROCESS_TYPE": "v", "CNB_PROJECT_METADATA_PATH": "/v/project",
		"CNB_REPORT_PATH": "/v/report", "CNB_RUN_IMAGE": "v/run", "CNB_RUN_PATH": "/v/run", "CNB_SKIP_LAYERS": "true", "CNB_SKIP_RESTORE": "1",
		"CNB_STACK_PATH": "/v/stack", "CNB_SYSTEM_PATH": "/v/system", "CNB_USER_ID": "8", "CNB_USE_DAEMON": "true", "CNB_USE_LAYOUT": "true",
	}
}

// TestVariables shows for each flag, over all phases and APIs, its default, what
// its variable makes of that, and that the flag itself comes first.
func TestVariables(t *testing.T) {
	type values struct{ Default, Variable string }
	want := map[string]values{
		"analyzed": {"<layers>/analyzed.toml", "/v/analyzed"}, "app": {"/workspace", "/v/app"}, "build-config": {"/cnb/build-config", "/v/config"},
		"build-image": {"", "v/build"}, "buildpacks": {"/cnb/buildpacks", "/v/buildpacks"}, "cache-dir": {"", "/v/cache"}, "cache-image": {"", "v/cache"},
		"daemon": {"false", "true"}, "extended": {"<layers>/extended", "/v/extended"}, "extensions": {"/cnb/extensions", "/v/extensions"},
		"force": {"false", "true"}, "generated": {"<layers>/generated", "/v/generated"}, "gid": {"0", "7"}, "group": {"<layers>/group.toml", "/v/group"},
		"image": {"", ""}, "insecure-registry": {"[]", "[v.example w.example]"}, "kaniko-cache-ttl": {"336h0m0s", "3h0m0s"}, "kind": {"build", "run"},
		"launch-cache": {"", "/v/launch"}, "launcher": {"/cnb/lifecycle/launcher", "/cnb/lifecycle/launcher"}, "launcher-sbom": {"/cnb/lifecycle", "/cnb/lifecycle"},
		"layers": {"/layers", "/v/layers"}, "layout": {"false", "true"}, "layout-dir": {"", "/v/layout"}, "log-level": {"info", "debug"}, "no-color": {"false", "true"},
		"order": {"<layers>/order.toml", "/v/order"}, "parallel": {"false", "true"}, "plan": {"<layers>/plan.toml", "/v/plan"},
		"platform": {"/platform", "/v/platform"}, "previous-image": {"", "v/previous"}, "process-type": {"", "v"},
		"project-metadata": {"<layers>/project-metadata.toml", "/v/project"}, "report": {"<layers>/report.toml", "/v/report"}, "run": {"/cnb/run.toml", "/v/run"},
		"run-image": {"", "v/run"}, "skip-layers": {"false", "true"}, "skip-restore": {"false", "true"}, "stack": {"/cnb/stack.toml", "/v/stack"},
		"system": {"/cnb/system.toml", "/v/system"}, "tag": {"[]", "[]"}, "uid": {"0", "8"},
	}
	var environ []string
	for name, value := range variables() {
		environ = append(environ, name+"="+value)
	}
	got := map[string]values{}
	for _, version := range platform.APIs() {
		api, err := platform.ParseAPI(version)
		if err != nil {
			t.Fatal(err)
		}
		for _, phase := range platform.Phases() {
			value := func(name string, environ []string, args ...string) string {
				inputs := platform.FromEnv(api, environ)
				set, _ := flagSet(phase, &inputs, &bytes.Buffer{})
				if err := set.Parse(args); err != nil {
					t.Fatal(err)
				}
				found := set.Lookup(name)
				if found == nil {
					return "none"
				}
				return found.Value.String()
			}
			for _, r := range rows() {
				found := values{value(r.name, nil), value(r.name, environ)}
				if found.Default == "none" {
					continue
				}
				if before, seen := got[r.name]; seen && before != found {
					t.Errorf("-%s of the %s of %s: %+v, elsewhere %+v", r.name, phase, version, found, before)
				}
				got[r.name] = found
				flag := map[string]string{"true": "false", "0": "9", "336h0m0s": "1h0m0s"}[found.Variable]
				switch r.value(&platform.Inputs{}).(type) {
				case *string:
					flag = "flag"
				case *int:
					flag = "9"
				case *[]string:
					continue // it adds to those of the variable
				}
				if flag == "" {
					flag = "1h0m0s"
				}
				if own := value(r.name, environ, "-"+r.name+"="+flag); own != flag {
					t.Errorf("-%s=%s of the %s of %s: %s", r.name, flag, phase, version, own)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-expected +got):\n%s", diff)
	}
}

// TestFlagsSince says with which API a flag came or went.
func TestFlagsSince(t *testing.T) {
	// The flags that a phase has in one version and not in the one before, and those
	// that it has no more.
	want := map[platform.Phase]map[string]string{
		platform.Analyze: {"0.9": "+launch-cache +skip-layers", "0.12": "+layout +layout-dir +run -stack", "0.13": "+insecure-registry"},
		platform.Detect:  {"0.10": "+analyzed +extensions +generated", "0.11": "+build-config", "0.12": "+run", "0.15": "+system"},
		platform.Restore: {"0.10": "+build-image", "0.12": "+daemon +generated +layout +layout-dir", "0.13": "+insecure-registry", "0.14": "+run"},
		platform.Build:   {"0.11": "+build-config", "0.12": "+analyzed"},
		platform.Export:  {"0.11": "+launcher-sbom", "0.12": "+extended +layout +layout-dir +run -stack", "0.13": "+insecure-registry"},
		platform.Create:  {"0.11": "+build-config +launcher-sbom", "0.12": "+layout +layout-dir +run", "0.13": "+insecure-registry", "0.15": "+system"},
		platform.Rebase:  {"0.11": "+previous-image", "0.12": "+force", "0.13": "+insecure-registry"},
		platform.Extend:  {"0.12": "+extended +kind"},
	}
	got := map[platform.Phase]map[string]string{}
	for _, phase := range platform.Phases() {
		got[phase] = map[string]string{}
		before := map[string]bool{}
		for at, version := range platform.APIs() {
			api, err := platform.ParseAPI(version)
			if err != nil {
				t.Fatal(err)
			}
			inputs := platform.FromEnv(api, nil)
			set, _ := flagSet(phase, &inputs, &bytes.Buffer{})
			now := map[string]bool{}
			text := ""
			for _, r := range rows() {
				now[r.name] = set.Lookup(r.name) != nil
				if now[r.name] && !before[r.name] {
					text += " +" + r.name
				}
			}
			for _, name := range slices.Sorted(maps.Keys(before)) {
				if before[name] && !now[name] {
					text += " -" + name
				}
			}
			if at > 0 && text != "" {
				got[phase][version] = text[1:]
			}
			before = now
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags (-expected +got):\n%s", diff)
	}
}
