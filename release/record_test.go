package release_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

func record() release.Record {
	tree := artifact.Tree{
		Stack:      stack.Stack{ID: "host"},
		Buildpacks: []buildpacks.Descriptor{{ID: "slugc/nodejs", Version: "1.2.3", Dialect: buildpacks.CNB, API: "0.10"}},
		Metadata: launch.Metadata{DefaultProcess: "web", Processes: []launch.Process{
			{Type: "web", Command: []string{"bash", "-c", "node server.js --name \"it's\""}, Direct: true},
			{Type: "worker", Command: []string{"node", "a file.js"}, Args: []string{"it's"}, Direct: true},
			{Type: "clock", Command: []string{"tick"}, Direct: true, WorkingDirectory: "/app/a clock"},
		}},
	}
	return release.New("app", detect.Source{Kind: "dir", Digest: "sha256:00"}, tree, []artifact.Artifact{
		{Kind: "slug", Ref: "slug.tgz", Digest: "sha256:01", Size: 1, Layers: []artifact.Segment{{Name: "app"}}},
		{Kind: "oci", Ref: "out", Digest: "sha256:02", Size: 2, Layers: []artifact.Segment{{Name: "app"}, {Name: "config"}}},
	})
}

func TestRecord(t *testing.T) {
	r := record()
	want := map[string]string{"web": `node server.js --name "it's"`, "worker": `node 'a file.js' 'it'\''s'`, "clock": `cd '/app/a clock' && tick`}
	if diff := cmp.Diff(want, r.ProcessTypes); diff != "" {
		t.Errorf("process types (-expected +got):\n%s", diff)
	}
	if len(r.Layers) != 2 {
		t.Errorf("layers %v, expected those of the image", r.Layers)
	}

	name := filepath.Join(t.TempDir(), "release.json")
	if err := r.WriteFile(name); err != nil {
		t.Fatal(err)
	}
	back, err := release.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Artifacts { // the layers have a place of their own in the file
		r.Artifacts[i].Layers = nil
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("round trip (-written +read):\n%s", diff)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := record().WriteFile(name); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(name); err != nil || !os.SameFile(before, after) {
		t.Errorf("an equal record was written again (%v)", err)
	}
}

func TestReadFileRefuses(t *testing.T) {
	for text, problem := range map[string]string{"{": "unexpected end", `{"schema":99}`: "schema 99"} {
		name := filepath.Join(t.TempDir(), "release.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := release.ReadFile(name); err == nil {
			t.Errorf("%q was read, expected %q", text, problem)
		}
	}
}

func TestRecordOfDirectory(t *testing.T) {
	tree := artifact.Tree{
		App: buildpacks.Dir{Path: "/app"}, Subdir: "packages/web",
		Metadata: launch.Metadata{Processes: []launch.Process{
			{Type: "web", Command: []string{"bash", "-c", "node a && node b"}, Direct: true},
			{Type: "jobs", Command: []string{"tick"}, Direct: true, WorkingDirectory: "jobs"},
			{Type: "out", Command: []string{"tick"}, Direct: true, WorkingDirectory: "/srv"},
		}},
	}
	r := release.New("web", detect.Source{}, tree, nil)
	want := map[string]string{
		"web": "cd /app/packages/web && node a && node b", "jobs": "cd /app/packages/web/jobs && tick", "out": "cd /srv && tick",
	}
	if diff := cmp.Diff(want, r.ProcessTypes); diff != "" || r.Directory != "packages/web" {
		t.Errorf("directory %q, process types (-expected +got):\n%s", r.Directory, diff)
	}
}
