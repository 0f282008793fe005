package build_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// TestParity shows the rules of the specification on the buildpacks of
// testdata/buildpacks. The table in the documentation of buildpacks/cnb says
// which of them shows what.
func TestParity(t *testing.T) { spec.Run(t, "Parity", testParity) }

func testParity(t *testing.T, when spec.G, it spec.S) {
	var w *workshop
	it.Before(func() { w = newWorkshop(t) })

	// expect compares variables, of which an empty value says that there is
	// none.
	expect := func(buildpack string, want map[string]string) {
		t.Helper()
		env := w.seenEnv(buildpack)
		got := map[string]string{}
		for name := range want {
			got[name] = env[name]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the environment of %s (-expected +got):\n%s", buildpack, diff)
		}
	}

	when("environment", func() {
		it("is what the layers of earlier buildpacks make of it", func() {
			w.build("environment", "reader")
			a, b := "/layers/test_environment/a", "/layers/test_environment/b"
			expect("test_reader", map[string]string{
				"PATH":            b + "/bin:" + a + "/bin:" + stack.DefaultPath,
				"LD_LIBRARY_PATH": b + "/lib:" + a + "/lib",
				"LIBRARY_PATH":    "/own/b:" + b + "/lib:/own/a:" + a + "/lib",
				"CPATH":           b + "/include:" + a + "/include",
				"PKG_CONFIG_PATH": b + "/pkgconfig:" + a + "/pkgconfig",
				"BARE":            "bare b",
				"OVERRIDE":        "override b",
				"DEFAULT":         "default a",
				"APPEND":          "append a, append b",
				"PREPEND":         "prepend b: prepend a",
				"NODELIM":         "ab",
				"LINES":           "two\nlines\n",
				"TWICE":           "env.build b",
				"UNKNOWN":         "",
				"LAUNCH":          "",
			})
		})
		it("holds the person's variables above those, the operator's above all", func() {
			w.site.Env = map[string]string{
				"PATH": "/person", "CPATH": "/person", "PERSON": "person", "OPERATOR": "person", "HTTPS_PROXY": "proxy", "EMPTY": "",
				"CNB_LAYERS_DIR": "/elsewhere",
			}
			w.site.BuildConfig = t.TempDir()
			for name, value := range map[string]string{
				"OPERATOR.override": "operator", "PERSON": "only a default", "BARE.append": " and operator", "BARE.delim": ",",
				"PATH.prepend": "/operator", "PATH.delim": ":", "NEW": "new", "EMPTY": "filled", "NOTHING.suffix": "x",
			} {
				put(t, value, 0o644, w.site.BuildConfig, "env", name)
			}
			w.build("environment", "reader", "quiet")
			layers := "/layers/test_environment/b/bin:/layers/test_environment/a/bin:" + stack.DefaultPath
			expect("test_reader", map[string]string{
				"PATH": "/operator:/person:" + layers, "CPATH": "/person:/layers/test_environment/b/include:/layers/test_environment/a/include",
				"PERSON": "person", "OPERATOR": "operator", "BARE": "bare b, and operator", "NEW": "new", "EMPTY": "filled", "NOTHING": "",
				"HTTPS_PROXY": "proxy", "CNB_LAYERS_DIR": "/layers/test_reader",
			})
			// With clear-env the person's are left out, the network's and the
			// operator's are not.
			expect("test_quiet", map[string]string{
				"PATH": "/operator:" + layers, "PERSON": "layer", "OPERATOR": "operator", "NEW": "new", "HTTPS_PROXY": "proxy",
			})
			if got := w.left("test_quiet", "seen", "platform"); !strings.Contains(got, "PERSON\n") {
				t.Errorf("with clear-env the platform directory holds\n%s", got)
			}
		})
		it("has the reserved variables of each API", func() {
			w.site.ExecEnv = "test"
			w.build("environment", "reader", "old")
			expect("test_reader", map[string]string{
				"CNB_BUILDPACK_DIR": "/cnb/buildpacks/test_reader/1.0.0", "CNB_PLATFORM_DIR": "/platform",
				"CNB_LAYERS_DIR": "/layers/test_reader", "CNB_BP_PLAN_PATH": "/plan/plan.toml",
				"CNB_TARGET_OS": w.site.Stack.Target.OS, "CNB_TARGET_ARCH": w.site.Stack.Target.Arch,
				"CNB_TARGET_DISTRO_NAME": w.site.Stack.Target.DistroName, "CNB_TARGET_DISTRO_VERSION": w.site.Stack.Target.DistroVersion,
				"CNB_EXEC_ENV": "test", "CNB_STACK_ID": "", "SERVICE_BINDING_ROOT": "", "HOME": "/tmp",
			})
			expect("test_old", map[string]string{"CNB_EXEC_ENV": "", "CNB_TARGET_OS": "", "CNB_STACK_ID": "host", "CNB_BUILDPACK_DIR": "/cnb/buildpacks/test_old/1.0.0"})
			if got, want := w.left("test_old", "seen", "args"), "/layers/test_old\n/platform\n/plan/plan.toml\n"; got != want {
				t.Errorf("arguments %q, expected %q", got, want)
			}
		})
		it("is for production when nobody says otherwise", func() {
			tree := w.build("reader")
			expect("test_reader", map[string]string{"CNB_EXEC_ENV": "production"})
			if tree.ExecEnv != "production" {
				t.Errorf("the tree is for %q", tree.ExecEnv)
			}
		})
		it("leads to the service bindings", func() {
			dir := t.TempDir()
			put(t, "postgresql", 0o400, dir, "..data", "type")
			put(t, "hunter2!", 0o400, dir, "..data", "password")
			for _, name := range []string{"type", "password"} {
				if err := os.Symlink("..data/"+name, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			w.site.Bindings = map[string]string{"db": dir}
			w.build("reader")
			expect("test_reader", map[string]string{"SERVICE_BINDING_ROOT": "/platform/bindings"})
			want := map[string]string{"db/type": "postgresql", "db/password": "hunter2!"}
			if diff := cmp.Diff(want, w.files("test_reader/seen/bindings")); diff != "" {
				t.Errorf("bindings (-expected +got):\n%s", diff)
			}
		})
	})

	when("layers", func() {
		it("go where their types say", func() {
			tree := w.build("layers")
			ids := func(all []buildpacks.Layer) (names []string) {
				for _, l := range all {
					names = append(names, l.Name)
				}
				return names
			}
			if diff := cmp.Diff([]string{"bcl", "bl", "cl", "l", "seen"}, ids(tree.LaunchLayers)); diff != "" {
				t.Errorf("launch layers (-expected +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"bc", "bcl", "c", "cl"}, ids(tree.CacheLayers)); diff != "" {
				t.Errorf("cached layers (-expected +got):\n%s", diff)
			}
			if got := w.left("test_layers", "none.ignore", "content"); got != "none, 1\n" {
				t.Errorf("the layer without a type was not set aside: %q", got)
			}
			if diff := cmp.Diff(map[string]map[string]any{"test/layers": {"round": "1"}}, tree.Stores); diff != "" {
				t.Errorf("stores (-expected +got):\n%s", diff)
			}
		})
		it("have their SBOM gathered", func() {
			put(t, "old", 0o644, w.site.Layers.Host, "sbom", "launch", "gone_bp", "sbom.cdx.json")
			tree := w.build("layers")
			var want []string
			for _, path := range []string{
				"launch/test_layers/{bcl,bl,cl,l}/sbom.cdx.json", "cache/test_layers/{bc,bcl,c,cl}/sbom.cdx.json",
				"build/test_layers/{b,bc,c,none}/sbom.cdx.json",
			} {
				before, rest, _ := strings.Cut(path, "{")
				names, after, _ := strings.Cut(rest, "}")
				for _, name := range strings.Split(names, ",") {
					want = append(want, before+name+after)
				}
			}
			want = append(want, "launch/test_layers/sbom.spdx.json", "build/test_layers/sbom.syft.json")
			slices.Sort(want)
			files := w.files("sbom")
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
				t.Errorf("SBOM files (-expected +got):\n%s", diff)
			}
			if got := files["cache/test_layers/bcl/sbom.cdx.json"]; got != "{\"sbom of\": \"bcl\"}\n" {
				t.Errorf("an SBOM says %q", got)
			}
			if len(tree.SBOM) != len(want) {
				t.Errorf("the tree tells of %d SBOM files, expected %d", len(tree.SBOM), len(want))
			}
			for _, s := range tree.SBOM {
				if _, err := os.Stat(s.File); err != nil || !strings.HasPrefix(s.File, filepath.Join(w.site.Layers.Host, "sbom", s.Scope)) {
					t.Errorf("%+v: %v", s, err)
				}
			}
		})
		it("leave the store that the buildpack leaves", func() {
			put(t, "[metadata]\nround = \"0\"\n", 0o644, w.site.Layers.Host, "test_layers", "store.toml")
			w.site.Env["STORE"] = "keep"
			if got := w.build("layers").Stores["test/layers"]["round"]; got != "0" {
				t.Errorf("a store that was left alone is %v", got)
			}
			w.site.Env["STORE"] = "remove"
			if got := w.build("layers").Stores; len(got) > 0 {
				t.Errorf("a store that was removed is %v", got)
			}
		})
	})

	when("launch.toml and build.toml", func() {
		it("follow the API, and the last word wins", func() {
			tree := w.build("old", "reader")
			want := launch.Metadata{
				DefaultProcess: "web",
				Buildpacks: []launch.Buildpack{
					{ID: "test/old", Version: "1.0.0", API: "0.7"}, {ID: "test/reader", Version: "1.0.0", API: "0.12"},
				},
				Processes: []launch.Process{
					{Type: "direct", Command: []string{"serve"}, Args: []string{"one", "two words"}, Direct: true, BuildpackID: "test/old"},
					{Type: "web", Command: []string{"serve", "--all"}, Args: []string{"--port", "80"}, Direct: true, WorkingDirectory: "/srv", BuildpackID: "test/reader"},
					{Type: "spec.helper-1_2", Command: []string{"test"}, Direct: true, ExecEnv: []string{"test", "development"}, BuildpackID: "test/reader"},
				},
			}
			if diff := cmp.Diff(want, tree.Metadata); diff != "" {
				t.Errorf("metadata (-expected +got):\n%s", diff)
			}
			labels := []buildpacks.Label{{Key: "both", Value: "old"}, {Key: "both", Value: "reader"}, {Key: "both", Value: "reader again"}}
			if diff := cmp.Diff(labels, tree.Labels); diff != "" {
				t.Errorf("labels (-expected +got):\n%s", diff)
			}
			if diff := cmp.Diff([][]string{{"static/*", "doc"}, {}}, tree.Slices); diff != "" {
				t.Errorf("slices (-expected +got):\n%s", diff)
			}
			if got, want := w.left("sbom/launch/sbom.legacy.json"), `[{"name":"thing","metadata":{"version":"1"},"buildpack":{"id":"test/old","version":"1.0.0"}}]`+"\n"; got != want {
				t.Errorf("the table of old APIs became %s", got)
			}
			if diff := cmp.Diff([]string{"test/old@1.0.0: process web: working-dir is no key of Buildpack API 0.7 and is ignored"}, w.warnings); diff != "" {
				t.Errorf("warnings (-expected +got):\n%s", diff)
			}
		})
		it("say when a default process is none any more", func() {
			tree := w.build("reader", "old")
			if tree.Metadata.DefaultProcess != "" || len(w.warnings) != 2 || !strings.Contains(w.warnings[1], "redefines the default process type web") {
				t.Errorf("default %q, warnings %q", tree.Metadata.DefaultProcess, w.warnings)
			}
		})
		it("pass entries of the plan on", func() {
			require := func(name string) detect.Entry {
				return detect.Entry{Name: name, Providers: []string{"test/reader", "test/quiet"}, Requires: []buildpacks.Requirement{
					{Name: name, Metadata: map[string]any{"version": "1"}}, {Name: name},
				}}
			}
			w.entries = []detect.Entry{require("pass-on"), require("keep")}
			w.build("reader", "quiet")
			first, second := w.left("test_reader", "seen", "plan.toml"), w.left("test_quiet", "seen", "plan.toml")
			if strings.Count(first, "pass-on") != 2 || strings.Count(first, "keep") != 2 || strings.Count(second, "pass-on") != 2 || strings.Contains(second, "keep") {
				t.Errorf("the first was given\n%s\nthe second\n%s", first, second)
			}
		})
	})
}
