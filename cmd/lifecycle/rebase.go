package main

import (
	"cmp"
	"context"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/target"
)

// rebase is the rebaser. Which run image it needs is in the app image, so that one
// is read first, while the process may still read credentials.
func (p *program) rebase(ctx context.Context) error {
	in := p.in
	app := cmp.Or(in.PreviousImage, in.Image)
	// A daemon shows its images to who has a connection.
	var images target.Target
	var err error
	if in.Daemon {
		images, err = p.daemon(ctx)
	} else {
		images, err = p.registry(app)
	}
	if err != nil {
		return err
	}
	rebaser := lifecycle.Rebaser{
		API: in.API, Target: images, App: app, RunImage: in.RunImage, Names: in.Destinations(), Force: in.Force, Log: p.log,
	}
	if rebaser, err = rebaser.Choose(ctx, p.reach); err != nil {
		return err
	}
	if err := p.connect(ctx, []string{rebaser.RunImage}); err != nil {
		return err
	}
	rebaser.Target = p.target
	report, err := rebaser.Run(ctx)
	if err != nil {
		return err
	}
	if err := files.WriteRebaseReport(in.Report, report); err != nil {
		return &lifecycle.Failure{Action: "write rebase report", Class: lifecycle.RebaseError, Err: err}
	}
	return nil
}
