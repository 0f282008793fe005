package bridge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/procfile"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// The layers of a bridge; see the package's documentation.
const (
	cacheLayer   = "cache"
	exportLayer  = "export"
	profileLayer = "profile"
)

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build"). An error is a
// *buildpacks.CompileError where a classic script failed.
func Build(ctx context.Context, h Helpers) libcnb.BuildFunc {
	return func(c libcnb.BuildContext) (result libcnb.BuildResult, err error) {
		// The name is always the same, since what is built may note where HOME was.
		scratch := filepath.Join(c.Layers.Path, ".scratch")
		if err := errors.Join(sandbox.Remove(scratch), os.MkdirAll(scratch, 0o755)); err != nil {
			return libcnb.BuildResult{}, fmt.Errorf("making room for the build: %w", err)
		}
		defer func() { err = errors.Join(err, sandbox.Remove(scratch)) }()
		site, err := h.site(scratch, c.ApplicationPath, c.Platform)
		if err != nil {
			return libcnb.BuildResult{}, fmt.Errorf("making room for the build: %w", err)
		}
		b := build{helpers: h, context: c, site: site, print: report.New(h.Out, time.Now)}
		result, err = b.run(ctx)
		return result, errors.Join(err, b.print.Err())
	}
}

// build is one run of bin/build.
type build struct {
	helpers Helpers
	context libcnb.BuildContext
	site    buildpacks.Site
	print   *report.Printer
}

func (b build) run(ctx context.Context) (result libcnb.BuildResult, err error) {
	result = libcnb.NewBuildResult()
	cache, err := b.cache()
	if err != nil {
		return result, err
	}
	export, own, err := b.copy()
	if err != nil {
		return result, err
	}
	b.site.Layers, b.site.Cache = in(b.context.Layers.Path), in(cache.Path)

	made := b.helpers.made()
	done, err := own.Compile(ctx, b.site, buildpacks.Job{Env: made})
	if err != nil {
		return result, err
	}
	after, err := own.Export(ctx, b.site, made)
	if err != nil {
		return result, err
	}
	exported(export.BuildEnvironment, made, after)
	export.BuildEnvironment.Override(profiled, "1")
	profile, err := b.profile(done.Release)
	if err != nil {
		return result, err
	}
	for _, warning := range done.Warnings {
		b.print.Warn("%s", warning)
	}
	result.Layers = []libcnb.Layer{cache, export, profile}
	result.Processes, err = b.processes(done.Processes)
	return result, err
}

// cache is the layer with CACHE_DIR, as the last build left it.
func (b build) cache() (libcnb.Layer, error) {
	layer, err := b.context.Layers.Layer(cacheLayer)
	if err != nil {
		return libcnb.Layer{}, err
	}
	layer.LayerTypes = libcnb.LayerTypes{Cache: true}
	return layer, os.MkdirAll(layer.Path, 0o755)
}

// copy makes the layer with the copy of the buildpack that scripts may write. It
// is there for the buildpacks after this one, as an export may lead into it.
func (b build) copy() (libcnb.Layer, *classic.Buildpack, error) {
	layer, err := b.fresh(exportLayer, libcnb.LayerTypes{Build: true})
	if err != nil {
		return libcnb.Layer{}, nil, err
	}
	found, err := open(b.context.Buildpack)
	if err != nil {
		return libcnb.Layer{}, nil, err
	}
	// In a directory of its own: bin of a layer gets into the PATH.
	own, err := found.ForBuild(filepath.Join(layer.Path, classicDir))
	if err != nil {
		return libcnb.Layer{}, nil, err
	}
	return layer, own.InPlace(), nil
}

// fresh is an empty layer.
func (b build) fresh(name string, types libcnb.LayerTypes) (libcnb.Layer, error) {
	layer, err := b.context.Layers.Layer(name)
	if err != nil {
		return libcnb.Layer{}, err
	}
	if err := sandbox.Remove(layer.Path); err != nil {
		return libcnb.Layer{}, err
	}
	if layer, err = layer.Reset(); err != nil {
		return libcnb.Layer{}, err
	}
	layer.LayerTypes = types
	return layer, nil
}

// profile makes the layer that every process of the app gets.
func (b build) profile(release *buildpacks.Release) (libcnb.Layer, error) {
	layer, err := b.fresh(profileLayer, libcnb.LayerTypes{Launch: true})
	if err != nil {
		return libcnb.Layer{}, err
	}
	if release != nil {
		for name, value := range release.ConfigVars {
			layer.LaunchEnvironment.Default(name, value)
		}
		if len(release.Addons) > 0 {
			b.print.Detail("Add-ons that the app wants -> %s", strings.Join(release.Addons, ", "))
		}
	}
	if b.helpers.Env[profiled] != "" {
		return layer, nil
	}
	program := layer.Exec.FilePath("profile")
	return layer, errors.Join(os.MkdirAll(filepath.Dir(program), 0o755), os.WriteFile(program, profileProgram, 0o755))
}

// processes are the process types of the app: those of bin/release, and those of
// its Procfile over them. Each is a line for bash.
func (b build) processes(defaults []launch.Process) ([]libcnb.Process, error) {
	written, err := procfile.Build(b.helpers.Out)(b.context)
	if err != nil {
		return nil, err
	}
	all := written.Processes
	var names []string
	for _, p := range defaults {
		names = append(names, p.Type)
		if !slices.ContainsFunc(all, func(w libcnb.Process) bool { return w.Type == p.Type }) {
			all = append(all, libcnb.Process{Type: p.Type, Command: []string{"bash", "-c", p.Command[0]}})
		}
	}
	if len(names) > 0 {
		b.print.Detail("Default types for buildpack -> %s", strings.Join(names, ", "))
	}
	for i := range all {
		all[i].Default = all[i].Type == "web" || len(all) == 1
	}
	return all, nil
}
