package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
)

func (p *program) buildsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "builds",
		Short: "List what pushes and deliveries had built, show it, cancel it",
		Long: `List what pushes and deliveries had built, show it, cancel it. An app has one build at
a time. One that waits is superseded by a newer one of the same branch.

Their records are in the ledger, and their logs beside it in builds/.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.buildsListCommand(), p.buildsShowCommand(), p.buildsLogsCommand(), p.buildsCancelCommand(), p.buildsAgainCommand())
	return c
}

// atQueue is a command that ends when slugc is told to end and looks at builds.
func (p *program) atQueue(f func(ctx context.Context, q *ledger.Queue, args []string) error) func(*cobra.Command, []string) error {
	return p.atDesk(func(ctx context.Context, d desk, args []string) (err error) {
		q, err := d.Queue(0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, q.Close()) }()
		return f(ctx, q, args)
	})
}

// buildID reads the argument for a build.
func buildID(command, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, &cli.UsageError{Command: command, Err: fmt.Errorf("%q is no build; expected its number, such as 12", arg), Next: "slugc builds list"}
	}
	return id, nil
}

// aBuild is a command about one build.
func (p *program) aBuild(name, short string, f func(ctx context.Context, q *ledger.Queue, id int64) error) *cobra.Command {
	return &cobra.Command{
		Use:               name + " ID",
		Short:             short,
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeBuild,
		RunE: p.atQueue(func(ctx context.Context, q *ledger.Queue, args []string) error {
			id, err := buildID("slugc builds "+name, args[0])
			if err != nil {
				return err
			}
			return f(ctx, q, id)
		}),
	}
}

// completeBuild completes an argument with the numbers of the last builds.
func (p *program) completeBuild(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p.speak(p.err)
	var ids []string
	err := p.atQueue(func(ctx context.Context, q *ledger.Queue, _ []string) error {
		all, err := q.Builds(ctx, queue.Filter{Limit: 20})
		for _, b := range all {
			ids = append(ids, fmt.Sprintf("%d\t%s, %s", b.ID, b.App, b.Status))
		}
		return err
	})(c, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func (p *program) buildsListCommand() *cobra.Command {
	var most int
	c := &cobra.Command{
		Use:               "list [APP]",
		Short:             "List the builds, the newest first",
		Args:              arguments(0, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.Flags().IntVarP(&most, "num", "n", 20, "list the last so many `BUILDS`; 0 lists all")
	c.RunE = p.atQueue(func(ctx context.Context, q *ledger.Queue, args []string) error {
		f := queue.Filter{Limit: most}
		if most < 0 {
			return &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("-n %d: expected 0 or more", most)}
		}
		if len(args) > 0 {
			if err := release.CheckApp(args[0]); err != nil {
				return err
			}
			f.App = args[0]
		}
		all, err := q.Builds(ctx, f)
		if err != nil {
			return err
		}
		text := "No builds"
		if len(all) > 0 {
			rows := [][]string{{"ID", "App", "Source", "By", "Ordered", "Took", ""}}
			for _, b := range all {
				rows = append(rows, []string{
					strconv.FormatInt(b.ID, 10), b.App, sourceWords(b.Source), b.By, b.Ordered.Local().Format(when), took(b), statusWords(b),
				})
			}
			text = columns(rows)
		}
		p.voice.Result(text, cli.Fields{"builds": append([]queue.Build{}, all...)})
		return nil
	})
	return c
}

// sourceWords are a source in a few words: main c0ffee1.
func sourceWords(s queue.Source) string {
	return strings.TrimSpace(s.Branch + " " + s.Commit[:min(len(s.Commit), 7)])
}

// statusWords are how far a build came, with the release that it made.
func statusWords(b queue.Build) string {
	switch {
	case b.Release > 0:
		return fmt.Sprintf("%s, v%d", b.Status, b.Release)
	case b.Cancelling:
		return "being cancelled"
	}
	return string(b.Status)
}

// took is for how long a build ran, empty where it did not.
func took(b queue.Build) string {
	switch {
	case b.Started.IsZero():
		return ""
	case b.Finished.IsZero():
		return cli.Duration(time.Since(b.Started))
	}
	return cli.Duration(b.Finished.Sub(b.Started))
}

func (p *program) buildsShowCommand() *cobra.Command {
	return p.aBuild("show", "Say what was built, how it went, and what was reused", func(ctx context.Context, q *ledger.Queue, id int64) error {
		b, err := q.Build(ctx, id)
		if err != nil {
			return err
		}
		p.voice.Result(describeBuild(b), cli.Fields{"build": b})
		return nil
	})
}

// describeBuild is a build for people.
func describeBuild(b queue.Build) string {
	var text strings.Builder
	fmt.Fprintf(&text, "=== Build %d of %s\n", b.ID, b.App)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "%-13s%s\n", name+":", value)
		}
	}
	line("Status", statusWords(b))
	line("Reason", b.Reason)
	if b.Code != 0 {
		line("Exit code", strconv.Itoa(b.Code))
	}
	line("Source", b.Source.Location)
	line("Branch", b.Source.Branch)
	line("Commit", b.Source.Commit)
	line("Message", b.Source.Message)
	line("Directory", b.Source.Directory)
	line("By", b.By)
	line("Trigger", b.Trigger)
	if b.Again > 0 {
		line("Again", fmt.Sprintf("build %d", b.Again))
	}
	line("Ordered", b.Ordered.Local().Format(when))
	if !b.Started.IsZero() {
		line("Started", b.Started.Local().Format(when))
	}
	if !b.Finished.IsZero() {
		line("Finished", b.Finished.Local().Format(when))
	}
	line("Took", took(b))
	line("Runs in", b.Owner)
	if len(b.Steps) > 0 {
		rows := [][]string{}
		for _, s := range b.Steps {
			rows = append(rows, []string{"  " + s.Name, cli.Duration(s.Duration)})
		}
		text.WriteString("\nSteps:\n" + columns(rows))
	}
	if len(b.Reuse) > 0 {
		rows := [][]string{}
		for _, r := range b.Reuse {
			state := "made again"
			if r.Reused {
				state = "reused"
			}
			rows = append(rows, []string{"  " + r.Name, state, r.Reason})
		}
		text.WriteString("\nReuse:\n" + columns(rows))
	}
	return text.String()
}

func (p *program) buildsLogsCommand() *cobra.Command {
	var follow bool
	c := p.aBuild("logs", "Show what a build printed", func(ctx context.Context, q *ledger.Queue, id int64) error {
		out := io.WriteCloser(plainOutput{p.out})
		if p.json {
			out = p.lines()
		}
		if follow {
			_, err := queue.Follow(ctx, q, id, 0, out)
			return errors.Join(err, out.Close())
		}
		log, err := q.Log(ctx, id)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, bufio.NewReader(log))
		return errors.Join(err, out.Close(), log.Close())
	})
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until the build has ended")
	return c
}

// lines are lines of a build as events.
func (p *program) lines() io.WriteCloser {
	return cli.New(cli.Settings{Out: p.out, Err: p.err, JSON: true, Env: p.env.Get}).Writer(nil)
}

// plainOutput is stdout, which stays open.
type plainOutput struct{ io.Writer }

func (plainOutput) Close() error { return nil }

func (p *program) buildsCancelCommand() *cobra.Command {
	c := p.aBuild("cancel", "Take a build back that waits, and stop one that runs", func(ctx context.Context, q *ledger.Queue, id int64) error {
		b, err := q.Cancel(ctx, id)
		if err == nil && b.Status == queue.Running {
			p.voice.Detailf("Waiting for build %d to stop", id)
			b, err = queue.Follow(ctx, q, id, 0, io.Discard)
		}
		if err != nil {
			return err
		}
		if b.Status != queue.Cancelled {
			p.voice.Warningf("Build %d has ended otherwise: %s", id, statusWords(b))
		}
		p.voice.Result(fmt.Sprintf("Build %d of %s is %s", id, b.App, b.Status), cli.Fields{"build": b})
		return nil
	})
	c.Long = "Take a build back that waits, or stop one that runs, within ten seconds."
	return c
}

func (p *program) buildsAgainCommand() *cobra.Command {
	c := p.aBuild("again", "Order the same build once more", func(ctx context.Context, q *ledger.Queue, id int64) error {
		old, err := q.Build(ctx, id)
		if err != nil {
			return err
		}
		if !old.Status.Ended() {
			return &cli.UsageError{Command: "slugc builds again", Err: fmt.Errorf("build %d has not ended: it is %s", id, old.Status), Next: fmt.Sprintf("slugc builds logs %d --follow", id)}
		}
		o := old.Order
		o.Trigger, o.By, o.Key, o.Again, o.Mine = "again", p.author(), "", id, false
		b, _, err := q.Order(ctx, o)
		if err != nil {
			return err
		}
		p.voice.Result(fmt.Sprintf("Ordered build %d of %s, which slugc serve runs. Follow it: slugc builds logs %d --follow", b.ID, b.App, b.ID), cli.Fields{"build": b})
		return nil
	})
	c.Long = `Order the same build once more: the same commit, released when it succeeds. slugc
serve runs it. To go back to a release that there was, slugc release rollback needs
no build.`
	return c
}
