package lifecycle

import (
	"context"
	"errors"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
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

// CreatorFiles are paths.
type CreatorFiles struct{ Analyzed, Group, Plan, Report string }

// Run builds. The classes of its errors are those of the phases.
func (c Creator) Run(ctx context.Context) error {
	images := &target.Once{Target: c.Analyzer.Target}
	c.Analyzer.Target, c.Exporter.Target = images, images
	c.Log.Phase("ANALYZING")
	analyzed, err := c.Analyzer.Run(ctx)
	if err != nil {
		return err
	}
	if err := files.WriteAnalyzed(c.Files.Analyzed, analyzed); err != nil {
		return err
	}

	c.Log.Phase("DETECTING")
	c.Detector.Analyzed = analyzed
	plan, err := c.Detector.Run(ctx)
	if err != nil {
		return err
	}
	group := files.NewGroup(plan)
	if err := files.WriteGroup(c.Files.Group, group); err != nil {
		return err
	}
	if err := files.WritePlan(c.Files.Plan, files.NewPlan(plan)); err != nil {
		return err
	}
	if len(plan.Extensions) > 0 {
		return &Failure{"detect", DetectError, errors.New("detected order contains extensions which is not supported by the creator")}
	}

	if !c.Restorer.SkipLayers || c.API.RestoreSkipped {
		c.Log.Phase("RESTORING")
		c.Restorer.creator = true
		c.Restorer.Group, c.Restorer.Metadata = group.Buildpacks, analyzed.Metadata.Label()
		if c.Exporter.Known, err = c.Restorer.Run(ctx); err != nil {
			return err
		}
	}

	c.Log.Phase("BUILDING")
	c.Builder.Plan, c.Builder.Analyzed = plan, analyzed
	metadata, err := c.Builder.Run(ctx)
	if err != nil {
		return err
	}
	if err := files.WriteBuildMetadata(c.Builder.Place.Layers, metadata); err != nil {
		return err
	}

	c.Log.Phase("EXPORTING")
	c.Exporter.Group, c.Exporter.Analyzed = group.Buildpacks, analyzed
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
