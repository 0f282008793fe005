package language

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// Runner starts package managers and waits for them (see tool.Local).
type Runner interface {
	Run(ctx context.Context, c tool.Command) error
}

// Helpers are what a build works with.
type Helpers struct {
	// Out receives what the build prints.
	Out io.Writer
	// Env is the environment of bin/build.
	Env map[string]string
	// Runner starts package managers and, through them, the scripts of the app.
	Runner Runner
	// Now is the clock.
	Now func() time.Time
	// Fetcher downloads. Nil makes one with the proxies and certificates that
	// the client of a registry would use.
	Fetcher *download.Fetcher
}

// Build is one run of bin/build.
type Build struct {
	// App is the directory of the app.
	App    string
	Layers libcnb.Layers
	// Scratch lies beside the layers.
	Scratch layer.Scratch
	// Arch is the architecture to build for, as GOARCH, and Distro the name and
	// version of the distribution.
	Arch, Distro string
	// Env is the environment of bin/build. It is the build's own copy.
	Env      map[string]string
	Bindings libcnb.Bindings
	// Plan is what this buildpack has to provide.
	Plan   libcnb.BuildpackPlan
	Runner Runner
	Now    func() time.Time
	Print  *report.Printer
	// Fetcher downloads; nil leaves its making to who knows the registry.
	Fetcher *download.Fetcher
	// Runtimes finds and installs runtimes, once Registries was called.
	Runtimes runtime.Resolver
	// used are the releases that were installed or kept.
	used []runtime.Release
	// whole are the layers that the next build may have although this one fails.
	whole whole
}

// whole collects layers, of which several may be made at a time.
type whole struct {
	mu     sync.Mutex
	layers []libcnb.Layer
}

// Whole says that a layer, as it is now and will be until the build ends, is of
// use to the next build even if this one fails: a tool that was verified, or a
// cache whose owner never leaves half a file in it. It counts once it has a
// directory.
func (b *Build) Whole(l libcnb.Layer) {
	b.whole.mu.Lock()
	defer b.whole.mu.Unlock()
	// Of a layer of which it was said before, the last word counts.
	b.whole.layers = append(slices.DeleteFunc(b.whole.layers, func(old libcnb.Layer) bool { return old.Name == l.Name }), l)
}

// left is what a build that failed leaves to the next one.
func (b *Build) left() libcnb.BuildResult {
	result := libcnb.NewBuildResult()
	for _, l := range b.whole.layers {
		if info, err := os.Lstat(l.Path); err == nil && info.IsDir() {
			result.Layers = append(result.Layers, l)
		}
	}
	return result
}

// Func makes bin/build of what a language does in a build (CNB Buildpack API,
// "Phase #3: Build"). Its errors are of the type *download.Error where they are
// not slugc's own; those that may be gone when the build is tried again say so
// by a method Temporary. With an error, the result has the layers that are of
// use to the next build all the same.
func Func(ctx context.Context, h Helpers, run func(ctx context.Context, b *Build) (libcnb.BuildResult, error)) libcnb.BuildFunc {
	return func(c libcnb.BuildContext) (result libcnb.BuildResult, err error) {
		scratch, err := layer.NewScratch(c.Layers.Path)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		defer func() { err = errors.Join(err, scratch.Close()) }()
		b := &Build{
			App:      c.ApplicationPath,
			Layers:   c.Layers,
			Scratch:  scratch,
			Arch:     c.TargetInfo.Arch,
			Distro:   c.TargetDistro.Name + " " + c.TargetDistro.Version,
			Env:      maps.Clone(h.Env),
			Bindings: c.Platform.Bindings,
			Plan:     c.Plan,
			Now:      h.Now,
			Print:    report.New(h.Out, h.Now),
			Fetcher:  h.Fetcher,
		}
		if b.Env == nil {
			b.Env = map[string]string{}
		}
		if b.Arch == "" {
			b.Arch = goruntime.GOARCH
		}
		watch := &stopwatch{to: h.Runner, now: h.Now}
		b.Runner = watch
		began := h.Now()
		if err = checkProcfile(b.App); err == nil {
			result, err = run(ctx, b)
		}
		if ran := time.Duration(watch.ran.Load()); ran > 0 && err == nil {
			b.Print.Detail("Tools took %s of %s", rounded(ran), rounded(h.Now().Sub(began)))
		}
		if err != nil {
			result = b.left()
		}
		return result, errors.Join(err, b.Print.Err())
	}
}

// stopwatch is a Runner that knows how long what it started ran, so that a
// person can tell slugc's own share of a build.
type stopwatch struct {
	to  Runner
	now func() time.Time
	// ran is in nanoseconds. Tools may run side by side, which counts twice.
	ran atomic.Int64
}

// Run implements Runner.
func (s *stopwatch) Run(ctx context.Context, c tool.Command) error {
	began := s.now()
	err := s.to.Run(ctx, c)
	s.ran.Add(int64(s.now().Sub(began)))
	return err
}

func rounded(d time.Duration) string { return report.Duration(d.Round(10 * time.Millisecond)) }

// CatalogLayer is the layer in which what registries of runtimes said is kept
// until the next build; see runtime.Environment.
const CatalogLayer = "catalog"

// Registries sets up the registries that runtimes come from, by the settings in
// Env and in the app.
func (b *Build) Registries() error { return b.RegistriesOf(b.App) }

// RegistriesOf is Registries for an app whose settings lie in another directory
// of its source.
func (b *Build) RegistriesOf(dir string) (err error) {
	b.Runtimes, err = runtime.FromEnvironment(runtime.Environment{
		Env: b.Env, App: dir, Cache: filepath.Join(b.Layers.Path, CatalogLayer), Now: b.Now, Fetcher: b.Fetcher,
	})
	if err != nil {
		return err
	}
	catalog, err := b.catalog()
	b.Whole(catalog)
	return err
}

// Catalog ends the use of the registries: it is the layer of what they said.
func (b *Build) Catalog() (libcnb.Layer, error) {
	if err := b.Runtimes.Keep(b.used...); err != nil {
		return libcnb.Layer{}, err
	}
	return b.catalog()
}

func (b *Build) catalog() (libcnb.Layer, error) {
	slot, err := layer.Open(b.Layers, CatalogLayer, libcnb.LayerTypes{Cache: true}, "1")
	if err != nil {
		return libcnb.Layer{}, err
	}
	return slot.Describe(nil, nil), nil
}

// Binding is the directory of the first service binding of a type (Buildpacks
// Platform API, "Service Bindings").
func (b *Build) Binding(kind string) (libcnb.Binding, bool) {
	for _, binding := range b.Bindings {
		if binding.Type == kind {
			return binding, true
		}
	}
	return libcnb.Binding{}, false
}
