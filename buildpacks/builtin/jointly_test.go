package builtin_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// TestMain lets the test binary be the scripts of the builtin buildpacks.
func TestMain(m *testing.M) {
	if builtin.Called(os.Args[0], os.Getenv) {
		os.Exit(builtin.Run(context.Background(), os.Args, os.Environ(), os.Stdout))
	}
	os.Exit(m.Run())
}

// counted counts what runs in the sandbox.
type counted struct {
	sandbox.Namespaces
	runs atomic.Int32
}

func (c *counted) Run(ctx context.Context, command sandbox.Command) error {
	c.runs.Add(1)
	return c.Namespaces.Run(ctx, command)
}

type prober interface {
	Probe(ctx context.Context, site buildpacks.Site) (buildpacks.Detection, error)
}

func TestJointly(t *testing.T) { spec.Run(t, "all builtin buildpacks asked in one go", testJointly) }

func testJointly(t *testing.T, _ spec.G, it spec.S) {
	var (
		site      buildpacks.Site
		runner    *counted
		installed map[string]*cnb.Buildpack
		ids       []string
	)
	it.Before(func() {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if installed, err = builtin.Install(filepath.Join(dir, "library"), exe); err != nil {
			t.Fatal(err)
		}
		ids = nil
		for id := range installed {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		host, err := stack.Host()
		if err != nil {
			t.Fatal(err)
		}
		platform := filepath.Join(dir, "platform")
		if err := os.Mkdir(platform, 0o755); err != nil {
			t.Fatal(err)
		}
		runner = &counted{}
		site = buildpacks.Site{
			Stack: host, Runner: runner, Scratch: filepath.Join(dir, "scratch"),
			App: buildpacks.Dir{Path: "/app"}, Platform: buildpacks.Dir{Host: platform, Path: "/platform"},
		}
	})
	// answers are what each says, and how often something was run for that.
	answers := func(of func(i int) prober) (all []buildpacks.Detection, runs int) {
		t.Helper()
		before := runner.runs.Load()
		for i := range ids {
			d, err := of(i).Probe(t.Context(), site)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
		return all, int(runner.runs.Load() - before)
	}
	alone := func() []buildpacks.Detection {
		all, _ := answers(func(i int) prober { return installed[ids[i]] })
		return all
	}
	jointly := func() ([]buildpacks.Detection, int) {
		var own []*cnb.Buildpack
		for _, id := range ids {
			own = append(own, installed[id])
		}
		all := cnb.Jointly(own)
		return answers(func(i int) prober { return all[i] })
	}

	it("say what each says alone, in one sandbox", func() {
		for _, app := range []string{"go-http", "nodejs-vite-spa", "python-flask", "java-maven-modules", "static-site"} {
			site.App.Host = filepath.Join("../../testdata/apps", app)
			got, runs := jointly()
			if diff := cmp.Diff(alone(), got); diff != "" || runs != 1 {
				t.Errorf("%s: %d runs, (-alone +jointly):\n%s", app, runs, diff)
			}
		}
	})
	it("tell of a file that one cannot read as it does alone", func() {
		site.App.Host = t.TempDir()
		if err := os.WriteFile(filepath.Join(site.App.Host, "package.json"), []byte("{\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(site.App.Host, "Procfile"), []byte("no process\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		got, runs := jointly()
		if diff := cmp.Diff(alone(), got); diff != "" || runs != 1 {
			t.Errorf("%d runs, (-alone +jointly):\n%s", runs, diff)
		}
	})
	it("are asked alone where that does not come to an end", func() {
		site.App.Host = "../../testdata/apps/go-http"
		want := alone()
		if err := os.Remove(filepath.Join(installed[ids[0]].Dir, "bin", cnb.JointScript)); err != nil {
			t.Fatal(err)
		}
		got, runs := jointly()
		if diff := cmp.Diff(want, got); diff != "" || runs != 1+len(ids) {
			t.Errorf("%d runs, (-alone +jointly):\n%s", runs, diff)
		}
	})
	it("leave nothing behind", func() {
		site.App.Host = "../../testdata/apps/go-http"
		jointly()
		if entries, err := os.ReadDir(site.Scratch); err != nil || len(entries) > 0 {
			t.Errorf("%v, %v", entries, err)
		}
	})
}
