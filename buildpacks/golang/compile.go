package golang

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
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// slots are the layers of a compilation.
type slots struct{ commands, modules, cache layer.Slot }

func (t *toolchain) slots() (s slots, err error) {
	if s.commands, err = layer.Open(t.Layers, commandsLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout); err != nil {
		return s, err
	}
	if s.modules, err = layer.Open(t.Layers, modulesLayer, libcnb.LayerTypes{Cache: true}, layout); err != nil {
		return s, err
	}
	s.cache, err = layer.Open(t.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	return s, err
}

// compile builds the commands, or keeps those of an earlier build.
func (t *toolchain) compile(ctx context.Context, w work) ([]libcnb.Layer, []compiled.Program, error) {
	s, err := t.slots()
	if err != nil {
		return nil, nil, err
	}
	inputs, err := t.inputs(w)
	if err != nil {
		return nil, nil, err
	}
	commands := s.commands.Describe(inputs, nil)
	var programs []compiled.Program
	for _, c := range w.commands {
		programs = append(programs, compiled.Program{Name: c.name, File: filepath.Join(commands.Path, "bin", c.name)})
	}
	kept, why := s.commands.Keeps(inputs)
	if kept {
		t.Print.Step("Compiling")
		t.Print.Detail("Reusing %s (nothing that decides them changed)", names(w.commands))
	} else if err := t.build(ctx, w, &s, commands.Path, why); err != nil {
		return nil, nil, err
	}
	if err := writeSBOM(commands.SBOMPath(libcnb.CycloneDXJSON), programs); err != nil {
		return nil, nil, err
	}
	layers := []libcnb.Layer{commands}
	for _, slot := range []layer.Slot{s.modules, s.cache} {
		if !slot.There {
			continue
		}
		notes := maps.Clone(slot.Old)
		delete(notes, "layout")
		layers = append(layers, slot.Describe(nil, notes))
	}
	return layers, programs, nil
}

// names are commands for a person.
func names(commands []command) string {
	var all []string
	for _, c := range commands {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

// build compiles the commands into their layer.
func (t *toolchain) build(ctx context.Context, w work, s *slots, to, why string) error {
	compiler, err := t.refreshCache(s)
	if err != nil {
		return err
	}
	// The go command writes beside, and locks what it writes.
	for _, slot := range []layer.Slot{s.modules, s.cache} {
		notes := maps.Clone(slot.Old)
		delete(notes, "layout")
		if slot.Layer.Name == cacheLayer {
			maps.Copy(notes, compiler)
		}
		t.Whole(slot.Describe(nil, notes))
	}
	usesC, arrived, err := t.listed(ctx, w, s)
	if err != nil {
		return err
	}
	t.Print.Step("Compiling")
	t.Print.Detail("Building %s (%s)", patterns(w.commands), why)
	cgo, err := t.cgo(usesC)
	if err != nil {
		return err
	}
	fresh := t.Scratch.Path(commandsLayer)
	bin := filepath.Join(fresh, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("making room for the programs: %w", err)
	}
	start := t.Now()
	t.Print.Working("Compiling")
	output, warnings, err := t.runBuild(ctx, cgo, w.project.named(arrived), t.buildArgs(w, bin))
	if err != nil {
		return failure.Explain(failure.Failure{
			What: "go build failed", Err: err, Output: output,
			Unknown: "see it fail on your machine:\n  CGO_ENABLED=" + cgo + " go build -tags " + strings.Join(t.settings.tags, ",") + " " + patterns(w.commands),
		}, causes())
	}
	took := t.Now().Sub(start).Round(10 * time.Millisecond)
	for _, c := range w.commands {
		info, err := os.Stat(filepath.Join(bin, c.name))
		if err != nil {
			return appfile.Error("go build made no program of %s\nis it a package main? %w", c.pattern, err)
		}
		t.Print.Detail("Built %s, %s", c.name, report.Size(info.Size()))
	}
	t.Print.Detail("Compiled in %s", report.Duration(took))
	for _, text := range warnings {
		t.Print.Warn("%s", text)
	}
	if err := layer.WriteBeside(filepath.Join(fresh, "exec.d", "limits"), limitsScript(t.installed.Release.Version), 0o755); err != nil {
		return fmt.Errorf("writing the limits at launch: %w", err)
	}
	if err := t.Scratch.Replace(to, "", fresh); err != nil {
		return fmt.Errorf("moving the programs into their layer: %w", err)
	}
	s.cache.There = true
	s.cache.Old["version"], s.cache.Old["system"] = compiler["version"], compiler["system"]
	return t.sweep(w, s)
}

// cgo is the value of CGO_ENABLED: C where a package uses it, if the app does not say
// otherwise. It wants a C compiler then.
func (t *toolchain) cgo(usesC []string) (string, error) {
	cgo := t.settings.cgo
	if cgo == "" {
		cgo = "0"
		if len(usesC) > 0 {
			cgo = "1"
		}
	}
	if len(usesC) > 0 && cgo == "1" {
		t.Print.Detail("With C, which is used by %s", report.Some(usesC, 3))
		if !t.hasCompiler() {
			return "", noCompiler(report.Some(usesC, 3) + " is compiled with C")
		}
	}
	return cgo, nil
}

// buildArgs are those of the go command that compiles the commands into a directory.
func (t *toolchain) buildArgs(w work, bin string) []string {
	args := append([]string{"build"}, t.flags(w)...)
	args = append(args, "-trimpath", "-buildvcs=false")
	if t.settings.ldflags != "" {
		args = append(args, "-ldflags="+t.settings.ldflags)
	}
	args = append(append(args, t.settings.rest...), "-o", bin+string(filepath.Separator))
	for _, c := range w.commands {
		args = append(args, c.pattern)
	}
	return args
}

// runBuild compiles, and meanwhile asks about modules.
func (t *toolchain) runBuild(ctx context.Context, cgo string, modules, args []string) (output *tool.Tail, warnings []string, err error) {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	if len(modules) > 0 {
		group.Go(func() error {
			warnings = t.takenBack(asking, modules)
			return nil
		})
	}
	if output, err = t.run(ctx, map[string]string{"CGO_ENABLED": cgo}, nil, args...); err != nil {
		cancel()
	}
	return output, warnings, errors.Join(err, group.Wait())
}

// patterns are what commands are built of.
func patterns(commands []command) string {
	var all []string
	for _, c := range commands {
		all = append(all, strings.TrimSuffix(c.pattern, "/"))
	}
	return strings.Join(all, " ")
}

// flags are those that say what is built, for "go list" too.
func (t *toolchain) flags(w work) []string {
	mod := "readonly"
	if w.vendored {
		mod = "vendor"
	}
	return []string{"-mod=" + mod, "-tags=" + strings.Join(t.settings.tags, ",")}
}

// inputs are all that decides the programs.
func (t *toolchain) inputs(w work) (map[string]string, error) {
	source, err := sourceSum(t.App, w)
	if err != nil {
		return nil, err
	}
	var flags layer.Key
	flags.Add("flags", strings.Join(slices.Concat(t.flags(w), t.settings.rest, t.settings.goflags), "\n"))
	flags.Add("ldflags", t.settings.ldflags)
	flags.Add("cgo", t.settings.cgo)
	env := deciding(t.env)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		flags.Add(name, env[name])
	}
	for _, m := range w.project.modules {
		flags.Add("module", m.dir)
	}
	return map[string]string{
		"version": t.installed.Release.Version, "toolchain": t.installed.Release.Integrity, "system": t.Distro + " " + t.Arch,
		"source": source, "settings": flags.Sum(), "commands": patterns(w.commands),
	}, nil
}

// refreshCache takes away what another compiler made: its entries are of no use.
func (t *toolchain) refreshCache(s *slots) (map[string]string, error) {
	inputs := map[string]string{"version": t.installed.Release.Version, "system": t.Distro + " " + t.Arch}
	if kept, _ := s.cache.Keeps(inputs); kept || !s.cache.There {
		return inputs, nil
	}
	s.cache.Old = map[string]string{}
	return inputs, t.Scratch.Discard(s.cache.Layer.Path)
}

// hasCompiler tells whether there is a C compiler.
func (b *goBuild) hasCompiler() bool {
	names := []string{"gcc", "clang"}
	if own := strings.Fields(b.Env["CC"]); len(own) > 0 {
		names = own[:1]
	}
	for _, name := range names {
		if filepath.IsAbs(name) {
			if _, err := os.Stat(name); err == nil {
				return true
			}
		}
		if tool.Find(b.Env["PATH"], name) != "" {
			return true
		}
	}
	return false
}

func noCompiler(what string) error {
	return appfile.Error("%s, and the stack has no C compiler\nbuild on a stack that has one, or without C if the app can do without:\n"+
		"  slugc build --stack slugc-13\n  slugc build -e CGO_ENABLED=0", what)
}

// launchLimits tells Go's garbage collector of the memory that is there, and
// versions before 1.25, which do not look, of the processors.
const (
	launchMemory = `if [ -n "$memory_limited" ]; then
	# The rest is for what the collector does not count: stacks of C, files in memory.
	set_default GOMEMLIMIT "$((memory_mb * 9 / 10))MiB"
fi
`
	launchProcessors = `set_default GOMAXPROCS "$cpus"
`
)

// limitsScript is the exec.d program of the commands.
func limitsScript(version string) []byte {
	body := launchMemory
	if compareLines(version, "1.25") < 0 {
		body += launchProcessors
	}
	return limits.Script(body)
}
