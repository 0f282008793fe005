package rebase_test

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/stack"
)

func TestRebaseRules(t *testing.T) {
	label := func(name, value string) func(*v1.ConfigFile) {
		return func(c *v1.ConfigFile) {
			if value == "" {
				delete(c.Config.Labels, name)
			} else {
				c.Config.Labels[name] = value
			}
		}
	}
	all := func(changes ...func(*v1.ConfigFile)) func(*v1.ConfigFile) {
		return func(c *v1.ConfigFile) {
			for _, change := range changes {
				change(c)
			}
		}
	}
	noDistro := label("io.buildpacks.base.distro.name", "")
	stackID := func(id string) func(*v1.ConfigFile) { return label("io.buildpacks.stack.id", id) }
	arm := func(c *v1.ConfigFile) { c.Architecture = "arm64" }

	for name, c := range map[string]struct {
		oldName, newName string
		mirrors          []string
		old, next        func(*v1.ConfigFile)
		// want are the parts of the refusal; none means that the base is taken.
		rule string
		want []string
	}{
		"the same":             {oldName: "run:1", newName: "run:1"},
		"another machine":      {oldName: "run", newName: "run", next: arm, rule: rebase.TargetRule, want: []string{"the app is for linux/amd64", "the new base for linux/arm64", "name a base for linux/amd64"}},
		"another system":       {oldName: "run", newName: "run", next: func(c *v1.ConfigFile) { c.OS = "windows" }, rule: rebase.TargetRule, want: []string{"windows/amd64"}},
		"another variant":      {oldName: "run", newName: "run", old: all(arm, func(c *v1.ConfigFile) { c.Variant = "v8" }), next: all(arm, func(c *v1.ConfigFile) { c.Variant = "v9" }), rule: rebase.TargetRule, want: []string{"linux/arm64/v8", "linux/arm64/v9"}},
		"a variant not said":   {oldName: "run", newName: "run", old: arm, next: all(arm, func(c *v1.ConfigFile) { c.Variant = "v8" })},
		"another distribution": {oldName: "run", newName: "run", next: label("io.buildpacks.base.distro.name", "alpine"), rule: rebase.DistroRule, want: []string{"was built for debian", "is alpine", "name a base of debian"}},
		"another release": {oldName: "run", newName: "run", old: label("io.buildpacks.base.distro.version", "12"), next: label("io.buildpacks.base.distro.version", "13"),
			rule: rebase.DistroRule, want: []string{"debian 12", "debian 13"}},
		"another release, by the first labels": {oldName: "run", newName: "run",
			old:  all(noDistro, label("io.buildpacks.distro.name", "debian"), label("io.buildpacks.distro.version", "12")),
			next: label("io.buildpacks.base.distro.version", "13"), rule: rebase.DistroRule, want: []string{"debian 12", "debian 13"}},
		"another stack":                  {oldName: "run", newName: "run", old: all(noDistro, stackID("a")), next: all(noDistro, stackID("b")), rule: rebase.StackRule, want: []string{"the stack a", "the stack b"}},
		"another stack for one target":   {oldName: "run", newName: "run", old: stackID("a"), next: stackID("b")},
		"a stack not said":               {oldName: "run", newName: "run", old: all(noDistro, stackID("a")), next: noDistro},
		"a name that is short":           {oldName: "run", newName: "docker.io/library/run:latest"},
		"a mirror":                       {oldName: "run:1", mirrors: []string{"mirror.example.com/run:1"}, newName: "mirror.example.com/run:1"},
		"another tag":                    {oldName: "example.com/run:1", mirrors: []string{"m.example.com/run:1"}, newName: "example.com/run:2", rule: rebase.RunImageRule, want: []string{"names example.com/run:1 and m.example.com/run:1", "is example.com/run:2"}},
		"a file, where a name is known":  {oldName: "example.com/run:1", newName: "", rule: rebase.RunImageRule, want: []string{"is not from a registry"}},
		"a file, where no name is known": {oldName: "", newName: ""},
		"a name, where none is known":    {oldName: "", newName: "example.com/run:1"},
		"an app that says no":            {oldName: "run", newName: "run", old: label("io.buildpacks.rebasable", "false"), rule: rebase.RebasableRule, want: []string{"io.buildpacks.rebasable=false"}},
		"an app that says yes":           {oldName: "run", newName: "run", old: label("io.buildpacks.rebasable", "true")},
	} {
		t.Run(name, func(t *testing.T) {
			// The app is put together for the machine of the tests; another is
			// written into the config.
			old := ocitest.RunImage(t, c.oldName, c.old)
			old.Mirrors = c.mirrors
			old.Target = stack.Target{OS: "linux", Arch: "amd64"}
			app := ocitest.On(t, old)
			next := ocitest.RunImage(t, c.newName, c.next)
			recipe := rebase.Recipe{App: oci.Base{Image: app}, Base: next}
			rebased, err := recipe.Assemble()
			if c.rule == "" {
				must(t, err)
				ocitest.Valid(t, rebased)
				return
			}
			refused, ok := errors.AsType[*rebase.RefusedError](err)
			if !ok || len(refused.Refusals) != 1 || refused.Refusals[0].Rule != c.rule {
				t.Fatalf("error %v, want the rule %s alone", err, c.rule)
			}
			for _, part := range append(c.want, "--force") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q, want %q in it", err, part)
				}
			}
			recipe.Force = true
			forced, err := recipe.Assemble()
			must(t, err)
			ocitest.Valid(t, forced)
			if len(forced.Overruled) != 1 || forced.Overruled[0].Rule != c.rule {
				t.Errorf("overruled %v, want the rule %s", forced.Overruled, c.rule)
			}
			if got := metadataOf(t, forced).RunImage; c.rule == rebase.RunImageRule && (got.Image != c.newName || got.Mirrors != nil) {
				t.Errorf("the label names %q and %v, want %q alone", got.Image, got.Mirrors, c.newName)
			}
			if again, err := (rebase.Recipe{App: oci.Base{Image: forced}, Base: next}).Assemble(); c.rule == rebase.RunImageRule && (err != nil || !again.Unchanged) {
				t.Errorf("again on the forced base: %v, unchanged %v", err, again.Unchanged)
			}
		})
	}
}

func TestRefusedErrorNamesAllRules(t *testing.T) {
	app := ocitest.On(t, ocitest.RunImage(t, "example.com/run:1", nil))
	_, err := rebase.Recipe{App: oci.Base{Image: app}, Base: ocitest.RunImage(t, "example.com/run:2", func(c *v1.ConfigFile) {
		c.Architecture, c.Config.Labels["io.buildpacks.base.distro.name"] = "s390x", "other"
	})}.Assemble()
	for _, rule := range []string{rebase.TargetRule, rebase.DistroRule, rebase.RunImageRule} {
		if err == nil || !strings.Contains(err.Error(), "\n"+rule+": ") {
			t.Errorf("error %v, want the rule %s in it", err, rule)
		}
	}
}
