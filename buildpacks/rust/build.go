package rust

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// The layers.
const (
	rustLayer     = "rust"
	homeLayer     = "cargo-home"
	targetLayer   = "cargo-target"
	programsLayer = "programs"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// Build returns bin/build.
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, b *language.Build) (libcnb.BuildResult, error) {
		set, err := readSettings(b.Env)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		return (&rustBuild{Build: b, settings: set, registries: b.Registries}).run(ctx)
	})
}

// rustBuild is one run of bin/build.
type rustBuild struct {
	*language.Build
	settings settings
	// registries sets up where toolchains come from.
	registries func() error
}

// run is the build.
func (b *rustBuild) run(ctx context.Context) (libcnb.BuildResult, error) {
	w, err := b.look()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	tools, err := b.installRust(ctx, w.project)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	layers, programs, err := tools.compile(ctx, w)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	starts, err := compiled.Link(b.App, programs, b.Print.Warn)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := b.removeSource(w); err != nil {
		return libcnb.BuildResult{}, err
	}
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = append(append(result.Layers, tools.installed.Layer), append(layers, catalog)...)
	result.Processes = b.findProcesses(w, programs, starts)
	return result, nil
}

// look finds out what is to be built, and refuses what cannot be.
func (b *rustBuild) look() (work, error) {
	p, err := readProject(b.App, b.Env)
	if err != nil {
		return work{}, err
	}
	w := work{project: p}
	if w.config, err = p.readConfig(); err != nil {
		return work{}, err
	}
	if err := b.onlyNative(w.config); err != nil {
		return work{}, err
	}
	if w.chosen, err = p.chosen(b.settings); err != nil {
		return work{}, err
	}
	if w.bins, err = p.bins(w.chosen); err != nil {
		return work{}, err
	}
	if w.bins, err = b.asked(w.bins); err != nil {
		return work{}, err
	}
	if len(w.bins) == 0 {
		return work{}, noBins(w.chosen)
	}
	// What lies in the app with a binary is all that Cargo builds.
	w.chosen = slices.DeleteFunc(w.chosen, func(l local) bool {
		return !slices.ContainsFunc(w.bins, func(one bin) bool { return one.from.dir == l.dir })
	})
	if err := p.inStep(); err != nil {
		return work{}, err
	}
	if w.vendored() {
		return w, p.vendorInStep(w.config)
	}
	if p.unusedVendor(w.config) {
		b.Print.Warn("vendor has packages, but no .cargo/config.toml says that they are to be used, so they are downloaded.\n"+
			"To use them, write what this prints into .cargo/config.toml, and commit it:\n  cargo vendor\n  git add -f vendor %s", configFiles()[1])
	}
	return w, nil
}

// onlyNative refuses to build for another system than the stack's.
func (b *rustBuild) onlyNative(c appConfig) error {
	target, by := b.Env["CARGO_BUILD_TARGET"], "CARGO_BUILD_TARGET"
	if target == "" {
		target, by = c.target, "build.target in "+c.file
	}
	if target == "" || target == b.triple() {
		return nil
	}
	return appfile.Error("%s asks for programs for %s, but the stack is %s\ntake it out", by, target, b.triple())
}

// asked are the binaries that the flags name, all when they name none.
func (b *rustBuild) asked(all []bin) ([]bin, error) {
	if len(b.settings.bins) == 0 {
		return all, nil
	}
	for _, name := range b.settings.bins {
		if !slices.Contains(binNames(all), name) {
			return nil, appfile.Error("the flags of the build name the binary %s, which the app does not have\nit has %s", name, strings.Join(binNames(all), ", "))
		}
	}
	return slices.DeleteFunc(all, func(one bin) bool { return !slices.Contains(b.settings.bins, one.name) }), nil
}

// installRust brings the toolchain that the app asks for.
func (b *rustBuild) installRust(ctx context.Context, p project) (*toolchain, error) {
	asked, err := p.asksRust(b.Env)
	if err != nil {
		return nil, err
	}
	wanted, err := constraint(asked)
	if err != nil {
		return nil, err
	}
	linker, err := b.findLinker()
	if err != nil {
		return nil, err
	}
	if asked.Text == "" {
		asked.Name = "the default, the newest"
	}
	b.Print.Step("Installing Rust")
	if err := b.registries(); err != nil {
		return nil, err
	}
	wish := language.Wish{
		Layer: rustLayer, Types: libcnb.LayerTypes{Build: true, Cache: true}, Layout: layout,
		Request: runtime.Request{Runtime: "rust", Constraint: wanted}, Asked: asked, Hint: hint(asked),
	}
	release, err := b.resolve(ctx, wish)
	if err != nil {
		return nil, err
	}
	if err := p.mayBuild(release.Version, asked); err != nil {
		return nil, err
	}
	t := &toolchain{rustBuild: b, linker: linker}
	if t.installed, err = b.InstallRelease(ctx, wish, release); err != nil {
		return nil, err
	}
	if line, is := pinned(asked); is && !line.Allows(release.Version) {
		b.Print.Detail("The stack has no Rust %s; Rust %s builds what that one does", asked.Text, release.Version)
	}
	return t, t.prepare(p)
}

// resolve settles the version: of the line that a toolchain file names if the
// distribution has that, else the newest that will do.
func (b *rustBuild) resolve(ctx context.Context, wish language.Wish) (runtime.Release, error) {
	line, is := pinned(wish.Asked)
	slot, err := layer.Open(b.Layers, rustLayer, wish.Types, layout)
	if err != nil {
		return runtime.Release{}, err
	}
	// What was settled before stands, so that the archive is not asked.
	if old := slot.Old["version"]; is && (old == "" || line.Allows(old)) {
		exact := wish
		exact.Request.Constraint = line
		release, err := b.Resolve(ctx, exact)
		if _, none := errors.AsType[*runtime.MissingError](err); !none {
			return release, err
		}
	}
	return b.Resolve(ctx, wish)
}

// findProcesses says how the app starts.
func (b *rustBuild) findProcesses(w work, programs []compiled.Program, starts map[string]string) []libcnb.Process {
	b.Print.Step("Finding out how the app starts")
	name, why := web(programs, w.chosen)
	found := processes(programs, name, starts)
	for _, p := range found {
		reason := ""
		if p.Type == "web" {
			reason = " (" + why + ")"
		}
		b.Print.Detail("%s: %s%s", p.Type, strings.Join(p.Command, " "), reason)
	}
	if name == "" {
		b.Print.Warn("None of these is called web or server or like the package, and no default-run names one, so the app has no process web.\n"+
			"Unless a Procfile says how it starts, make one:\n  echo \"web: %s\" > Procfile", strings.Join(found[0].Command, " "))
	}
	return found
}
