package golang

import (
	"context"
	"go/build"
	"strconv"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// The layers.
const (
	goLayer       = "go"
	modulesLayer  = "go-modules"
	cacheLayer    = "go-build"
	commandsLayer = "commands"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// Build returns bin/build.
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, b *language.Build) (libcnb.BuildResult, error) {
		known, err := readReleases(TOML)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		set, err := readSettings(b.Env)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		return (&goBuild{Build: b, releases: known, settings: set}).run(ctx)
	})
}

// goBuild is one run of bin/build.
type goBuild struct {
	*language.Build
	releases releases
	settings settings
}

// work is what is to be built.
type work struct {
	project  project
	source   source
	commands []command
	// vendored tells that modules come from the vendor directory.
	vendored bool
}

// run is the build.
func (b *goBuild) run(ctx context.Context) (libcnb.BuildResult, error) {
	if err := legacy(b.App, b.Env); err != nil {
		return libcnb.BuildResult{}, err
	}
	p, err := readProject(b.App, b.Env)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	before, err := b.hook(preCompile)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	var w work
	if before == "" {
		// A hook may write what is missing; what it left is looked at later.
		if w, err = b.look(p); err != nil {
			return libcnb.BuildResult{}, err
		}
	}
	tools, err := b.installGo(ctx, p)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if before != "" {
		if err := tools.runHook(ctx, before); err != nil {
			return libcnb.BuildResult{}, err
		}
		if p, err = readProject(b.App, b.Env); err != nil {
			return libcnb.BuildResult{}, err
		}
		if w, err = b.look(p); err != nil {
			return libcnb.BuildResult{}, err
		}
	}
	layers, programs, err := tools.compile(ctx, w)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	starts, err := compiled.Link(b.App, programs, b.Print.Warn)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := tools.runAfter(ctx); err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := b.removeSource(w.project); err != nil {
		return libcnb.BuildResult{}, err
	}
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = append(append(result.Layers, tools.installed.Layer), append(layers, catalog)...)
	result.Processes = processes(w.project, programs, starts)
	b.tellProcesses(result.Processes)
	return result, nil
}

// look finds out what is to be built, and refuses what cannot be.
func (b *goBuild) look(p project) (work, error) {
	w := work{project: p}
	var err error
	if w.source, err = p.readSource(b.buildContext()); err != nil {
		return work{}, err
	}
	if w.commands, err = p.commands(w.source, p.asksCommands(b.Env)); err != nil {
		return work{}, err
	}
	w.source.reach(w.commands)
	if b.settings.cgo == "1" && !b.hasCompiler() {
		return work{}, noCompiler("CGO_ENABLED=1 asks for C")
	}
	if b.settings.mod == "mod" {
		return work{}, errModMod()
	}
	vendor, there, err := p.readVendor()
	if err != nil {
		return work{}, err
	}
	if !there && b.settings.mod == "vendor" {
		return work{}, appfile.Error("GOFLAGS or BP_GO_BUILD_FLAGS has -mod=vendor, but there is no %s\nmake it and commit it:\n  %s\n  git add -f vendor", vendorList, p.vendorCommand())
	}
	w.vendored = there && b.settings.mod != "readonly" && (p.work == nil || vendor.workspace)
	if w.vendored {
		err = p.vendorInStep(vendor)
	} else {
		err = p.inStep(w.source)
	}
	return w, err
}

// buildContext tells which files of a package are compiled.
func (b *goBuild) buildContext() build.Context {
	c := build.Default
	c.GOROOT, c.GOPATH = "", ""
	c.GOOS, c.GOARCH, c.Compiler = "linux", b.Arch, "gc"
	c.CgoEnabled = b.settings.cgo != "0"
	c.BuildTags = b.settings.tags
	return c
}

// installGo brings the toolchain that the app asks for.
func (b *goBuild) installGo(ctx context.Context, p project) (*toolchain, error) {
	asked := p.asksGo(b.Env)
	wanted, err := constraint(asked)
	if err != nil {
		return nil, err
	}
	if err := b.releases.refuseOld(asked); err != nil {
		return nil, err
	}
	unasked := asked.Text == ""
	if unasked {
		asked.Name = "the default, the newest"
	}
	b.Print.Step("Installing Go")
	if err := b.Registries(); err != nil {
		return nil, err
	}
	wish := language.Wish{
		Layer: goLayer, Types: libcnb.LayerTypes{Build: true, Cache: true}, Layout: layout,
		Request: runtime.Request{Runtime: "go", Constraint: wanted}, Asked: asked, Hint: hint(asked),
	}
	release, err := b.Resolve(ctx, wish)
	if err != nil {
		return nil, err
	}
	if err := p.mayBuild(release.Version, asked, b.releases); err != nil {
		return nil, err
	}
	t := &toolchain{goBuild: b}
	if t.installed, err = b.InstallRelease(ctx, wish, release); err != nil {
		return nil, err
	}
	if unasked {
		b.Print.Warn("%s does not say which Go the app is for, so a build may move to another line one day.\n%s", p.lockName(), hint(asked))
	}
	if newest := goVersion(release.Version); compareLines(newest, goVersion(b.releases.Supported)) < 0 {
		b.Print.Warn("Go %s gets no security fixes any more: Go mends its two newest lines, from %s on.\n%s",
			line(release.Version), b.releases.Supported, hint(asked))
	}
	return t, t.prepare(p)
}

// tellProcesses says how the app starts.
func (b *goBuild) tellProcesses(found []libcnb.Process) {
	b.Print.Step("Finding out how the app starts")
	web := false
	for _, p := range found {
		b.Print.Detail("%s: %s", p.Type, strings.Join(p.Command, " "))
		web = web || p.Type == "web"
	}
	if !web && len(found) > 0 {
		b.Print.Warn("None of these is called web or server or like the module, so the app has no process web.\n"+
			"Unless a Procfile says how it starts, make one:\n  echo \"web: %s\" > Procfile", strings.Join(found[0].Command, " "))
	}
}

// compareLines compares the lines of two versions of Go.
func compareLines(a, b string) int {
	x, y := minor(a), minor(b)
	return x - y
}

// minor is the second number of a version of Go.
func minor(version string) int {
	parts := strings.Split(strings.TrimPrefix(version, "go"), ".")
	if len(parts) < 2 {
		return 0
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return n
}

// line is the line of a version: 1.27 of 1.27.4.
func line(version string) string { return "1." + strconv.Itoa(minor(version)) }
