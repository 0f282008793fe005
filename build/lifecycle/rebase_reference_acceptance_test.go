//go:build acceptance

package lifecycle_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
)

// change is what is otherwise about an image.
type change func(*v1.ConfigFile)

func label(key, value string) change {
	return func(c *v1.ConfigFile) {
		if value == "" {
			delete(c.Config.Labels, key)
			return
		}
		c.Config.Labels[key] = value
	}
}

// alter writes an image with changes under another name.
func (b *bench) alter(from, to string, changes ...change) {
	b.t.Helper()
	image, err := remote.Image(b.tag(from))
	must(b.t, err)
	config, err := image.ConfigFile()
	must(b.t, err)
	config = config.DeepCopy()
	for _, c := range changes {
		c(config)
	}
	image, err = mutate.ConfigFile(image, config)
	must(b.t, err)
	must(b.t, remote.Write(b.tag(to), image))
}

// rebase rebases the app of a program.
func (p player) rebase(run string, force bool, tags ...string) outcome {
	p.t.Helper()
	names := []string{p.host + "/" + p.repo + "/app:1"}
	for _, tag := range tags {
		names = append(names, p.host+"/"+p.repo+"/"+tag)
	}
	if run != "" {
		run = p.host + "/" + run
	}
	report := p.at("rebase.toml")
	must(p.t, os.RemoveAll(report))
	var said bytes.Buffer
	err := p.rebaser(&said, run, report, force, names)
	out := outcome{code: exitCode(p.t, err), said: said.String()}
	if out.code == 0 {
		out.Report = readTOML(p.t, report)
		out.Config, out.Manifest = p.image(p.repo + "/app:1")
	}
	out.Said = heard(out.said)
	return p.same(out)
}

func (p player) rebaser(said *bytes.Buffer, run, report string, force bool, names []string) error {
	if !p.ours {
		args := []string{"-uid", fmt.Sprint(p.uid), "-gid", fmt.Sprint(p.uid), "-no-color", "-report", report}
		must(p.t, os.WriteFile(report, nil, 0o666))
		must(p.t, os.Chown(report, p.uid, p.uid))
		if run != "" {
			args = append(args, "-run-image", run)
		}
		if force {
			args = append(args, "-force")
		}
		return p.command(said, nil, "rebaser", append(args, names...)...)
	}
	r := lifecycle.Rebaser{
		API: p.api, Target: target.Registry{Backoff: time.Millisecond}, App: names[0], RunImage: run, Names: names, Force: force,
		Log: &platform.Log{Out: said, Plain: true},
	}
	r, err := r.Choose(p.t.Context(), func(ctx context.Context, image string) bool { return target.Registry{}.Reach(ctx, image) })
	var made files.RebaseReport
	if err == nil {
		made, err = r.Run(p.t.Context())
	}
	if err != nil {
		fmt.Fprintf(said, "ERROR: %v\n", err)
		return err
	}
	return files.WriteRebaseReport(report, made)
}

// rebaseDifferences are those of the rebaser.
var rebaseDifferences = []difference{
	{
		"the reference empties the history of an image when it rebases it; ours keeps that of the base and of the app",
		func(reference, ours *outcome) {
			if entries(reference) == entries(ours) {
				delete(reference.Config, "history")
				delete(ours.Config, "history")
			}
		},
	},
	{
		"the reference drops who made the app, and for which variant of a machine the new base is",
		func(_, ours *outcome) {
			delete(ours.Config, "author")
			delete(ours.Config, "variant")
		},
	},
	{
		"ours says more of a label that is not there, or that cannot be read",
		func(reference, ours *outcome) {
			for action, why := range map[string]string{
				"ERROR: failed to rebase: rebase app image: ": "could not find base layer in image",
				"ERROR: failed to set app image: ":            "failed to unmarshal context of label",
			} {
				if len(reference.Said) == 1 && len(ours.Said) == 1 && strings.HasPrefix(reference.Said[0], action+why) && strings.HasPrefix(ours.Said[0], action) {
					reference.Said, ours.Said = nil, nil
				}
			}
		},
	},
}

func entries(o *outcome) int {
	history, _ := o.Config["history"].([]any)
	return len(history)
}

// TestRebaseReference rebases images of the reference by all rules.
func TestRebaseReference(t *testing.T) {
	eachAPI(t, func(t *testing.T, b *bench) {
		reference, ours := b.players()
		first := reference.play(cold(), options{})
		if first.code != 0 {
			t.Fatal(first.said)
		}
		must(t, remote.Write(b.tag("plain:1"), mustImage(t, b.tag("a/app:1"))))
		old := b.host + "/run:1"
		next := func(name string, changes ...change) {
			b.run(runImage{name: "made:1", labels: map[string]string{"io.buildpacks.stack.homepage": "next", "io.buildpacks.base.maintainer": "next", "other": "next"}})
			b.alter("made:1", name, changes...)
		}
		// The name of the app's own run image is for another one from here on.
		next("run:1")
		next("other:2")
		next("arm:1", func(c *v1.ConfigFile) { c.Architecture = "arm64"; c.Variant = "v8" })
		next("alpine:1", label("io.buildpacks.base.distro.name", "alpine"))
		next("bare:1", label("io.buildpacks.base.distro.name", ""), label("io.buildpacks.base.distro.version", ""), label("io.buildpacks.stack.id", ""))
		next("stack:1", label("io.buildpacks.stack.id", "other.stack"))
		next("mixins:1", label("io.buildpacks.stack.mixins", `["git", "run:curl"]`))
		for _, app := range []struct {
			name    string
			changes []change
		}{
			{"plain", nil},
			{"mixins", []change{label("io.buildpacks.stack.mixins", `["build:git", "curl", "zip"]`)}},
			{"fixed", []change{label("io.buildpacks.rebasable", "false")}},
			{"no stack", []change{label("io.buildpacks.stack.id", "")}},
			{"no label", []change{label("io.buildpacks.lifecycle.metadata", "")}},
			{"bad label", []change{label("io.buildpacks.lifecycle.metadata", "{")}},
		} {
			for _, run := range []string{"", "run:1", "other:2", "arm:1", "alpine:1", "bare:1", "stack:1", "mixins:1", "none:1"} {
				if app.name != "plain" && !slices.Contains([]string{"", "run:1", "mixins:1"}, run) {
					continue
				}
				for _, force := range []bool{false, true} {
					if force && !b.api.RebaseForce {
						continue
					}
					for _, repo := range []string{"a", "b"} {
						b.alter("plain:1", repo+"/app:1", app.changes...)
					}
					step := fmt.Sprintf("%s on %q, force %t", app.name, run, force)
					compare(t, step, reference.rebase(run, force, "app:2"), ours.rebase(run, force, "app:2"), rebaseDifferences...)
				}
			}
		}
		if !strings.Contains(fmt.Sprint(first.Config), old) {
			t.Errorf("the app does not name %s", old)
		}
	})
}

func mustImage(t *testing.T, ref name.Reference) v1.Image {
	t.Helper()
	image, err := remote.Image(ref)
	must(t, err)
	return image
}
