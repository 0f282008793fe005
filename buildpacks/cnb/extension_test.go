package cnb_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestExtension(t *testing.T) { spec.Run(t, "Extension", testExtension) }

func testExtension(t *testing.T, _ spec.G, it spec.S) {
	var (
		dir, output string
		said        bytes.Buffer
		site        buildpacks.Site
	)
	it.Before(func() {
		dir, output = t.TempDir(), t.TempDir()
		put(t, filepath.Join(dir, "extension.toml"), "api = \"0.12\"\n[extension]\nid = \"test/ext\"\nversion = \"1\"\nhomepage = \"h\"\nexec-env = [\"test\"]\n", 0o644)
		place := func() buildpacks.Dir {
			at := t.TempDir()
			return buildpacks.Dir{Host: at, Path: at}
		}
		site = buildpacks.Site{
			Stack: stack.Stack{Target: stack.Target{OS: "linux", Arch: "amd64"}}, Runner: sandbox.Direct{}, InPlace: true, Base: launch.Env{"PATH": os.Getenv("PATH")},
			App: place(), Platform: place(), Scratch: t.TempDir(), Env: map[string]string{"PERSON": "p"}, Output: &said,
		}
	})
	open := func() *cnb.Extension {
		t.Helper()
		x, err := cnb.OpenExtension(dir)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	probe := func() buildpacks.Detection {
		t.Helper()
		d, err := open().Probe(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	tool := []buildpacks.Alternative{{Provides: []string{"tool"}}}

	it("says who it is", func() {
		want := buildpacks.Descriptor{ID: "test/ext", Version: "1", Dialect: buildpacks.CNB, API: "0.12", Homepage: "h", Extension: true, ExecEnvs: []string{"test"}}
		if diff := cmp.Diff(want, open().Descriptor()); diff != "" {
			t.Errorf("(-expected +got):\n%s", diff)
		}
		put(t, filepath.Join(dir, "bin/generate"), "", 0o755)
		if got := open().Descriptor().Targets; len(got) != 1 || got[0].OS != "linux" {
			t.Errorf("targets of one with a script: %v", got)
		}
		for text, problem := range map[string]string{"api = \"0.10\"\n": "the extension: buildpack id", "[extension]\nid = \"a\"": "no api", "[": "line 1"} {
			put(t, filepath.Join(dir, "extension.toml"), text, 0o644)
			if _, err := cnb.OpenExtension(dir); err == nil || !strings.Contains(err.Error(), problem) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%q: %v, expected %q", text, err, problem)
			}
		}
	})

	it("is asked by a script, or by a file", func() {
		if d := probe(); d.Verdict != buildpacks.Pass || len(d.Plans[0].Provides) != 0 {
			t.Errorf("nothing there: %+v", d)
		}
		put(t, filepath.Join(dir, "detect/plan.toml"), "[[provides]]\nname = \"tool\"\n", 0o644)
		if d := probe(); d.Verdict != buildpacks.Pass || cmp.Diff(tool, d.Plans) != "" {
			t.Errorf("a file: %+v", d)
		}
		put(t, filepath.Join(dir, "bin/detect"), "#!/bin/sh\necho \"$CNB_EXTENSION_DIR$CNB_BUILDPACK_DIR $PERSON\"\nprintf '[[provides]]\\nname = \"tool\"\\n' > \"$2\"\n", 0o755)
		if d := probe(); d.Verdict != buildpacks.Pass || cmp.Diff(tool, d.Plans) != "" || d.Output != dir+" p\n" {
			t.Errorf("a script: %+v", d)
		}
		put(t, filepath.Join(dir, "bin/detect"), "#!/bin/sh\nexit 100\n", 0o755)
		if d := probe(); d.Verdict != buildpacks.Fail {
			t.Errorf("a script that says no: %+v", d)
		}
	})

	it("may require nothing", func() {
		put(t, filepath.Join(dir, "detect/plan.toml"), "[[or]]\n[[or.requires]]\nname = \"tool\"\n", 0o644)
		if d := probe(); d.Verdict != buildpacks.Error || d.Fault != `extension test/ext outputs "requires" which is not allowed` {
			t.Errorf("got %+v", d)
		}
		put(t, filepath.Join(dir, "detect/plan.toml"), "[", 0o644)
		if d := probe(); d.Verdict != buildpacks.Error || !strings.Contains(d.Fault, "line 1") {
			t.Errorf("a broken plan: %+v", d)
		}
	})

	it("generates by a script, or brings its output along", func() {
		plan := []buildpacks.Requirement{{Name: "tool", Metadata: map[string]any{"version": "2"}}}
		at, err := open().Generate(t.Context(), site, plan, output)
		if err != nil || at != filepath.Join(dir, "generate") {
			t.Errorf("without a script: %s, %v", at, err)
		}
		put(t, filepath.Join(dir, "bin/generate"), "#!/bin/sh\n[ \"$CNB_OUTPUT_DIR\" = \"$1\" ] && [ \"$CNB_PLATFORM_DIR\" = \"$2\" ] && [ \"$CNB_BP_PLAN_PATH\" = \"$3\" ] || exit 1\n"+
			"cat \"$3\" > \"$1/plan\"\necho \"$CNB_TARGET_OS in $(pwd)\"\n", 0o755)
		at, err = open().Generate(t.Context(), site, plan, output)
		if err != nil || at != output {
			t.Fatalf("with a script: %s, %v", at, err)
		}
		got, err := os.ReadFile(filepath.Join(output, "plan"))
		if err != nil || !strings.Contains(string(got), `name = "tool"`) || !strings.Contains(string(got), `version = "2"`) || said.String() != "linux in "+site.App.Host+"\n" {
			t.Errorf("the script saw %q and says %q: %v", got, &said, err)
		}
		put(t, filepath.Join(dir, "bin/generate"), "#!/bin/sh\nexit 7\n", 0o755)
		_, err = open().Generate(t.Context(), site, plan, output)
		if failed, ok := errors.AsType[*buildpacks.CompileError](err); !ok || failed.Status != 7 || failed.Step != "bin/generate" {
			t.Errorf("a script that fails: %v", err)
		}
	})
}
