package lifecycle

import (
	"context"
	"errors"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/detect"
)

// Creator is all phases in one process (CNB Platform API, "creator"). Of the phases
// that it has, fields that an earlier phase returns are left empty.
type Creator struct {
	API      platform.API
	Analyzer Analyzer
	Detector Detector
	Restorer Restorer
	Builder  Builder
	Exporter Exporter
	// RunImages picks the names of the run image once the builder has said what it
	// is; see platform.ForLabel.
	RunImages func(files.Analyzed) (files.RunImages, error)
	// Files are where the phases leave their files for others.
	Files CreatorFiles
	Log   *platform.Log
}

// CreatorFiles are the paths of analyzed.toml, group.toml, plan.toml and report.toml.
type CreatorFiles struct{ Analyzed, Group, Plan, Report string }

// Run builds. The classes of its errors are those of the phases.
func (c Creator) Run(ctx context.Context) error {
	images := &target.Once{Target: c.Analyzer.Target}
	c.Analyzer.Target, c.Exporter.Target = images, images
	analyzed, err := c.analyze(ctx)
	if err != nil {
		return err
	}
	plan, err := c.detect(ctx, analyzed)
	if err != nil {
		return err
	}
	group := files.NewGroup(plan).Buildpacks
	known, err := c.restore(ctx, group, analyzed)
	if err != nil {
		return err
	}
	if err := c.build(ctx, plan, analyzed); err != nil {
		return err
	}
	return c.export(ctx, group, analyzed, known)
}

func (c Creator) analyze(ctx context.Context) (files.Analyzed, error) {
	c.Log.Phase("ANALYZING")
	analyzed, err := c.Analyzer.Run(ctx)
	if err != nil {
		return analyzed, err
	}
	return analyzed, files.WriteAnalyzed(c.Files.Analyzed, analyzed)
}

func (c Creator) detect(ctx context.Context, analyzed files.Analyzed) (detect.Plan, error) {
	c.Log.Phase("DETECTING")
	c.Detector.Analyzed = analyzed
	plan, err := c.Detector.Run(ctx)
	if err != nil {
		return plan, err
	}
	if err := files.WriteGroup(c.Files.Group, files.NewGroup(plan)); err != nil {
		return plan, err
	}
	if err := files.WritePlan(c.Files.Plan, files.NewPlan(plan)); err != nil {
		return plan, err
	}
	if len(plan.Extensions) > 0 {
		return plan, &Failure{"detect", DetectError, errors.New("detected order contains extensions which is not supported by the creator")}
	}
	return plan, nil
}

func (c Creator) restore(ctx context.Context, group []files.Element, analyzed files.Analyzed) (map[string]Known, error) {
	if c.Restorer.SkipLayers && !c.API.RestoreSkipped {
		return nil, nil
	}
	c.Log.Phase("RESTORING")
	c.Restorer.creator = true
	c.Restorer.Group, c.Restorer.Metadata = group, analyzed.Metadata.Label()
	return c.Restorer.Run(ctx)
}

func (c Creator) build(ctx context.Context, plan detect.Plan, analyzed files.Analyzed) error {
	c.Log.Phase("BUILDING")
	c.Builder.Plan, c.Builder.Analyzed = plan, analyzed
	metadata, err := c.Builder.Run(ctx)
	if err != nil {
		return err
	}
	return files.WriteBuildMetadata(c.Builder.Place.Layers, metadata)
}

func (c Creator) export(ctx context.Context, group []files.Element, analyzed files.Analyzed, known map[string]Known) (err error) {
	c.Log.Phase("EXPORTING")
	c.Exporter.Group, c.Exporter.Analyzed, c.Exporter.Known = group, analyzed, known
	if c.Exporter.RunImages, err = c.RunImages(analyzed); err != nil {
		return err
	}
	report, err := c.Exporter.Run(ctx)
	if err != nil {
		return err
	}
	if err := files.WriteReport(c.Files.Report, report); err != nil {
		return &Failure{"write export report", ExportError, err}
	}
	return nil
}
