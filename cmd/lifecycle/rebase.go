package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/privilege"
	"github.com/slugc/slugc/build/lifecycle/target"
)

// rebase is the rebaser. Which run image it needs is in the app image, so that one
// is read first, while the process may still read credentials.
func (p *program) rebase(ctx context.Context) error {
	in := p.in
	failed := func(action string, err error) error {
		return &lifecycle.Failure{Action: action, Class: lifecycle.Generic, Err: err}
	}
	keys := func(images ...string) (target.Registry, error) {
		keychain, err := target.NewKeychain(p.env[target.AuthVariable], images...)
		if err != nil {
			return target.Registry{}, failed("resolve keychain", err)
		}
		return target.Registry{Keychain: keychain}, nil
	}
	app := cmp.Or(in.PreviousImage, in.Image)
	images, err := keys(app)
	if err != nil {
		return err
	}
	rebaser := lifecycle.Rebaser{
		API: in.API, Target: images, App: app, RunImage: in.RunImage, Names: in.Destinations(), Force: in.Force, Log: p.log,
	}
	if rebaser, err = rebaser.Choose(ctx, p.reach); err != nil {
		return err
	}
	if rebaser.Target, err = keys(append(in.Images(), rebaser.RunImage)...); err != nil {
		return err
	}
	delete(p.env, target.AuthVariable)
	if err := privilege.Drop(in.UID, in.GID); err != nil {
		return failed(fmt.Sprintf("exec as user %d:%d", in.UID, in.GID), err)
	}
	report, err := rebaser.Run(ctx)
	if err != nil {
		return err
	}
	if err := files.WriteRebaseReport(in.Report, report); err != nil {
		return &lifecycle.Failure{Action: "write rebase report", Class: lifecycle.RebaseError, Err: err}
	}
	return nil
}
