package main

import (
	"context"
	"errors"
	"os"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/sandbox"
)

// failed is a failure outside of what a phase is for; action is what failed, in the
// words of the reference lifecycle.
func failed(action string, err error) error {
	return &lifecycle.Failure{Action: action, Class: lifecycle.Generic, Err: err}
}

// start makes the inputs of a phase complete, and runs it.
func (p *program) start(ctx context.Context, phase platform.Phase) error {
	if err := p.in.Resolve(ctx, phase, p.reach, p.log); err != nil {
		return &lifecycle.Failure{Action: "resolve inputs", Class: lifecycle.BadArgs, Err: err}
	}
	makesImages := phase == platform.Analyze || phase == platform.Export || phase == platform.Create
	if p.in.Layout && makesImages {
		if err := p.experiment("export to OCI layout format"); err != nil {
			return err
		}
	}
	return map[platform.Phase]func(context.Context) error{
		platform.Analyze: p.analyze, platform.Detect: p.detect, platform.Restore: p.restore, platform.Build: p.build,
		platform.Export: p.export, platform.Create: p.create, platform.Rebase: p.rebase, platform.Extend: p.extend,
	}[phase](ctx)
}

// analyze is the analyzer.
func (p *program) analyze(ctx context.Context) error {
	in := p.in
	if err := p.connect(ctx, nil, in.Layers, in.CacheDir, in.LaunchCache); err != nil {
		return err
	}
	analyzed, err := p.analyzer().Run(ctx)
	if err != nil {
		return err
	}
	return files.WriteAnalyzed(in.Analyzed, analyzed)
}

func (p *program) analyzer() lifecycle.Analyzer {
	in := p.in
	return lifecycle.Analyzer{
		API: in.API, Target: p.target, Previous: in.PreviousImage, RunImage: in.RunImage,
		Read: []string{in.PreviousImage, in.RunImage}, Write: p.written(),
		Layers: in.Layers, SkipLayers: in.SkipLayers, Log: p.log,
	}
}

// written are the images of the target that the phases write.
func (p *program) written() []string {
	if p.in.Daemon || p.in.Layout {
		return p.in.Destinations()
	}
	return append(p.in.Destinations(), p.in.CacheImage)
}

// detect is the detector.
func (p *program) detect(ctx context.Context) error {
	if err := noRoot(platform.Detect); err != nil {
		return err
	}
	analyzed, err := files.ReadAnalyzed(p.in.Analyzed, p.log)
	if err != nil {
		return failed("initialize detector", err)
	}
	return withTemp(func(temp string) error {
		detector := p.detector(temp)
		detector.Analyzed = analyzed
		detector.Experiment = func() error { return p.experiment(dockerfiles) }
		plan, err := detector.Run(ctx)
		if err != nil {
			return err
		}
		if err := files.WriteGroup(p.in.Group, files.NewGroup(plan)); err != nil {
			return err
		}
		if err := files.WritePlan(p.in.Plan, files.NewPlan(plan)); err != nil || len(plan.Extensions) == 0 {
			return err
		}
		return p.generate(ctx, temp, analyzed, plan)
	})
}

// generate has the extensions of a group write what is for the extender.
func (p *program) generate(ctx context.Context, temp string, analyzed files.Analyzed, plan detect.Plan) error {
	run, err := files.ReadRun(p.in.Run, p.log)
	if err != nil {
		return failed("initialize generator", err)
	}
	analyzed, plan, err = lifecycle.Generator{
		API: p.in.API, Place: p.place(temp), Generated: p.in.Generated, Plan: plan, Analyzed: analyzed, RunImages: run, Log: p.log,
	}.Run(ctx)
	if err != nil {
		return err
	}
	if err := files.WriteAnalyzed(p.in.Analyzed, analyzed); err != nil {
		return err
	}
	return files.WritePlan(p.in.Plan, files.NewPlan(plan))
}

func (p *program) detector(temp string) lifecycle.Detector {
	return lifecycle.Detector{API: p.in.API, Place: p.place(temp), Order: p.in.Order, System: p.in.System, Log: p.log}
}

// experiment says whether the platform wants a feature that is not stable.
func (p *program) experiment(feature string) error {
	return platform.Experiment(p.env[platform.ExperimentalVariable], feature, p.log)
}

// place is where buildpacks work.
func (p *program) place(temp string) lifecycle.Place {
	in := p.in
	return lifecycle.Place{
		App: in.App, Layers: in.Layers, Platform: in.Platform, Buildpacks: in.Buildpacks, Extensions: in.Extensions, BuildConfig: in.BuildConfig,
		Environ: p.env, ExecEnv: in.ExecEnv, Scratch: temp, Out: p.log.Out,
	}
}

// restore is the restorer.
func (p *program) restore(ctx context.Context) error {
	in := p.in
	analyzed, unusable := files.ReadAnalyzed(in.Analyzed, p.log)
	run, err := p.runFile()
	if err != nil {
		return err
	}
	if err := p.connect(ctx, run.Names(analyzed.RunImageName()), in.Layers, in.CacheDir, kanikoDir); err != nil {
		return err
	}
	group, err := p.group()
	if err != nil {
		return err
	}
	if unusable != nil {
		p.log.Warnf("Not using analyzed data, usable file not found: %v", unusable)
		analyzed = files.Analyzed{}
	} else if err := p.renew(ctx, &analyzed, run, len(group.Extensions) > 0); err != nil {
		return err
	}
	store, err := p.store(ctx)
	if err != nil {
		return err
	}
	restorer := p.restorer(store)
	restorer.Group, restorer.Metadata = group.Buildpacks, analyzed.Metadata.Label()
	_, err = restorer.Run(ctx)
	return err
}

// kanikoDir is where platforms have a volume for images that are to be extended.
const kanikoDir = "/kaniko"

// runFile is the run.toml of a restorer that looks for a run image which can be
// read; the zero value for others.
func (p *program) runFile() (files.Run, error) {
	if !p.in.API.RestoreRun {
		return files.Run{}, nil
	}
	return files.ReadRun(p.in.Run, p.log)
}

// renew completes what analyzer and detector wrote: with the build image, with a mirror
// of the run image that can be read, and with what there is to know of a run image that
// extensions chose.
func (p *program) renew(ctx context.Context, analyzed *files.Analyzed, run files.Run, extensions bool) error {
	images := lifecycle.Images{
		API: p.in.API, Registry: p.images, Target: p.target, Layout: p.in.Layout, Store: extend.Store{Dir: kanikoDir}, Log: p.log,
	}
	if image := p.in.BuildImage; image != "" && p.in.API.Extensions {
		found, err := images.Build(ctx, image)
		if err != nil {
			return err
		}
		analyzed.BuildImage = &found
	}
	if own := run.Entry(analyzed.RunImageName()); own != nil {
		image, err := platform.RunImageFor(ctx, "", *own, p.reach)
		if err != nil {
			return err
		}
		if image != analyzed.RunImage.Image {
			analyzed.RunImage.Image, analyzed.RunImage.Reference = image, image
		}
	}
	if extensions && analyzed.RunImage != nil {
		image, err := images.Run(ctx, *analyzed.RunImage)
		if err != nil {
			return err
		}
		analyzed.RunImage = &image
	}
	if err := files.WriteAnalyzed(p.in.Analyzed, *analyzed); err != nil {
		return failed("write analyzed metadata", err)
	}
	return nil
}

func (p *program) restorer(store cache.Cache) lifecycle.Restorer {
	return lifecycle.Restorer{API: p.in.API, Layers: p.in.Layers, Cache: store, SkipLayers: p.in.SkipLayers, Log: p.log}
}

// build is the builder.
func (p *program) build(ctx context.Context) error {
	if err := noRoot(platform.Build); err != nil {
		return err
	}
	group, err := files.ReadGroup(p.in.Group)
	if err != nil {
		return err
	}
	plan, err := files.ReadPlan(p.in.Plan)
	if err != nil {
		return err
	}
	if err := p.checkAPIs(group); err != nil {
		return err
	}
	analyzed, err := files.ReadAnalyzed(p.in.Analyzed, p.log)
	if err != nil {
		return failed("reading analyzed.toml", err)
	}
	return withTemp(func(temp string) error {
		builder := p.builder(temp)
		builder.Plan, builder.Analyzed = files.Resolved(group, plan), analyzed
		metadata, err := builder.Run(ctx)
		if err != nil {
			return err
		}
		return files.WriteBuildMetadata(p.in.Layers, metadata)
	})
}

func (p *program) builder(temp string) lifecycle.Builder {
	return lifecycle.Builder{API: p.in.API, Place: p.place(temp), Log: p.log}
}

// export is the exporter.
func (p *program) export(ctx context.Context) error {
	in := p.in
	analyzed, err := files.ReadAnalyzed(in.Analyzed, p.log)
	if err != nil {
		return err
	}
	if err := p.connect(ctx, []string{analyzed.Previous()}, in.CacheDir, in.LaunchCache); err != nil {
		return err
	}
	group, err := p.group()
	if err != nil {
		return err
	}
	store, err := p.store(ctx)
	if err != nil {
		return err
	}
	if !in.API.StableExtensions && len(extended(in.Extended)) > 0 {
		if err := p.experiment(dockerfiles); err != nil {
			return err
		}
	}
	return withTemp(func(temp string) error {
		exporter, err := p.exporter(store, temp)
		if err != nil {
			return err
		}
		exporter.Group, exporter.Analyzed = group.Buildpacks, analyzed
		if exporter.RunImages, err = p.runImages(analyzed); err != nil {
			return err
		}
		report, err := exporter.Run(ctx)
		if err != nil {
			return err
		}
		if err := files.WriteReport(in.Report, report); err != nil {
			return &lifecycle.Failure{Action: "write export report", Class: lifecycle.ExportError, Err: err}
		}
		return nil
	})
}

func (p *program) exporter(store cache.Cache, temp string) (lifecycle.Exporter, error) {
	in := p.in
	project, err := files.ReadProject(in.Project, p.log)
	exporter := lifecycle.Exporter{
		API: in.API, App: in.App, Layers: in.Layers, Target: p.target, RunImage: in.RunImage, Names: in.Destinations(),
		Launcher: lifecycle.Launcher{File: in.Launcher, SBOMDir: in.LauncherSBOM, Version: version},
		Process:  in.Process, ExecEnv: in.ExecEnv, Project: project, UID: in.UID, GID: in.GID,
		Extended: in.Extended, Cache: store, Temp: temp, Log: p.log,
	}
	if in.API.SourceDate {
		exporter.SourceDate = p.env["SOURCE_DATE_EPOCH"]
	}
	return exporter, err
}

// create is the creator.
func (p *program) create(ctx context.Context) error {
	in := p.in
	if err := p.connect(ctx, nil, in.CacheDir, in.LaunchCache, in.Layers); err != nil {
		return err
	}
	if err := p.settle(); err != nil {
		return err
	}
	store, err := p.store(ctx)
	if err != nil {
		return err
	}
	return withTemp(func(temp string) error {
		exporter, err := p.exporter(store, temp)
		if err != nil {
			return err
		}
		creator := lifecycle.Creator{
			API: in.API, Log: p.log,
			Analyzer: p.analyzer(), Detector: p.detector(temp), Restorer: p.restorer(store), Builder: p.builder(temp), Exporter: exporter,
			RunImages: p.runImages,
			Files:     lifecycle.CreatorFiles{Analyzed: in.Analyzed, Group: in.Group, Plan: in.Plan, Report: in.Report},
		}
		return creator.Run(ctx)
	})
}

// group is the group of the detector, whose APIs are all known.
func (p *program) group() (files.Group, error) {
	group, err := files.ReadGroup(p.in.Group)
	if err != nil {
		return files.Group{}, err
	}
	return group, p.checkAPIs(group)
}

// checkAPIs says whether the lifecycle speaks with all buildpacks of a group.
func (p *program) checkAPIs(group files.Group) error {
	for _, b := range group.Buildpacks {
		err := platform.CheckBuildpackAPI("Buildpack", b.String(), b.API)
		if err == nil {
			err = p.deprecation().CheckBuildpack("Buildpack", b.String(), b.API)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withTemp gives work a directory that is gone afterwards.
func withTemp(work func(temp string) error) (err error) {
	temp, err := os.MkdirTemp("", "lifecycle-")
	if err != nil {
		return failed("create temp directory", err)
	}
	defer func() { err = errors.Join(err, sandbox.Remove(temp)) }()
	return work(temp)
}

// runImages are the names of the run image for the label of the image.
func (p *program) runImages(analyzed files.Analyzed) (files.RunImages, error) {
	if !p.in.API.RunTOML {
		stack, err := files.ReadStack(p.in.Stack, p.log)
		return stack.RunImage, err
	}
	run, err := files.ReadRun(p.in.Run, p.log)
	if err != nil || len(run.Images) == 0 {
		return files.RunImages{}, err
	}
	if own := run.Entry(analyzed.RunImageName()); own != nil {
		return *own, nil
	}
	metadata, err := files.ReadBuildMetadata(p.in.Layers)
	if err != nil {
		return files.RunImages{}, err
	}
	return platform.ForLabel(run, analyzed.RunImageName(), len(metadata.Extensions) > 0), nil
}
