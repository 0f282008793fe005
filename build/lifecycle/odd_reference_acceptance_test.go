//go:build acceptance

package lifecycle_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/oci"
)

// TestExportReferenceBases exports to all kinds of run images.
func TestExportReferenceBases(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		reference, ours := b.players()
		for _, base := range []struct {
			name string
			runImage
		}{
			{"OCI", runImage{oci: true, history: 2}},
			{"odd history", runImage{history: -1}},
			{"user", runImage{history: 1, config: v1.Config{
				User: "app", Hostname: "made-it", Entrypoint: []string{"/bin/sh"}, Cmd: []string{"-c", "true"}, WorkingDir: "/there",
				Env: []string{"PATH=/cnb/process:/usr/bin", "CNB_APP_DIR=/old"},
			}}},
			{"no PATH", runImage{config: v1.Config{Env: []string{"A=b"}}}},
		} {
			b.run(base.runImage)
			for _, step := range []string{"cold", "warm"} {
				compare(t, base.name+" "+step, reference.play(cold(), options{}), ours.play(cold(), options{}), exportDifferences...)
			}
		}
	})
}

// TestExportReferencePrevious exports over previous images that are not as they
// should be.
func TestExportReferencePrevious(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		reference, ours := b.players()
		first := cold()
		compare(t, "cold", reference.play(first, options{}), ours.play(first, options{}), exportDifferences...)
		must(t, remote.Write(b.tag("plain:1"), mustImage(t, b.tag("a/app:1"))))
		for _, previous := range []struct {
			name    string
			changes []change
		}{
			{"no label", []change{label("io.buildpacks.lifecycle.metadata", "")}},
			{"bad label", []change{label("io.buildpacks.lifecycle.metadata", "{")}},
			{"other label", []change{label("io.buildpacks.lifecycle.metadata", `{"app": [], "buildpacks": [{"key": "acme/node", "layers": {"node": {"sha": "none"}}}]}`)}},
		} {
			for _, repo := range []string{"a", "b"} {
				b.alter("plain:1", repo+"/app:1", previous.changes...)
			}
			compare(t, previous.name, reference.play(first, options{}), ours.play(first, options{}), exportDifferences...)
		}
		b.alter("plain:1", "elsewhere:1")
		compare(t, "elsewhere", reference.play(first, options{previous: "elsewhere:1"}), ours.play(first, options{previous: "elsewhere:1"}), exportDifferences...)

		// An image that went away between analyzer and exporter takes the layers
		// without contents with it.
		gone := func(p player) {
			digest, err := remote.Head(b.tag(p.repo + "/app:1"))
			must(t, err)
			ref, err := name.NewDigest(b.host + "/" + p.repo + "/app@" + digest.Digest.String())
			must(t, err)
			must(t, remote.Delete(ref))
		}
		reuse := first.edit(map[string]string{"layers/acme_node/modules/m/index": ""})
		// The reference wants layers that it has on disk from that image too.
		for _, p := range []player{reference, ours} {
			want := 62
			if p.ours {
				want = 0
			}
			if out := p.play(first, options{between: gone}); out.code != want {
				t.Errorf("ours %t: the exit code is %d, expected %d\n%s", p.ours, out.code, want, out.said)
			}
			b.alter("plain:1", p.repo+"/app:1", label("again", "true"))
		}
		compare(t, "gone", reference.play(reuse, options{between: gone}), ours.play(reuse, options{between: gone}), exportDifferences...)
	})
}

// TestExportReferenceBad exports what cannot be exported.
func TestExportReferenceBad(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		reference, ours := b.players()
		first := cold()
		for _, bad := range []struct {
			name  string
			build build
			options
		}{
			{"no such process", first, options{process: "none"}},
			{"cached without contents", first.edit(map[string]string{"layers/acme_node/node/bin/node": ""}), options{}},
			{"nothing to reuse", first.edit(map[string]string{"layers/acme_node/modules/m/index": ""}), options{}},
			{"malformed", first.edit(map[string]string{"layers/acme_node/modules.toml": "types = 3"}), options{}},
			{"old form", first.edit(map[string]string{"layers/acme_node/modules.toml": "launch = true\n"}), options{}},
			{"malformed store", first.edit(map[string]string{"layers/acme_node/store.toml": "["}), options{}},
			{"cached alone without contents", first.edit(map[string]string{"layers/acme_node/download/file": ""}), options{}},
			{"refused tag", first, options{tags: []string{"app:2", "refused/app:1"}}},
		} {
			compare(t, bad.name, reference.play(bad.build, bad.options), ours.play(bad.build, bad.options), exportDifferences...)
		}
	})
}

// layoutDifferences are those of exports to layouts.
var layoutDifferences = append([]difference{{
	"the reference has in the label of a layout the digest of an empty image for that of the run image",
	func(reference, ours *outcome) { sameRun(reference); sameRun(ours) },
}}, exportDifferences...)

// sameRun leaves the digest of the run image out of what labels say.
func sameRun(o *outcome) {
	for _, label := range []any{labels(o.Config)["io.buildpacks.lifecycle.metadata"], o.Analyzed["metadata"]} {
		fields, _ := label.(map[string]any)
		for _, name := range []string{"runImage", "run-image"} {
			if run, ok := fields[name].(map[string]any); ok {
				run["reference"] = hash.ReplaceAllString(run["reference"].(string), "digest")
			}
		}
	}
}

// TestExportReferenceLayout exports to OCI layouts.
func TestExportReferenceLayout(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		if !b.api.Layout {
			t.Skip("this Platform API has no layouts")
		}
		// The reference takes the directory of a layout for a name of an image, and
		// has no room in one for a port or capitals.
		run := oci.Image{Image: mustImage(t, b.tag("run:1"))}
		dir, err := os.MkdirTemp("", "layouts")
		must(t, err)
		t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
		must(t, os.Chmod(dir, 0o755))
		must(t, os.CopyFS(dir, os.DirFS(b.dir)))
		b.dir, b.host = dir, "example.com"
		reference, ours := b.players()
		reference.layout, ours.layout = true, true
		_, err = ours.images().Export(t.Context(), run, []string{b.host + "/run:1"})
		must(t, err)
		first := cold()
		edited := first.edit(map[string]string{"app/server.js": "listen(2)", "layers/acme_node/node/bin/node": "new", "layers/acme_node/modules/m/index": ""})
		for _, step := range []struct {
			name  string
			build build
			options
		}{
			{"cold", first, options{}},
			{"warm", first, options{}},
			{"edit", edited, options{}},
			{"epoch", edited, options{epoch: "1612325106"}},
			{"no cache", first, options{noCache: true}},
		} {
			compare(t, step.name, reference.play(step.build, step.options), ours.play(step.build, step.options), layoutDifferences...)
		}
		reference.repo, ours.repo = ours.repo, reference.repo
		for _, step := range []struct {
			name  string
			build build
		}{{"of the other", first}, {"edit of the other", edited}} {
			compare(t, step.name, reference.play(step.build, options{}), ours.play(step.build, options{}), layoutDifferences...)
		}
	})
}

// TestAnalyzeReferenceAccess analyzes for images that nobody may read, or write.
func TestAnalyzeReferenceAccess(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		reference, ours := b.players()
		for _, o := range []options{
			{tags: []string{"refused/app:1"}}, {tags: []string{"denied/app:1"}}, {previous: "denied/app:1"}, {previous: "unknown/app:1"}, {previous: "none:1"},
		} {
			compare(t, fmt.Sprint(o.tags, o.previous), reference.play(cold(), o), ours.play(cold(), o), accessDifferences...)
		}
	})
}

// accessDifferences are those of an analyzer that may not do something.
var accessDifferences = append([]difference{{
	"ours has the exit code 32 of the specification where the reference has 1, and says what to do",
	func(reference, ours *outcome) {
		if reference.code == 1 && ours.code == 32 {
			reference.code = 32
		}
		for _, o := range []*outcome{reference, ours} {
			for i, line := range o.Said {
				o.Said[i] = access.ReplaceAllString(line, "$1")
			}
		}
	},
}}, exportDifferences...)

var access = regexp.MustCompile(`^(ERROR: failed to initialize analyzer: validating registry (?:read|write) access: failed to ensure registry [a-z/]+ access to [^ ]+):.*`)
