package ruby

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// The layers; see the package's documentation.
const (
	rubyLayer   = "ruby"
	gemsLayer   = "gems"
	cacheLayer  = "gem-cache"
	assetsLayer = "assets"
	sprockets   = "assets-cache"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "2"

// jemallocVariable asks for another memory allocator, as Heroku's buildpack for
// it does.
const jemallocVariable = "JEMALLOC_ENABLED"

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build").
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		b := &build{Build: common, registries: common.Registries}
		return b.run(ctx)
	})
}

// build is one run of bin/build.
type build struct {
	*language.Build
	// registries sets up where Ruby comes from.
	registries func() error
	stacks     version.Stacks
}

// run is the build.
func (b *build) run(ctx context.Context) (result libcnb.BuildResult, err error) {
	if b.stacks, err = readStacks(); err != nil {
		return result, err
	}
	a, err := readApp(b.App, b.Arch)
	if err != nil {
		return result, err
	}
	if err := errors.Join(a.refuseWithoutKey(b.Env), a.refuseWithoutNode(b.Env)); err != nil {
		return result, err
	}
	if _, err := b.settle(a); err != nil {
		return result, err
	}
	if err := b.settings(); err != nil {
		return result, err
	}
	ruby, err := b.installRuby(ctx, a)
	if err != nil {
		return result, err
	}
	if err := a.fit(); err != nil {
		return result, err
	}
	g, err := b.installGems(ctx, a, ruby)
	if err != nil {
		return result, err
	}
	result = libcnb.NewBuildResult()
	result.Layers = append(g.layers, ruby.Layer)
	assets, err := b.precompile(ctx, a, g)
	if err != nil {
		return result, err
	}
	result.Layers = append(result.Layers, assets...)
	if result.Processes, err = b.processes(a, g.home); err != nil {
		return result, err
	}
	catalog, err := b.Catalog()
	result.Layers = append(result.Layers, catalog)
	return result, err
}

// settings reads where gems come from: Bundler reads a file in the form of its own.
func (b *build) settings() error {
	for _, kind := range []string{"bundle-config", "bundler"} {
		if binding, found := b.Binding(kind); found {
			b.Env["BUNDLE_USER_CONFIG"] = filepath.Join(binding.Path, "config")
		}
	}
	return b.registries()
}

// installRuby brings Ruby with Bundler.
func (b *build) installRuby(ctx context.Context, a app) (language.Installed, error) {
	b.Print.Step("Installing Ruby")
	release, wish, err := b.resolveRuby(ctx, a)
	if err != nil {
		return language.Installed{}, err
	}
	installed, err := b.InstallRelease(ctx, wish, release)
	if err != nil {
		return language.Installed{}, err
	}
	if installed.Kept {
		return installed, nil
	}
	env := language.LaunchEnv(installed.Use)
	env.Prepend("RUBYOPT", " ", "-r"+loadPath(installed.Layer.Path))
	if b.jemalloc() {
		file, err := allocator(installed.Use)
		if err != nil {
			return language.Installed{}, err
		}
		env.Prepend("LD_PRELOAD", " ", file)
	}
	installed.Layer = layer.WithLaunch(installed.Layer, env)
	installed.Layer.BuildEnvironment.Prepend("RUBYOPT", " ", "-r"+loadPath(installed.Layer.Path))
	return installed, nil
}

// rubyWish is Ruby as a layer.
func (b *build) rubyWish(asked version.Asked) language.Wish {
	w := language.Wish{
		Layer: rubyLayer,
		Types: libcnb.LayerTypes{Build: true, Cache: true, Launch: true},
		// An extension needs the headers where the interpreter is.
		Request: runtime.Request{Runtime: "ruby", Parts: []string{"dev"}},
		Asked:   asked,
		Hint:    b.hint(),
		Layout:  layout,
		Finish:  finish,
	}
	if b.jemalloc() {
		w.Request.Packages = []string{"libjemalloc2"}
		w.Layout += " jemalloc"
	}
	return w
}

func (b *build) jemalloc() bool {
	text := b.Env[jemallocVariable]
	return text != "" && text != "0" && text != "false"
}

// allocator is the library of jemalloc.
func allocator(l runtime.Layout) (string, error) {
	for _, dir := range l.Lib {
		file := filepath.Join(dir, "libjemalloc.so.2")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", errors.New("looking for jemalloc: there is no libjemalloc.so.2 in " + l.Dir)
}

// ownDir is the directory of the ruby layer with what is slugc's own.
const ownDir = "slugc"

//go:embed launch/load_path.rb
var loadPathScript []byte

// loadPath is the file that Ruby loads first, in a ruby layer.
func loadPath(layer string) string { return filepath.Join(layer, ownDir, "load_path.rb") }

// finish completes a Ruby that was unpacked, and takes out what neither processes
// nor compilers read.
func finish(dir string) error {
	if err := layer.WriteBeside(loadPath(dir), loadPathScript, 0o644); err != nil {
		return err
	}
	for _, pattern := range []string{"usr/lib/*/lib*.a", "usr/share/ri", "usr/lib/ruby/gems/*/doc"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range found {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// interpreter is the program of a Ruby that is installed, and scope the directory
// name that gems for it have.
func interpreter(l runtime.Layout, number string) (program, scope string, err error) {
	for _, dir := range l.Bin {
		file := filepath.Join(dir, "ruby"+version.Line(number))
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, version.Line(number) + ".0", nil
		}
	}
	return "", "", fmt.Errorf("looking for the interpreter: there is no ruby%s in %s", version.Line(number), l.Dir)
}

// isBundlerSetting tells whether a variable is one of Bundler's settings: some have
// the password of an index.
func isBundlerSetting(name string) bool { return strings.HasPrefix(name, "BUNDLE_") }
