package rust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// work is what is to be built.
type work struct {
	project project
	config  appConfig
	chosen  []local
	bins    []bin
}

// vendored tells whether packages come from a directory of the source.
func (w work) vendored() bool { return w.config.replaced != "" }

// slots are the layers of a compilation.
type slots struct{ programs, home, target layer.Slot }

func (t *toolchain) slots() (s slots, err error) {
	if s.programs, err = layer.Open(t.Layers, programsLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout); err != nil {
		return s, err
	}
	if s.home, err = layer.Open(t.Layers, homeLayer, libcnb.LayerTypes{Cache: true}, layout); err != nil {
		return s, err
	}
	s.target, err = layer.Open(t.Layers, targetLayer, libcnb.LayerTypes{Cache: true}, layout)
	return s, err
}

// packagesNote is where the layer of the programs says which packages are in
// them.
const packagesNote = "packages"

// compile builds the binaries, or keeps those of an earlier build.
func (t *toolchain) compile(ctx context.Context, w work) ([]libcnb.Layer, []compiled.Program, error) {
	s, err := t.slots()
	if err != nil {
		return nil, nil, err
	}
	files, err := readSources(w.project.at(w.project.top))
	if err != nil {
		return nil, nil, err
	}
	inputs := t.inputs(w, files)
	kept, why := s.programs.Keeps(inputs)
	packages := strings.Fields(s.programs.Old[packagesNote])
	t.Print.Step("Compiling")
	if kept {
		t.Print.Detail("Reusing %s (nothing that decides them changed)", strings.Join(binNames(w.bins), ", "))
	} else if packages, err = t.build(ctx, w, &s, files, why); err != nil {
		return nil, nil, err
	}
	programs := s.programs.Describe(inputs, map[string]string{packagesNote: strings.Join(packages, " ")})
	if err := t.writeSBOM(programs.SBOMPath(libcnb.CycloneDXJSON), w.project.lock, packages); err != nil {
		return nil, nil, err
	}
	built, err := madePrograms(programs.Path)
	if err != nil {
		return nil, nil, err
	}
	layers := []libcnb.Layer{programs}
	for _, slot := range []layer.Slot{s.home, s.target} {
		if slot.There {
			layers = append(layers, slot.Describe(nil, notes(slot)))
		}
	}
	return layers, built, nil
}

// notes are the metadata of a layer that is written to, without what every layer
// has.
func notes(slot layer.Slot) map[string]string {
	old := maps.Clone(slot.Old)
	delete(old, "layout")
	return old
}

func binNames(bins []bin) []string {
	var all []string
	for _, b := range bins {
		all = append(all, b.name)
	}
	return all
}

// madePrograms are the programs in their layer.
func madePrograms(dir string) ([]compiled.Program, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "bin"))
	if err != nil {
		return nil, fmt.Errorf("looking for the programs: %w", err)
	}
	var all []compiled.Program
	for _, entry := range entries {
		all = append(all, compiled.Program{Name: entry.Name(), File: filepath.Join(dir, "bin", entry.Name())})
	}
	return all, nil
}

// inputs are all that decides the programs.
func (t *toolchain) inputs(w work, files []sourceFile) map[string]string {
	var k layer.Key
	k.Add("flags", strings.Join(t.flags(w), "\n"))
	k.Add("strip", t.env["CARGO_PROFILE_RELEASE_STRIP"])
	k.Add("environment", strings.Join(deciding(t.env), "\n"))
	for _, name := range variables(files) {
		k.Add(name, t.Env[name])
	}
	return map[string]string{
		"version": t.installed.Release.Version, "toolchain": t.installed.Release.Integrity, "system": t.Distro + " " + t.Arch,
		"source": sourceSum(files), "settings": k.Sum(), "binaries": strings.Join(binNames(w.bins), " "),
	}
}

// flags are those of "cargo build" that choose what is built.
func (t *toolchain) flags(w work) []string {
	args := []string{"--profile", t.settings.profile, "--locked"}
	if w.vendored() {
		args = append(args, "--offline")
	}
	for _, l := range w.chosen {
		args = append(args, "--package", l.name())
	}
	if len(t.settings.bins) == 0 {
		args = append(args, "--bins")
	}
	for _, name := range t.settings.bins {
		args = append(args, "--bin", name)
	}
	return slices.Concat(args, t.settings.features, t.settings.rest)
}

// refreshTarget takes away what another compiler made, which is of no use.
func (t *toolchain) refreshTarget(s *slots) (map[string]string, error) {
	inputs := map[string]string{"version": t.installed.Release.Version, "toolchain": t.installed.Release.Integrity, "system": t.Distro + " " + t.Arch}
	if kept, _ := s.target.Keeps(inputs); kept || !s.target.There {
		return inputs, nil
	}
	s.target.Old = map[string]string{}
	return inputs, t.Scratch.Discard(s.target.Layer.Path)
}

// build compiles the binaries into their layer. It returns the packages that are
// in them.
func (t *toolchain) build(ctx context.Context, w work, s *slots, files []sourceFile, why string) (packages []string, err error) {
	compiler, err := t.refreshTarget(s)
	if err != nil {
		return nil, err
	}
	// Cargo writes beside, and marks what is whole.
	t.Whole(s.home.Describe(nil, notes(s.home)))
	t.Whole(s.target.Describe(nil, compiler))
	target := s.target.Layer.Path
	undo, err := giveTimes(w.project.at(w.project.top), target, files, t.Now())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	out := filepath.Join(target, t.settings.profileDir())
	if w.config.target != "" || t.Env["CARGO_BUILD_TARGET"] != "" {
		out = filepath.Join(target, t.triple(), t.settings.profileDir())
	}
	for _, b := range w.bins {
		// One that is left out this time must not be taken for one that was made.
		if err := os.Remove(filepath.Join(out, b.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing the programs of the last build: %w", err)
		}
	}
	t.Print.Detail("Building %s (%s)", strings.Join(binNames(w.bins), ", "), why)
	configured, env := t.withFlags(w.project, w.config)
	start := t.Now()
	lines := t.Print.Writer()
	output, err := t.run(ctx, env, lines, slices.Concat(configured, []string{"build"}, t.flags(w))...)
	lines.Flush()
	if err != nil {
		return nil, failure.Explain(failure.Failure{
			What: "cargo build failed", Err: err, Output: output,
			Unknown: "see it fail on your machine:\n  cargo build " + strings.Join(t.flags(w), " "),
		}, causes())
	}
	took := t.Now().Sub(start).Round(10 * time.Millisecond)
	if err := t.collect(w, s, out); err != nil {
		return nil, err
	}
	t.Print.Detail("Compiled in %s", report.Duration(took))
	if packages, err = t.linked(ctx, w); err != nil {
		return nil, err
	}
	s.home.There, s.target.There = true, true
	s.target.Old = compiler
	return packages, t.sweep(w, s)
}

// collect takes the programs that Cargo made into their layer.
func (t *toolchain) collect(w work, s *slots, out string) error {
	fresh := t.Scratch.Path(programsLayer)
	bin := filepath.Join(fresh, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("making room for the programs: %w", err)
	}
	count := 0
	for _, b := range w.bins {
		info, err := os.Stat(filepath.Join(out, b.name))
		if errors.Is(err, fs.ErrNotExist) && len(b.needs) > 0 {
			t.Print.Detail("Left out %s, which needs the features %s (BP_CARGO_INSTALL_ARGS=--features=%[2]s)", b.name, strings.Join(b.needs, ","))
			continue
		}
		if err != nil {
			return appfile.Error("cargo build made no program %s: %w", b.name, err)
		}
		if err := layer.CopyFile(filepath.Join(out, b.name), filepath.Join(bin, b.name), 0o755); err != nil {
			return fmt.Errorf("taking the program %s: %w", b.name, err)
		}
		count++
		t.Print.Detail("Built %s, %s", b.name, report.Size(info.Size()))
	}
	if count == 0 {
		return appfile.Error("all binaries need features that nobody asks for\nask for them:\n  slugc build -e BP_CARGO_INSTALL_ARGS=--features=%s", strings.Join(w.bins[0].needs, ","))
	}
	if i := slices.IndexFunc(w.project.lock.Packages, func(one locked) bool { return one.Name == "rocket" }); i >= 0 {
		if err := layer.WriteBeside(filepath.Join(fresh, "exec.d", "rocket"), limits.Script(rocket), 0o755); err != nil {
			return fmt.Errorf("writing the settings at launch: %w", err)
		}
	}
	if err := t.Scratch.Replace(s.programs.Layer.Path, "", fresh); err != nil {
		return fmt.Errorf("moving the programs into their layer: %w", err)
	}
	return nil
}

// rocket tells the framework Rocket where to listen, which else is a port of its
// own, for this machine alone.
const rocket = `if [ -n "$PORT" ]; then
	set_default ROCKET_PORT "$PORT"
	set_default ROCKET_ADDRESS 0.0.0.0
fi
`

// linked are the packages that are in the programs, as name@version: neither
// what only tests or build scripts use, nor what other systems need.
func (t *toolchain) linked(ctx context.Context, w work) ([]string, error) {
	args := []string{"tree", "--locked", "--offline", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}", "--target=" + t.triple()}
	for _, l := range w.chosen {
		args = append(args, "--package", l.name())
	}
	var printed bytes.Buffer
	output, err := t.run(ctx, nil, &printed, append(args, t.settings.features...)...)
	if err != nil {
		return nil, failure.Explain(failure.Failure{What: "listing the packages in the programs failed", Err: err, Output: output}, causes())
	}
	var all []string
	for line := range strings.Lines(printed.String()) {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(words[1], "v") {
			continue
		}
		if one, found := w.project.lock.find(words[0], words[1][1:]); found && one.Source != "" {
			all = append(all, one.Name+"@"+one.Version)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// sweep removes the packages from the cache that the lock file does not have any
// more.
func (t *toolchain) sweep(w work, s *slots) error {
	var k layer.Key
	wanted := map[string]bool{}
	for _, one := range w.project.lock.foreign() {
		k.Add(one.Name, one.Version)
		wanted[one.Name+"-"+one.Version] = true
	}
	sum := k.Sum()
	old := s.home.Old["lock"]
	s.home.Old["lock"] = sum
	if old == sum || old == "" {
		return nil
	}
	removed := 0
	for _, pattern := range []string{"registry/cache/*/*.crate", "registry/src/*/*"} {
		found, err := filepath.Glob(filepath.Join(s.home.Layer.Path, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		for _, file := range found {
			if wanted[strings.TrimSuffix(filepath.Base(file), ".crate")] {
				continue
			}
			if strings.HasSuffix(file, ".crate") {
				removed++
			}
			if err := t.Scratch.Discard(file); err != nil {
				return fmt.Errorf("sweeping Cargo's cache: %w", err)
			}
		}
	}
	if removed > 0 {
		t.Print.Detail("Removed %s from the cache that the app does not use any more", report.Count(removed, "package"))
	}
	return nil
}
