package nodejs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// Runner starts npm and waits for it (see tool.Local).
type Runner interface {
	Run(ctx context.Context, c tool.Command) error
}

// Helpers are what a build works with.
type Helpers struct {
	// Out receives what the build prints.
	Out io.Writer
	// Env is the environment of bin/build.
	Env map[string]string
	// Runner starts npm and, through it, the scripts of the app.
	Runner Runner
	// Now is the clock.
	Now func() time.Time
	// Fetcher downloads. Nil makes one with the proxies and certificates that
	// npm would use.
	Fetcher *download.Fetcher
}

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build"). Its errors
// are of the type *download.Error where they are not slugc's own; those that may
// be gone when the build is tried again say so by a method Temporary.
func Build(ctx context.Context, h Helpers) libcnb.BuildFunc {
	return func(c libcnb.BuildContext) (result libcnb.BuildResult, err error) {
		// The name is always the same, since native packages note where HOME was.
		scratch := filepath.Join(c.Layers.Path, ".scratch")
		if err := errors.Join(os.RemoveAll(scratch), os.MkdirAll(scratch, 0o755)); err != nil {
			return libcnb.BuildResult{}, fmt.Errorf("making room for the build: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
		b, err := newBuild(h, c, scratch)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		result, err = b.run(ctx)
		return result, errors.Join(err, b.print.Err())
	}
}

// build is one run of bin/build.
type build struct {
	dir    string
	layers libcnb.Layers
	// scratch lies beside the layers, so that what is made there is renamed
	// into its place.
	scratch  string
	arch     string
	distro   string
	env      map[string]string
	runner   Runner
	now      func() time.Time
	print    *report.Printer
	releases releases
	config   npm.Config
	registry *npm.Registry
	// runtimes finds and installs Node.js, answers is what it remembers.
	runtimes runtime.Resolver
	answers  *npm.Answers
}

func newBuild(h Helpers, c libcnb.BuildContext, scratch string) (*build, error) {
	known, err := readReleases(TOML)
	if err != nil {
		return nil, err
	}
	b := &build{
		dir:      c.ApplicationPath,
		layers:   c.Layers,
		scratch:  scratch,
		arch:     c.TargetInfo.Arch,
		distro:   c.TargetDistro.Name + " " + c.TargetDistro.Version,
		env:      h.Env,
		runner:   h.Runner,
		now:      h.Now,
		print:    report.New(h.Out, h.Now),
		releases: known,
	}
	if b.arch == "" {
		b.arch = goruntime.GOARCH
	}
	if b.env, err = withBinding(b.env, c.Platform.Bindings); err != nil {
		return nil, err
	}
	b.runtimes, err = runtime.FromEnvironment(runtime.Environment{
		Env: b.env, App: b.dir, Cache: filepath.Join(c.Layers.Path, catalogLayer), Now: b.now, Fetcher: h.Fetcher,
	})
	if err != nil {
		return nil, err
	}
	b.registry, b.answers = b.runtimes.NPM, b.runtimes.Answers
	if b.registry == nil {
		return nil, b.runtimes.Without["npm"]
	}
	b.config = b.registry.Config
	return b, nil
}

// withBinding adds the settings file of a service binding of type npmrc, as
// Paketo and Heroku know it, as the user's.
func withBinding(env map[string]string, bindings libcnb.Bindings) (map[string]string, error) {
	for _, binding := range bindings {
		if binding.Type != "npmrc" {
			continue
		}
		// libcnb leaves out names with a dot in front.
		file := filepath.Join(binding.Path, ".npmrc")
		if _, err := os.Stat(file); err != nil {
			return nil, appError("the service binding %s has the type npmrc, but no file .npmrc that can be read: %w", binding.Name, err)
		}
		with := maps.Clone(env)
		delete(with, "NPM_CONFIG_USERCONFIG")
		with["npm_config_userconfig"] = file
		return with, nil
	}
	return env, nil
}

// run is the build.
func (b *build) run(ctx context.Context) (libcnb.BuildResult, error) {
	a, err := readApp(b.dir)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := b.setAside(a); err != nil {
		return libcnb.BuildResult{}, err
	}
	tree, err := b.planModules(a)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	tools, err := b.installTools(ctx, a, tree.prefetch)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	modules, err := tree.install(ctx, tools)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = append(tools.layers(), modules...)
	if result.Layers, err = b.withCatalog(result.Layers); err != nil {
		return libcnb.BuildResult{}, err
	}
	if result.Processes, err = a.processes(); err != nil {
		return libcnb.BuildResult{}, err
	}
	b.tellProcesses(result.Processes)
	return result, nil
}

// setAside takes away a node_modules that came with the app: packages are
// installed clean. It is deleted with the scratch space at the end, because
// some file systems are slow to create files right after many were deleted.
func (b *build) setAside(a app) error {
	for _, dir := range append([]string{""}, sortedKeys(a.members)...) {
		path := filepath.Join(b.dir, dir, "node_modules")
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for node_modules: %w", err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			// Most likely that of an earlier build, which may be right.
			continue
		}
		name := filepath.Join(dir, "node_modules")
		b.print.Warn("%s came with the app. It may be made for another system, so packages are installed anew.\n"+
			"If git has it, take it out:\n  git rm -r --cached %s\n  echo node_modules >> .gitignore", name, name)
		if err := b.discard(path); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// discard takes a tree away, to be deleted at the end.
func (b *build) discard(path string) error {
	bin, err := os.MkdirTemp(b.scratch, "discarded-*")
	if err != nil {
		return err
	}
	err = os.Rename(path, filepath.Join(bin, "tree"))
	switch {
	case errors.Is(err, syscall.EXDEV):
		return os.RemoveAll(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// replace puts what was made fresh in the scratch space into a layer, or into
// one name of it, in the place of what is there.
func (b *build) replace(layer, name, fresh string) error {
	if err := b.discard(layer); err != nil {
		return err
	}
	target := filepath.Join(layer, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.Rename(fresh, target)
}

// withCatalog adds the layer of the versions that were settled.
func (b *build) withCatalog(layers []libcnb.Layer) ([]libcnb.Layer, error) {
	if err := b.answers.Save(); err != nil {
		return nil, err
	}
	slot, err := openSlot(b.layers, catalogLayer, libcnb.LayerTypes{Cache: true})
	if err != nil {
		return nil, err
	}
	return append(layers, slot.describe(nil)), nil
}

// tellProcesses says how the app starts.
func (b *build) tellProcesses(processes []libcnb.Process) {
	b.print.Step("Finding out how the app starts")
	if len(processes) == 0 {
		b.print.Warn("%s has no start script, and there is no server.js, app.js, main.js or index.js, so the app has no process web.\n"+
			"Unless a Procfile says how it starts, add a start script:\n"+
			"  npm pkg set scripts.start=\"node FILE.js\"\n"+
			"or a Procfile:\n"+
			"  echo \"web: node FILE.js\" > Procfile", manifestFile)
		return
	}
	for _, p := range processes {
		b.print.Detail("%s: %s", p.Type, strings.Join(p.Command, " "))
	}
}
