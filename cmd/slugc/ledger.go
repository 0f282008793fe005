package main

import (
	"cmp"
	"context"
	"errors"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	imagestore "github.com/slugc/slugc/release/images"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/slugs"
)

// The variables that say which key configs are sealed with.
const (
	keyVariable     = "SLUGC_KEY"
	keyFileVariable = "SLUGC_KEY_FILE"
)

// desk is where releases are made and looked up.
type desk struct {
	*ledger.Ledger
	slugs  slugs.Store
	images imagestore.Store
	home   string
}

// desk opens the ledger. Who is done with it closes it.
func (p *program) desk(ctx context.Context) (desk, error) {
	home, err := p.home()
	if err != nil {
		return desk{}, err
	}
	keys := ledger.Keys{Text: p.env.Get(keyVariable), File: cmp.Or(p.env.Get(keyFileVariable), filepath.Join(home, "key"))}
	keys.Made = func(file string) {
		p.voice.Warningf("Made the key %s, which configs are sealed with. Keep a copy of it: without it they cannot be read.", file)
	}
	l, err := ledger.Open(ctx, ledger.Settings{Dir: home, Keys: keys, Warn: func(err error) { p.voice.Warningf("%v", err) }})
	return desk{
		Ledger: l, home: home,
		slugs:  slugs.Store{Dir: filepath.Join(home, "slugs")},
		images: imagestore.Store{Dir: filepath.Join(home, "images")},
	}, err
}

// atDesk is a command that ends when slugc is told to end and works at the desk.
func (p *program) atDesk(f func(ctx context.Context, d desk, args []string) error) func(*cobra.Command, []string) error {
	return interruptible(func(ctx context.Context, args []string) (err error) {
		d, err := p.desk(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		return f(ctx, d, args)
	})
}

// maker makes releases at a desk.
func (p *program) releaseMaker(d desk) release.Maker {
	return release.Maker{
		Book: d.Ledger, Slugs: d.slugs, Images: d.images, Phase: releasePhase{p, d}, Voice: p.voice,
		Author: p.author(),
	}
}

// author is who makes a release: SLUGC_AUTHOR, or the user of this machine.
func (p *program) author() string {
	name := cmp.Or(p.env.Get("SLUGC_AUTHOR"), p.env.Get("USER"), p.env.Get("LOGNAME"))
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	return cmp.Or(name, "unknown")
}

// completeApp completes the first argument of a command with the names of apps. A
// shell has no use for an error.
func (p *program) completeApp(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	p.speak(p.err)
	d, err := p.desk(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	apps, err := d.Apps(c.Context())
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, a := range apps {
		names = append(names, a.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// version reads the argument for a release, if there is one; 0 is none.
func versionArgument(command string, args []string) (int, error) {
	if len(args) == 0 {
		return 0, nil
	}
	number, err := release.ParseVersion(args[0])
	if err != nil {
		return 0, &cli.UsageError{Command: command, Err: err}
	}
	return number, nil
}
