package python

import (
	"context"
	_ "embed"
	"io"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/pypi"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// The layers.
const (
	pythonLayer  = "python"
	headersLayer = "python-dev"
	venvLayer    = "venv"
	uvLayer      = "uv"
	cacheLayer   = "uv-cache"
	staticLayer  = "static"
)

// layout is the version of what this buildpack puts into its layers.
const layout = "1"

// concurrency is the exec.d program of the python layer.
//
//go:embed launch/concurrency.sh
var concurrency string

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build").
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		b := &build{Build: common}
		return b.run(ctx)
	})
}

// build is one run of bin/build.
type build struct {
	*language.Build
	known known
	// config are the settings about package indexes.
	config pypi.Config
	// headers is the layer with Python's headers, once something wanted them.
	headers libcnb.Layer
}

// tools are what a build works with once it is installed.
type tools struct {
	python language.Installed
	// interpreter is the program, uv the installer.
	interpreter string
	uv          libcnb.Layer
}

// run is the build.
func (b *build) run(ctx context.Context) (result libcnb.BuildResult, err error) {
	if b.known, err = readKnown(); err != nil {
		return result, err
	}
	a, err := readApp(b.App, b.Env[language.SourceVariable])
	if err != nil {
		return result, err
	}
	if err := b.settings(); err != nil {
		return result, err
	}
	if err := b.hook(ctx, a, "bin/pre_compile", b.Env); err != nil {
		return result, err
	}
	t, err := b.installTools(ctx, a)
	if err != nil {
		return result, err
	}
	v, err := b.installPackages(ctx, a, t)
	if err != nil {
		return result, err
	}
	result = libcnb.NewBuildResult()
	result.Layers = append(v.layers, t.python.Layer, t.uv)
	static, err := b.collectStatic(ctx, a, v)
	if err != nil {
		return result, err
	}
	result.Layers = append(result.Layers, static...)
	if err := b.hook(ctx, a, "bin/post_compile", v.env); err != nil {
		return result, err
	}
	if result.Processes, err = b.processes(a, v); err != nil {
		return result, err
	}
	catalog, err := b.Catalog()
	result.Layers = append(result.Layers, catalog)
	return result, err
}

// settings reads where packages come from.
func (b *build) settings() (err error) {
	if binding, found := b.Binding("pip"); found {
		b.Env["PIP_CONFIG_FILE"] = filepath.Join(binding.Path, "pip.conf")
	}
	if binding, found := b.Binding("netrc"); found {
		// libcnb leaves out names with a dot in front.
		b.Env["NETRC"] = filepath.Join(binding.Path, ".netrc")
	}
	if b.config, err = pypi.Load(b.Env, pypi.Files(b.Env)...); err != nil {
		return err
	}
	return b.Registries()
}

// installTools brings Python and the installer, side by side.
func (b *build) installTools(ctx context.Context, a app) (tools, error) {
	b.Print.Step("Installing Python")
	release, wish, err := b.resolvePython(ctx, a)
	if err != nil {
		return tools{}, err
	}
	wish.Finish = b.finishing(ctx, release)
	var t tools
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		t.python, err = b.InstallRelease(ctx, wish, release)
		return err
	})
	group.Go(func() (err error) {
		t.uv, err = b.installUV(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return tools{}, err
	}
	t.interpreter, err = interpreter(t.python.Use, release.Version)
	return t, err
}

// pythonWish is Python as a layer.
func (b *build) pythonWish(asked wish) language.Wish {
	return language.Wish{
		Layer:   pythonLayer,
		Types:   libcnb.LayerTypes{Build: true, Cache: true, Launch: true},
		Request: runtime.Request{Runtime: "python"},
		Asked:   asked.Asked,
		Layout:  layout,
	}
}

// finishing completes a Python that was unpacked: processes are told how many
// of them fit, and the standard library is compiled, since processes may not
// write what they compiled when they start.
func (b *build) finishing(ctx context.Context, r runtime.Release) func(dir string) error {
	return func(dir string) error {
		if err := layer.WriteBeside(filepath.Join(dir, "exec.d", "concurrency"), limits.Script(concurrency), 0o755); err != nil {
			return err
		}
		use, err := b.Runtimes.Layout(r, dir)
		if err != nil {
			return err
		}
		program, err := interpreter(use, r.Version)
		if err != nil {
			return err
		}
		if err := b.strip(ctx, dir); err != nil {
			return err
		}
		env := use.Environ(map[string]string{"PATH": b.Env["PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
		library := filepath.Join(filepath.Dir(filepath.Dir(program)), "lib", "python"+version.Line(r.Version))
		home := filepath.Join(b.Layers.Path, pythonLayer)
		output := tool.NewTail(io.Discard)
		err = b.Runner.Run(ctx, tool.Command{
			Args: []string{
				program, "-m", "compileall", "-q", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash",
				// Errors name the place where a file will lie.
				"-s", dir, "-p", home, "-x", seldom, library,
			},
			Dir: dir, Env: env, Output: output,
		})
		if err == nil {
			return nil
		}
		return failure.Explain(failure.Failure{What: "compiling the standard library failed", Err: err, Output: output}, failure.Common())
	}
}

// strip takes debugging information out of the interpreter's library: in some
// releases it is nine tenths of a Python. A stack without the program for it
// goes without.
func (b *build) strip(ctx context.Context, dir string) error {
	program := tool.Find(b.Env["PATH"], "strip")
	files, err := filepath.Glob(filepath.Join(dir, "lib", "libpython3.*.so.1.0"))
	if err != nil || program == "" || len(files) == 0 {
		return err
	}
	output := tool.NewTail(io.Discard)
	err = b.Runner.Run(ctx, tool.Command{Args: append([]string{program, "--strip-debug"}, files...), Dir: dir, Env: map[string]string{"PATH": b.Env["PATH"]}, Output: output})
	if err == nil {
		return nil
	}
	return failure.Explain(failure.Failure{What: "taking debugging information out of Python failed", Err: err, Output: output}, failure.Common())
}

// seldom are the parts of the standard library that no process of a platform
// imports, and files that are wrong on purpose.
const seldom = `/(test|tests|idlelib|lib2to3|turtledemo|pydoc_data|tkinter|ensurepip|site-packages|dist-packages)/`
