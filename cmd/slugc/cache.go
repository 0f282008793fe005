package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/release/kept"
)

func (p *program) cacheCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "Look at and clean what builds leave for the next build",
		Long: `Look at and clean what builds leave for the next build, and the packages that
stacks are made of. Stacks themselves are no cache: see slugc stack.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&p.caches, "cache", "", cacheHelp)
	c.AddCommand(p.cacheListCommand(), p.cachePruneCommand())
	return c
}

// cachesHere is the root of the caches that can be listed.
func (p *program) cachesHere() (string, error) {
	if cachestore.IsRegistry(p.caches) {
		return "", &cli.UsageError{Command: "slugc cache", Err: fmt.Errorf("%s is kept by its registry; expected a directory", p.caches)}
	}
	return p.cacheRoot()
}

func (p *program) cacheListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the apps that have a cache, and what was fetched",
		Args:  arguments(0, 0),
		RunE: interruptible(func(ctx context.Context, _ []string) error {
			root, err := p.cachesHere()
			if err != nil {
				return err
			}
			all, err := cachestore.List(ctx, root)
			if err != nil {
				return err
			}
			packages, err := cachestore.ListFiles(ctx, filepath.Join(root, debianCache))
			if err != nil {
				return err
			}
			p.voice.Result(cacheTable(all, packages), cli.Fields{"cache": root, "apps": all, "debian": packages})
			return nil
		}),
	}
}

func (p *program) cachePruneCommand() *cobra.Command {
	var days int
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove what was not used for a while",
		Long: `Remove the caches of apps that were not built for a while, packages of Debian that
were not used for a while, and failed builds that --keep kept. A cache that a build
is using stays. The next build of an app whose cache is gone takes longer, and makes
the same artifacts.`,
		Args: arguments(0, 0),
		RunE: interruptible(func(ctx context.Context, _ []string) error {
			if days < 0 {
				return &cli.UsageError{Command: "slugc cache prune", Err: fmt.Errorf("--days %d: expected 0 or more", days)}
			}
			root, err := p.cachesHere()
			if err != nil {
				return err
			}
			since := time.Now().Add(-time.Duration(days) * 24 * time.Hour)
			gone, err := cachestore.Prune(ctx, root, since)
			if err != nil {
				return err
			}
			packages, err := cachestore.PruneFiles(ctx, filepath.Join(root, debianCache), since)
			if err != nil {
				return err
			}
			failed, err := kept.Prune(filepath.Join(root, deploy.KeptDir), since)
			if err != nil {
				return err
			}
			freed := packages.Size
			for _, g := range gone {
				freed += g.Size
			}
			removed := report.Count(len(gone), "cache")
			if packages.Count > 0 {
				removed += " and " + report.Count(packages.Count, "file") + " of Debian packages"
			}
			if failed > 0 {
				removed += " and " + report.Count(failed, "failed build")
			}
			p.voice.Result(fmt.Sprintf("Removed %s, freed %s", removed, cli.Bytes(freed)),
				cli.Fields{"cache": root, "removed": gone, "debian": packages, "failed_builds": failed, "freed": freed})
			return nil
		}),
	}
	c.Flags().IntVar(&days, "days", 30, "keep what was used in the last so many `DAYS`; 0 removes all")
	return c
}

func cacheTable(all []cachestore.Info, packages cachestore.Files) string {
	if len(all) == 0 && packages.Count == 0 {
		return "No caches"
	}
	var b strings.Builder
	for _, i := range all {
		state := i.Used.Format("2006-01-02 15:04")
		if i.Busy {
			state = "in use"
		}
		name := i.Name
		if env := cmp.Or(i.ExecEnv, buildpacks.DefaultExecEnv); env != buildpacks.DefaultExecEnv {
			name += " (" + env + ")"
		}
		fmt.Fprintf(&b, "%-24s %10s  %-16s  %s\n", name, cli.Bytes(i.Size), state, filepath.Join(i.Source, i.Subdir))
	}
	if packages.Count > 0 {
		fmt.Fprintf(&b, "%-24s %10s  %-16s  %s\n", "Debian packages", cli.Bytes(packages.Size), packages.Used.Format("2006-01-02 15:04"), packages.Dir)
	}
	return b.String()
}
