package build_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// compiler is a buildpack that contributes what it is told to, and remembers
// what it was given.
type compiler struct {
	id    string
	gives buildpacks.Contribution
	fails error
	job   buildpacks.Job
}

func (c *compiler) Descriptor() buildpacks.Descriptor {
	return buildpacks.Descriptor{ID: c.id, Version: "1", Dialect: buildpacks.CNB, API: "0.10"}
}

func (c *compiler) Compile(_ context.Context, _ buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	c.job = job
	return c.gives, c.fails
}

func TestBuilder(t *testing.T) { spec.Run(t, "Builder", testBuilder) }

func testBuilder(t *testing.T, when spec.G, it spec.S) {
	var (
		site    buildpacks.Site
		started []string
	)
	layer := func(owner, name string) buildpacks.Layer {
		dir := filepath.Join(site.Layers.Host, owner, name)
		if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		return buildpacks.Layer{Buildpack: owner, Name: name, Dir: buildpacks.Dir{Host: dir, Path: "/layers/" + owner + "/" + name}}
	}
	run := func(entries []detect.Entry, compilers ...*compiler) (tree treeOf, err error) {
		t.Helper()
		plan := detect.Plan{Entries: entries}
		b := build.Builder{Compilers: map[string]build.Compiler{}, Started: func(d detect.Choice) { started = append(started, d.ID) }}
		for _, c := range compilers {
			plan.Group = append(plan.Group, detect.Choice{Descriptor: c.Descriptor()})
			b.Compilers[c.id] = c
		}
		made, err := b.Build(t.Context(), site, build.Only(plan))
		tree.def, tree.processes = made.Metadata.DefaultProcess, made.Metadata.Processes
		for _, l := range made.LaunchLayers {
			tree.launch = append(tree.launch, l.ID())
		}
		for _, l := range made.CacheLayers {
			tree.cache = append(tree.cache, l.ID())
		}
		return tree, err
	}

	it.Before(func() {
		started = nil
		site = buildpacks.Site{Layers: buildpacks.Dir{Host: t.TempDir(), Path: "/layers"}}
	})

	it("runs the buildpacks in order and hands on the environment of build layers", func() {
		tool := layer("a", "tool")
		tool.Build = true
		if err := os.MkdirAll(filepath.Join(tool.Dir.Host, "env.build"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tool.Dir.Host, "env.build", "MODE"), []byte("fast"), 0o644); err != nil {
			t.Fatal(err)
		}
		runtime := layer("a", "runtime")
		runtime.Launch = true
		a := &compiler{id: "a", gives: buildpacks.Contribution{Layers: []buildpacks.Layer{runtime, tool}}}
		b := &compiler{id: "b"}
		if _, err := run(nil, a, b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a", "b"}, started); diff != "" {
			t.Error(diff)
		}
		if want := (launch.Env{"PATH": stack.DefaultPath}); !cmp.Equal(want, a.job.Env) {
			t.Errorf("a was given %v", a.job.Env)
		}
		if want := (launch.Env{"PATH": "/layers/a/tool/bin:" + stack.DefaultPath, "MODE": "fast"}); !cmp.Equal(want, b.job.Env) {
			t.Errorf("b was given %v", b.job.Env)
		}
	})

	it("gives a plan entry to the first provider, and to the next when that one passes it on", func() {
		entries := []detect.Entry{
			{Name: "x", Providers: []string{"a", "b"}, Requires: []buildpacks.Requirement{{Name: "x"}}},
			{Name: "y", Providers: []string{"a", "b"}, Requires: []buildpacks.Requirement{{Name: "y"}}},
		}
		a := &compiler{id: "a", gives: buildpacks.Contribution{Unmet: []string{"y"}}}
		b := &compiler{id: "b"}
		if _, err := run(entries, a, b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]buildpacks.Requirement{{Name: "x"}, {Name: "y"}}, a.job.Plan); diff != "" {
			t.Errorf("a: %s", diff)
		}
		if diff := cmp.Diff([]buildpacks.Requirement{{Name: "y"}}, b.job.Plan); diff != "" {
			t.Errorf("b: %s", diff)
		}
	})

	it("sorts layers by what they are for", func() {
		l, c := layer("a", "l"), layer("a", "c")
		l.Launch, c.Cache = true, true
		both := layer("b", "both")
		both.Launch, both.Cache = true, true
		tree, err := run(nil,
			&compiler{id: "a", gives: buildpacks.Contribution{Layers: []buildpacks.Layer{c, l}}},
			&compiler{id: "b", gives: buildpacks.Contribution{Layers: []buildpacks.Layer{both}}})
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(tree.launch, []string{"a:l", "b:both"}) || !cmp.Equal(tree.cache, []string{"a:c", "b:both"}) {
			t.Errorf("launch %v, cache %v", tree.launch, tree.cache)
		}
	})

	when("processes are declared twice", func() {
		process := func(kind, command string, byDefault bool) launch.Process {
			return launch.Process{Type: kind, Command: []string{command}, Default: byDefault}
		}
		for _, tt := range []struct {
			name          string
			first, second []launch.Process
			def           string
			commands      map[string]string
		}{
			{"the later one wins", []launch.Process{process("web", "1", true)}, []launch.Process{process("web", "2", true)}, "web", map[string]string{"web": "2"}},
			{"the last default wins", []launch.Process{process("web", "1", true)}, []launch.Process{process("job", "2", true)}, "job", map[string]string{"web": "1", "job": "2"}},
			{"redeclared without default, it is the default no more", []launch.Process{process("web", "1", true)}, []launch.Process{process("web", "2", false)}, "", map[string]string{"web": "2"}},
		} {
			it(tt.name, func() {
				tree, err := run(nil,
					&compiler{id: "a", gives: buildpacks.Contribution{Processes: tt.first}},
					&compiler{id: "b", gives: buildpacks.Contribution{Processes: tt.second}})
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, p := range tree.processes {
					got[p.Type] = p.Command[0]
				}
				if diff := cmp.Diff(tt.commands, got); diff != "" || tree.def != tt.def {
					t.Errorf("default %q, processes (-expected +got):\n%s", tree.def, diff)
				}
			})
		}
	})

	it("stops at the first failure", func() {
		failed := errors.New("it broke")
		if _, err := run(nil, &compiler{id: "a", fails: failed}, &compiler{id: "b"}); !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		if !cmp.Equal(started, []string{"a"}) {
			t.Errorf("started %v", started)
		}
	})

	it("says what is wrong with a plan", func() {
		if _, err := run(nil); err == nil || !strings.Contains(err.Error(), "no buildpack") {
			t.Errorf("got %v", err)
		}
	})
}

// treeOf is what the tests look at of a tree.
type treeOf struct {
	launch, cache []string
	def           string
	processes     []launch.Process
}
