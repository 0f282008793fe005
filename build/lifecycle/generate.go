package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Generator asks the extensions of a group how images are to be changed (CNB Platform
// API, "detector"; Image Extension Specification, "Phase #2: Generation").
type Generator struct {
	API   platform.API
	Place Place
	// Generated is the directory for what the extensions write, in the layout of the
	// API.
	Generated string
	Plan      detect.Plan
	Analyzed  files.Analyzed
	// RunImages are those of the builder: a switch to another one is a warning.
	RunImages files.Run
	Log       *platform.Log
}

// Run returns what there is to know of images once the extensions spoke, and the
// plan without what they provide. The classes of its errors are GenerateBuildpack and
// GenerateError.
func (g Generator) Run(ctx context.Context) (files.Analyzed, detect.Plan, error) {
	defer g.Log.Timer("Generator")()
	run := generating{Generator: g}
	err := run.all(ctx)
	if failed, ok := errors.AsType[*buildpacks.CompileError](err); ok {
		return files.Analyzed{}, detect.Plan{}, &Failure{"build", GenerateBuildpack, failed.Err}
	}
	if err != nil {
		return files.Analyzed{}, detect.Plan{}, &Failure{"build", GenerateError, err}
	}
	return run.Analyzed, run.Plan, nil
}

// generating is a Generator at work, which changes its plan and what is known of
// images.
type generating struct {
	Generator
	found []generated
}

// generated is a Dockerfile that an extension wrote.
type generated struct {
	extension string
	kind      extend.Kind
	file      string
	meant     extend.Meant
	// ignored says that a later one switches the run image, so that this one is of no
	// use.
	ignored bool
}

func (g *generating) all(ctx context.Context) error {
	site, err := g.Place.site(g.Analyzed, g.Log)
	if err != nil {
		return err
	}
	for _, c := range g.Plan.Extensions {
		if err := g.one(ctx, site, c); err != nil {
			return err
		}
	}
	g.runImage()
	for _, d := range g.found {
		if err := g.settle(d); err != nil {
			return err
		}
	}
	return nil
}

// one runs an extension, and takes from the plan what it provides.
func (g *generating) one(ctx context.Context, site buildpacks.Site, c detect.Choice) error {
	g.Log.Debugf("Running generate for extension %s", c)
	x, err := cnb.OpenExtension(g.Place.dir(buildpacks.Member{ID: c.ID, Version: c.Version, Extension: true}))
	if err != nil {
		return err
	}
	own := filepath.Join(g.Generated, launch.EscapeID(c.ID))
	if !g.API.GeneratedPerExtension {
		own = filepath.Join(g.Place.Scratch, "generated", launch.EscapeID(c.ID))
	}
	if err := os.MkdirAll(own, 0o777); err != nil {
		return err
	}
	var plan []buildpacks.Requirement
	var rest []detect.Entry
	for _, e := range g.Plan.Entries {
		if slices.Contains(e.Extensions, c.ID) {
			plan = append(plan, e.Requires...)
		} else {
			rest = append(rest, e)
		}
	}
	output, err := x.Generate(ctx, site, plan, own)
	if err != nil {
		return err
	}
	if output != own && g.API.GeneratedPerExtension {
		if err := copyGenerated(output, own); err != nil {
			return fmt.Errorf("taking over what extension %s has generated: %w", c.ID, err)
		}
		output = own
	}
	if err := g.read(c.ID, output); err != nil {
		return err
	}
	g.Plan.Entries = rest
	g.Log.Debugf("Finished running generate for extension %s", c)
	return nil
}

// read reads what an extension wrote.
func (g *generating) read(id, output string) error {
	if err := checkConfig(filepath.Join(output, configFile)); err != nil {
		return err
	}
	for _, kind := range []extend.Kind{extend.Run, extend.Build} {
		file := filepath.Join(output, kind.File())
		dockerfile, err := extend.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var meant extend.Meant
		if err == nil {
			meant, err = dockerfile.Validate(kind)
		}
		for _, warning := range meant.Warnings {
			g.Log.Warnf("%s", warning)
		}
		if err != nil {
			return fmt.Errorf("failed to parse %s for extension %s: %w", kind.File(), id, err)
		}
		g.found = append(g.found, generated{extension: id, kind: kind, file: file, meant: meant})
	}
	if !isDir(filepath.Join(output, contextDir)) {
		return nil
	}
	for _, kind := range []extend.Kind{extend.Build, extend.Run} {
		if isDir(filepath.Join(output, contextDir+"."+string(kind))) {
			return errors.New("image-specific context dir is provided together with a shared context")
		}
	}
	return nil
}

// Files of the output of an extension (CNB Image Extension Specification, "Outputs").
const (
	configFile = "extend-config.toml"
	contextDir = "context"
)

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// readConfig reads an extend-config.toml, which need not be there.
func readConfig(file string) (extend.Config, error) {
	data, err := sandbox.ReadFile(file, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return extend.Config{}, nil
	}
	if err != nil {
		return extend.Config{}, err
	}
	return extend.ParseConfig(data)
}

// maxConfig bounds an extend-config.toml, in bytes.
const maxConfig = 1 << 20

func checkConfig(file string) error {
	_, err := readConfig(file)
	if _, ours := errors.AsType[*extend.ArgumentError](err); ours {
		return fmt.Errorf("validating extend config: %w", err)
	}
	if err != nil {
		return fmt.Errorf("reading extend config: %w", err)
	}
	return nil
}

// runImage finds out what run.Dockerfiles mean for the run image: of those that switch
// it, the last does, and those before it are of no use.
func (g *generating) runImage() {
	base, extends, switched := "", false, false
	for i := len(g.found) - 1; i >= 0; i-- {
		d := &g.found[i]
		switch {
		case d.kind != extend.Run:
			continue
		case switched:
			d.ignored = true
			continue
		}
		extends = extends || d.meant.Extends
		if d.meant.Base != "" {
			base, switched = d.meant.Base, true
			g.Log.Debugf("Found a run.Dockerfile from extension '%s' setting run image to '%s' ", d.extension, base)
		}
	}
	if base != "" && (!g.API.ExtendRun || base != g.Analyzed.RunImageName()) {
		if g.RunImages.Entry(base) == nil {
			g.Log.Warnf("new runtime base image '%s' not found in run metadata", base)
		}
		// What the old one runs on says nothing about the new one.
		g.Analyzed.RunImage = &files.RunImage{Reference: base, Image: base}
	}
	if extends && g.Analyzed.RunImage != nil {
		image := *g.Analyzed.RunImage
		image.Extend = true
		g.Analyzed.RunImage = &image
	}
}

// settle puts a Dockerfile where the extender looks for it.
func (g *generating) settle(d generated) error {
	const ignored = ".ignore"
	if g.API.GeneratedPerExtension {
		if !d.ignored {
			return nil
		}
		if err := os.Rename(d.file, d.file+ignored); err != nil {
			return fmt.Errorf("failed to rename Dockerfile at %s: %w", d.file, err)
		}
		return nil
	}
	dir := filepath.Join(g.Generated, string(d.kind), launch.EscapeID(d.extension))
	to := filepath.Join(dir, "Dockerfile")
	if d.ignored {
		to += ignored
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := copyFile(d.file, to); err != nil {
		return fmt.Errorf("failed to copy Dockerfile at %s: %w", d.file, err)
	}
	config := filepath.Join(filepath.Dir(d.file), configFile)
	if err := copyFile(config, filepath.Join(dir, configFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("failed to copy extend config at %s: %w", config, err)
	}
	return nil
}

// copyGenerated makes a directory a copy of one that an extension brings along; none
// is empty.
func copyGenerated(from, to string) error {
	if err := sandbox.Remove(to); err != nil {
		return err
	}
	if !isDir(from) {
		return os.Mkdir(to, 0o777)
	}
	return os.CopyFS(to, os.DirFS(from))
}

// copyFile copies a file of what an extension wrote.
func copyFile(from, to string) error {
	data, err := sandbox.ReadFile(from, maxGenerated)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// maxGenerated bounds a file that an extension wrote for the extender, in bytes.
const maxGenerated = 1 << 20
