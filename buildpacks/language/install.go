package language

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// Wish is a runtime that is wanted as a layer.
type Wish struct {
	// Layer is the name of the layer, and Types what it is for.
	Layer string
	Types libcnb.LayerTypes
	// Request is what is wanted; its architecture is the build's.
	Request runtime.Request
	// Asked is who wants the version, for a person.
	Asked version.Asked
	// Hint says what to type to ask for another version.
	Hint string
	// Layout is the version of what Finish does.
	Layout string
	// Finish, when set, completes the runtime in a fresh directory.
	Finish func(dir string) error
}

// Installed is a runtime in a layer.
type Installed struct {
	Release runtime.Release
	// Use says how it is used where it lies.
	Use   runtime.Layout
	Layer libcnb.Layer
	// Kept tells whether it is that of an earlier build.
	Kept bool
}

// Install brings a runtime into a layer, or keeps the one that is there, and
// says so. The layer of one that is new has an environment by which processes
// and later buildpacks find it, as its types say. What no registry has is the
// app's error.
func (b *Build) Install(ctx context.Context, w Wish) (Installed, error) {
	release, err := b.Resolve(ctx, w)
	if err != nil {
		return Installed{}, err
	}
	return b.InstallRelease(ctx, w, release)
}

// Resolve settles the version of a runtime, and says what a person should know
// of it. While the layer has what was settled for the same wish not long ago, no
// registry is asked.
func (b *Build) Resolve(ctx context.Context, w Wish) (runtime.Release, error) {
	w.Request.Arch = b.Arch
	r, known := b.remembered(w)
	var err error
	if !known {
		r, err = b.Runtimes.Resolve(ctx, w.Request)
	}
	if _, none := errors.AsType[*runtime.MissingError](err); none {
		return runtime.Release{}, appfile.Error("%w\n%s asks for it\n%s", err, w.Asked.Source(), w.Hint)
	}
	if err != nil {
		return runtime.Release{}, err
	}
	for _, other := range w.Asked.Passed {
		b.Print.Detail("Passing over %s: %s comes first", other, w.Asked.Source())
	}
	if !known && r.Stale == nil {
		if err := b.remember(w, r); err != nil {
			return runtime.Release{}, err
		}
	}
	if r.Stale != nil {
		b.Print.Warn("The registry cannot be asked, so %s is that of the last build:\n%s", r.Title, FirstLine(r.Stale))
	}
	if r.PassedOver != nil && !r.Patched.IsZero() {
		b.Print.Warn("%s\n%s", r.Age(b.Now()), r.PassedOver)
	} else if age := r.Age(b.Now()); age != "" {
		b.Print.Warn("%s", age)
	}
	return r, nil
}

// SaySameLine says that a release is another one than exactly that which was asked
// for: a stack has one of each line.
func (b *Build) SaySameLine(title, number string, asked version.Asked) {
	if text := asked.Text; strings.Count(text, ".") == 2 && version.IsNumber(text) && text != number {
		b.Print.Detail("%s %s is that of the stack, and takes the place of %s: it is of the same line", title, number, text)
	}
}

// InstallRelease is Install for a version that is settled.
func (b *Build) InstallRelease(ctx context.Context, w Wish, r runtime.Release) (Installed, error) {
	slot, err := layer.Open(b.Layers, w.Layer, w.Types, "1/"+w.Layout)
	if err != nil {
		return Installed{}, err
	}
	b.used = append(b.used, r)
	installed := Installed{Release: r, Layer: slot.Describe(inputs(r), map[string]string{"asked": w.Asked.String()})}
	kept, why := slot.Keeps(inputs(r))
	if kept {
		b.Print.Detail("%s (%s), from the cache", r, w.Asked)
		installed.Kept = true
		installed.Use, err = b.Runtimes.Layout(r, installed.Layer.Path)
		return installed, err
	}
	b.Print.Detail("%s (%s)", r, w.Asked)
	fresh := b.Scratch.Path(w.Layer)
	err = b.Download(r.Title, r.Version, why, func(progress func(done, total int64)) error {
		runtimes := b.Runtimes
		runtimes.Progress = progress
		_, err := runtimes.Install(ctx, r, fresh)
		return err
	})
	if err != nil {
		return Installed{}, err
	}
	if w.Finish != nil {
		if err := w.Finish(fresh); err != nil {
			return Installed{}, fmt.Errorf("installing %s: %w", r, err)
		}
	}
	if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
		return Installed{}, fmt.Errorf("installing %s: %w", r, err)
	}
	if installed.Use, err = b.Runtimes.Layout(r, slot.Layer.Path); err != nil {
		return Installed{}, err
	}
	if w.Types.Launch {
		installed.Layer = layer.WithLaunch(installed.Layer, LaunchEnv(installed.Use))
	}
	if w.Types.Build {
		env := LaunchEnv(installed.Use)
		prepend(env, "LIBRARY_PATH", installed.Use.Lib)
		prepend(env, "CPATH", installed.Use.Include)
		installed.Layer = layer.WithBuild(installed.Layer, env)
	}
	b.Whole(installed.Layer)
	return installed, nil
}

// inputs are what a layer with a release is made of.
func inputs(r runtime.Release) map[string]string {
	return map[string]string{"package": r.PURL, "version": r.Version, "integrity": r.Integrity, "parts": strings.Join(r.Parts, " ")}
}

// LaunchEnv is the environment in which a runtime starts, as a layer states it
// (CNB Buildpack API, "Environment Variable Modification Rules"). The
// directories bin and lib of a layer are found without it.
func LaunchEnv(l runtime.Layout) libcnb.Environment {
	env := libcnb.Environment{}
	for name, value := range l.Default {
		env.Default(name, value)
	}
	for name, value := range l.Set {
		env.Override(name, value)
	}
	prepend(env, "PATH", slices.DeleteFunc(slices.Clone(l.Bin), func(dir string) bool { return dir == filepath.Join(l.Dir, "bin") }))
	prepend(env, "LD_LIBRARY_PATH", slices.DeleteFunc(slices.Clone(l.Lib), func(dir string) bool { return dir == filepath.Join(l.Dir, "lib") }))
	for _, name := range slices.Sorted(maps.Keys(l.Lists)) {
		prepend(env, name, l.Lists[name])
	}
	return env
}

func prepend(env libcnb.Environment, name string, dirs []string) {
	if len(dirs) == 0 {
		return
	}
	const separator = string(os.PathListSeparator)
	env.Prepend(name, separator, strings.Join(dirs, separator))
}

// Download runs an installation and says how it went. Why is the reason.
func (b *Build) Download(title, version, why string, install func(progress func(done, total int64)) error) error {
	start := b.Now()
	var size int64
	err := install(func(done, total int64) {
		size = done
		if total > 0 {
			b.Print.Progress("Downloading %s %s: %s of %s", title, version, report.Size(done), report.Size(total))
		} else {
			b.Print.Progress("Downloading %s %s: %s", title, version, report.Size(done))
		}
	})
	if err != nil {
		return fmt.Errorf("downloading %s %s: %w", title, version, err)
	}
	b.Print.Detail("Downloaded %s %s (%s), %s in %s", title, version, why, report.Size(size), report.Duration(b.Now().Sub(start).Round(10*time.Millisecond)))
	return nil
}

// FirstLine is the first line of an error's text.
func FirstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
