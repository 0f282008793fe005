package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/formation/logs"
)

func (p *program) logsCommand() *cobra.Command {
	var lines int
	var source, process string
	var follow bool
	c := &cobra.Command{
		Use:   "logs APP",
		Short: "Show the log of an app",
		Long: `Show the log of an app that slugc start has started: what its processes print, the
requests that they get, and what becomes of them.`,
		Example: `  slugc logs shop --tail
  slugc logs shop --ps web.1 -n 500
  slugc logs shop --source heroku`,
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.Flags().IntVarP(&lines, "num", "n", 100, "show the last so many `LINES`")
	c.Flags().StringVar(&source, "source", "", "show the lines of one `SOURCE`: app, or heroku, which is what runs it")
	c.Flags().StringVar(&process, "ps", "", "show the lines of a `PROCESS`, such as web.1, router or api, or those of a type, such as web")
	c.Flags().BoolVarP(&follow, "tail", "t", false, "go on with what comes")
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		if lines < 0 {
			return &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("-n %d: expected 0 or more", lines)}
		}
		if source != "" && source != logs.App && source != logs.Platform {
			return &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("--source %s: expected %s or %s", source, logs.App, logs.Platform)}
		}
		// A name that is none of an app would be one of a file.
		if _, err := d.Releases(ctx, args[0]); err != nil {
			return err
		}
		tail := logs.Tail{Name: d.logFile(args[0]), Lines: lines, Filter: logs.Filter{Source: source, Process: process}, Follow: follow}
		return tail.Print(ctx, p.screen())
	})
	return c
}

// screen is where people, or with --json programs, see lines of a log.
func (p *program) screen() io.Writer {
	switch {
	case p.json:
		return logs.JSON(p.out)
	case cli.Colours(cli.Settings{NoColor: p.noColor, Env: p.env.Get}, p.out):
		return logs.Coloured(p.out)
	}
	return p.out
}
