package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
)

func (p *program) appsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "apps",
		Short: "List, make and end the apps that have releases",
		Args:  arguments(0, 0),
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.appsListCommand(), p.appsCreateCommand(), p.appsDestroyCommand())
	return c
}

func (p *program) appsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the apps",
		Args:  arguments(0, 0),
		RunE: p.atDesk(func(ctx context.Context, d desk, _ []string) error {
			apps, err := d.Apps(ctx)
			if err != nil {
				return err
			}
			var b strings.Builder
			for _, a := range apps {
				current := "no release yet"
				if a.Current > 0 {
					current = fmt.Sprintf("v%d", a.Current)
				}
				fmt.Fprintf(&b, "%-30s  %s\n", a.Name, current)
			}
			text := b.String()
			if text == "" {
				text = "No apps"
			}
			p.voice.Result(text, cli.Fields{"apps": append([]release.App{}, apps...)})
			return nil
		}),
	}
}

func (p *program) appsCreateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create APP",
		Short: "Make an app without releases",
		Long: `Make an app without releases. Nobody has to: the first release of an app makes it
too, and so does the first config var.`,
		Args: arguments(1, 1),
		RunE: p.atDesk(func(ctx context.Context, d desk, args []string) error {
			made, err := d.CreateApp(ctx, args[0])
			if err != nil {
				return err
			}
			if !made {
				return &cli.UsageError{Command: "slugc apps create", Err: fmt.Errorf("there is an app %s already", args[0]), Next: "slugc release list " + args[0]}
			}
			p.voice.Result("Created "+args[0], cli.Fields{"app": args[0]})
			return nil
		}),
	}
}

func (p *program) appsDestroyCommand() *cobra.Command {
	var confirm string
	c := &cobra.Command{
		Use:   "destroy APP --confirm APP",
		Short: "End an app, its config and its slugs",
		Long: `End an app: its config, its builds and the slugs that no other app has are gone for
good, but in backups of the ledger. What its releases were called stays in the
ledger.`,
		Example:           `  slugc apps destroy shop --confirm shop`,
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.Flags().StringVar(&confirm, "confirm", "", "the name of the `APP` once more")
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		app := args[0]
		if confirm != app {
			return &cli.UsageError{
				Command: c.CommandPath(), Err: fmt.Errorf("this cannot be undone: say the name of the app once more"), Next: "slugc apps destroy " + app + " --confirm " + app,
			}
		}
		if err := d.DestroyApp(ctx, app, func() { p.voice.Detailf("Waiting for a release of %s to be made", app) }); err != nil {
			return err
		}
		if err := forgetBuilds(ctx, d, app); err != nil {
			p.voice.Warningf("%v", err)
		}
		slugs, images := p.unused(ctx, d, "", 0)
		text := fmt.Sprintf("Destroyed %s and %s", app, report.Count(len(slugs), "slug"))
		if len(images) > 0 {
			text += " and " + report.Count(len(images), "image")
		}
		p.voice.Result(text, cli.Fields{"app": app, "slugs": append([]string{}, slugs...), "images": append([]string{}, images...)})
		return nil
	})
	return c
}

// forgetBuilds ends the builds of an app that is no more.
func forgetBuilds(ctx context.Context, d desk, app string) error {
	q, err := d.Queue(0)
	if err != nil {
		return err
	}
	return errors.Join(q.Forget(ctx, app), q.Close())
}
