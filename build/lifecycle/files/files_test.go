package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// The texts are in the form in which the reference lifecycle v0.21.0 writes them.
const (
	groupText = `[[group]]
  id = "test/hello"
  version = "1.0.0"
  api = "0.10"
  homepage = "https://hello.example"

[[group]]
  id = "other"
  version = "2"
`
	planText = `[[entries]]

  [[entries.providers]]
    id = "test/hello"
    version = "1.0.0"

  [[entries.requires]]
    name = "node"
    [entries.requires.metadata]
      version = "1"
`
	metadataText = `buildpack-default-process-type = "web"

[[buildpacks]]
  id = "test/hello"
  version = "1.0.0"
  api = "0.10"

[[labels]]
  key = "k"
  value = "v"

[[processes]]
  type = "task"
  command = ["a<b", "c"]
  direct = true
  buildpack-id = "test/hello"

[[processes]]
  type = "web"
  command = ["greet"]
  args = ["--all"]
  direct = true
  buildpack-id = "test/hello"
  working-dir = "/srv"
  exec-env = ["test"]

[[slices]]
  paths = ["static/*"]
`
	oldMetadataText = `buildpack-default-process-type = "web"

[[buildpacks]]
  id = "test/hello"
  version = "1.0.0"
  api = "0.10"

[[labels]]
  key = "k"
  value = "v"

[[processes]]
  type = "task"
  command = "a<b"
  args = ["c"]
  direct = true
  buildpack-id = "test/hello"

[[processes]]
  type = "web"
  command = "greet"
  args = ["--all"]
  direct = true
  buildpack-id = "test/hello"
  working-dir = "/srv"
  exec-env = ["test"]

[[slices]]
  paths = ["static/*"]
`
)

func text(t *testing.T, value any) string {
	t.Helper()
	data, err := encode(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-expected +got):\n%s", what, diff)
	}
}

func TestPlanAndGroup(t *testing.T) {
	plan := detect.Plan{
		Group: []detect.Choice{
			{Descriptor: buildpacks.Descriptor{ID: "test/hello", Version: "1.0.0", API: "0.10", Homepage: "https://hello.example"}},
			{Descriptor: buildpacks.Descriptor{ID: "other", Version: "2"}},
		},
		Entries: []detect.Entry{{
			Name: "node", Providers: []string{"test/hello"},
			Requires: []buildpacks.Requirement{{Name: "node", Metadata: map[string]any{"version": "1"}}},
		}},
	}
	same(t, "group", groupText, text(t, NewGroup(plan)))
	same(t, "plan", planText, text(t, NewPlan(plan)))
	back := Resolved(NewGroup(plan), NewPlan(plan))
	if diff := cmp.Diff(plan.Entries, back.Entries); diff != "" {
		t.Errorf("entries (-expected +got):\n%s", diff)
	}
}

func TestBuildMetadata(t *testing.T) {
	tree := artifact.Tree{
		Labels: []buildpacks.Label{{Key: "k", Value: "v"}}, Slices: [][]string{{"static/*"}},
		Metadata: launch.Metadata{
			DefaultProcess: "web",
			Buildpacks:     []launch.Buildpack{{ID: "test/hello", Version: "1.0.0", API: "0.10"}},
			Processes: []launch.Process{
				{Type: "web", Command: launch.Command{"greet"}, Args: []string{"--all"}, Direct: true, BuildpackID: "test/hello", WorkingDirectory: "/srv", ExecEnv: []string{"test"}},
				{Type: "task", Command: launch.Command{"a<b", "c"}, Direct: true, BuildpackID: "test/hello"},
			},
		},
	}
	dir := t.TempDir()
	for want, list := range map[string]bool{metadataText: true, oldMetadataText: false} {
		m := NewBuildMetadata(tree, list)
		// The reference escapes what JSON for the web escapes.
		same(t, "metadata.toml", want, unescape(text(t, m)))
		if err := WriteBuildMetadata(dir, m); err != nil {
			t.Fatal(err)
		}
		back, err := ReadBuildMetadata(dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("read back (-expected +got):\n%s", diff)
		}
	}
}

func TestAnalyzed(t *testing.T) {
	label := oci.LifecycleMetadata{
		App: []oci.LayerRef{{SHA: "sha256:a"}}, SBOM: &oci.LayerRef{SHA: "sha256:s"},
		Config: oci.LayerRef{SHA: "sha256:c"}, Launcher: oci.LayerRef{SHA: "sha256:l"}, ProcessTypes: oci.LayerRef{SHA: "sha256:p"},
		Buildpacks: []oci.BuildpackLayers{{ID: "b", Version: "1", Layers: map[string]oci.LayerMetadata{
			"x": {LayerRef: oci.LayerRef{SHA: "sha256:x"}, Data: map[string]any{"n": "1"}, Launch: true},
		}, Store: &oci.Store{Metadata: map[string]any{"k": "v"}}}},
		RunImage: oci.RunImage{TopLayer: "sha256:t", Reference: "r", Image: "run", Mirrors: []string{"mirror"}},
		Stack:    &oci.StackMetadata{RunImage: oci.StackRunImage{Image: "run", Mirrors: []string{"mirror"}}},
	}
	a := Analyzed{
		Image: &Reference{"old"}, Metadata: NewLayersMetadata(label),
		RunImage: &RunImage{Reference: "r", Image: "run", Target: NewTarget(stack.Target{OS: "linux", Arch: "arm64", DistroName: "debian", DistroVersion: "13"}, "")},
	}
	file := t.TempDir() + "/deeper/analyzed.toml"
	if err := WriteAnalyzed(file, a); err != nil {
		t.Fatal(err)
	}
	back, err := ReadAnalyzed(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, back); diff != "" {
		t.Errorf("read back (-expected +got):\n%s", diff)
	}
	if diff := cmp.Diff(label, back.Metadata.Label()); diff != "" {
		t.Errorf("the label (-expected +got):\n%s", diff)
	}
	same(t, "the beginning", "[image]\n  reference = \"old\"\n\n[metadata]\n\n  [[metadata.app]]\n    sha = \"sha256:a\"\n", text(t, a)[:81])
}

func TestReport(t *testing.T) {
	same(t, "report", "[image]\n  tags = [\"a:1\"]\n  digest = \"sha256:d\"\n  manifest-size = 7\n",
		text(t, Report{Image: ReportImage{Tags: []string{"a:1"}, Digest: "sha256:d", ManifestSize: 7}}))
}

func TestRunImages(t *testing.T) {
	r := RunImages{"registry.example/run", []string{"mirror.example/run:2"}}
	for image, want := range map[string]bool{
		"registry.example/run": true, "registry.example/run:latest": true, "mirror.example/run:2@sha256:0": true, "mirror.example/run": false, "": false,
	} {
		if got := r.Has(image); got != want {
			t.Errorf("%q: got %v", image, got)
		}
	}
}

func unescape(s string) string { return strings.ReplaceAll(s, `\u003c`, "<") }

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadGroup(dir + "/none.toml"); err == nil || err.Error() != "failed to read group file: open "+dir+"/none.toml: no such file or directory" {
		t.Errorf("got %v", err)
	}
	for name, text := range map[string]string{"good": groupText, "bad": "[[group]"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(name, filepath.Join(dir, name+".toml")); err != nil {
			t.Fatal(err)
		}
	}
	if g, err := ReadGroup(dir + "/good.toml"); err != nil || len(g.Buildpacks) != 2 {
		t.Errorf("through a link: %+v, %v", g, err)
	}
	if _, err := ReadGroup(dir + "/bad.toml"); err == nil || !strings.HasPrefix(err.Error(), "failed to read group file: line 1: ") {
		t.Errorf("got %v", err)
	}
}
