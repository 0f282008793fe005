package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/check"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// checkFlags are those of slugc check.
type checkFlags struct {
	vars  environment
	stack string
	noRun bool
}

func (p *program) checkCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [SOURCE|slug:FILE|APP]",
		Short: "Look at an app by the twelve factors, and say what to do about each miss",
		Long: `Look at an app by the twelve factors of 12factor.net, one by one. Each finding has
its file and line, why it matters, and what to type or to write instead.

Of a source directory, by default the one here, the files are looked at. Of slug:FILE,
and of the current release of an app, so are the files of the slug, and its process
web is really started, with the config of the release or with -e: it is to listen on
PORT within 60 seconds, is asked for / once, and gets SIGTERM. What it wrote, printed
and did is measured. --no-run does not start it. A directory that has the name of an
app is the directory.

The exit code is 51 when a factor is missed, and 0 when there are warnings alone.`,
		Example: `  slugc check
  slugc check slug:slug.tgz -e DATABASE_URL=postgres:///shop
  slugc check shop --json`,
		Args: arguments(0, 1),
	}
	c.Flags().VarP(&f.vars, "env", "e", "set `NAME=VALUE` for the process, or hand on the caller's NAME")
	c.Flags().StringArrayVar(&f.vars.files, "env-file", nil, "read NAME=VALUE lines from a `FILE`")
	c.Flags().StringVar(&f.stack, "stack", "", "run on "+stackHelp+"; by default what the slug was built for")
	c.Flags().BoolVar(&f.noRun, "no-run", false, "do not start the process web")
	p.addCache(c)
	completeStackFlag(c, "stack", stack.HostID)
	c.RunE = interruptible(func(ctx context.Context, args []string) error {
		what := strings.Join(args, "")
		if what == "" {
			what = "."
		}
		return p.check(ctx, what, f)
	})
	return c
}

// check looks at a source, a slug or an app, and tells what there is.
func (p *program) check(ctx context.Context, what string, f checkFlags) error {
	env, err := f.vars.read(p.env.Get)
	if err != nil {
		return &cli.UsageError{Command: "slugc check", Err: err}
	}
	file, isSlug := strings.CutPrefix(what, slugPrefix)
	if isSlug && file == "" {
		return &cli.UsageError{Command: "slugc check", Err: errors.New("slug: expected slug:FILE")}
	}
	if !isSlug {
		_, err := os.Stat(what)
		if err == nil || release.CheckApp(what) != nil {
			if len(env) > 0 {
				return &cli.UsageError{Command: "slugc check", Err: errors.New("-e and --env-file are for a process, which a source has not"), Next: "slugc check slug:FILE -e NAME=VALUE"}
			}
			return p.checkSource(what)
		}
		config, slug, err := p.currentSlug(ctx, what)
		if err != nil {
			return err
		}
		maps.Copy(config, env)
		file, env = slug, config
	}
	return p.checkSlug(ctx, what, file, env, f)
}

// currentSlug is the slug of the current release of an app, and its config.
func (p *program) currentSlug(ctx context.Context, app string) (env launch.Env, file string, err error) {
	d, err := p.desk(ctx)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	current, err := d.Current(ctx, app)
	if err != nil {
		return nil, "", err
	}
	if current.Artifact.Kind == release.ImageKind {
		return nil, "", &cli.UsageError{
			Command: "slugc check", Err: fmt.Errorf("%s %s is an image, and what is checked is a source or a slug", app, current.Version()), Next: "slugc check SOURCE",
		}
	}
	parts, err := d.pick(ctx, current)
	if err != nil {
		return nil, "", err
	}
	p.voice.Redact(parts.config.Secrets()...)
	return parts.Env, parts.Slug, nil
}

// checkSource looks at the files of a source.
func (p *program) checkSource(what string) error {
	source, err := detect.Open(what)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(source.Dir)
	if err != nil {
		return &detect.SourceError{Path: what, Problem: err.Error(), Err: err}
	}
	defer root.Close()
	o := check.Options{}
	var top string
	top, o.Versioned, o.Committed = versions(source.Dir)
	if top != source.Dir {
		o.Above = func(names ...string) bool { return above(source.Dir, top, names) }
	}
	findings, err := check.Source(root.FS(), o)
	if err != nil {
		return err
	}
	return p.tell(what, check.NewReport(findings),
		"What the app does when it runs is not checked: slugc build, and then slugc check slug:slug.tgz")
}

// above tells whether a file is in a directory above one, as far as top.
func above(dir, top string, names []string) bool {
	for dir != top {
		dir = filepath.Dir(dir)
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return true
			}
		}
	}
	return false
}

// versions tells whether a directory is under version control, where the top of that
// is, and what of it git has.
func versions(dir string) (top string, versioned bool, committed func(string) bool) {
	for top = dir; ; top = filepath.Dir(top) {
		for _, name := range []string{".git", ".hg", ".svn", ".jj", ".fslckout"} {
			if _, err := os.Stat(filepath.Join(top, name)); err != nil {
				continue
			}
			inside, err := filepath.Rel(top, dir)
			if err != nil || name != ".git" {
				return top, true, nil
			}
			// A work tree whose .git is elsewhere is judged by its .gitignore.
			index, err := os.ReadFile(filepath.Join(top, name, "index"))
			if err != nil {
				return top, true, nil
			}
			known, err := check.Committed(index)
			if err != nil {
				return top, true, nil
			}
			return top, true, func(name string) bool { return known(filepath.ToSlash(filepath.Join(inside, name))) }
		}
		if top == filepath.Dir(top) {
			return dir, false, nil
		}
	}
}

// checkSlug looks at the files of a slug, and at what its process web does.
func (p *program) checkSlug(ctx context.Context, what, file string, env launch.Env, f checkFlags) (err error) {
	stacks := p.stacks(machine(), false)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	var findings []check.Finding
	look := func(app fs.FS, dir string) (err error) {
		findings, err = check.Source(app, check.Options{Slug: true, Dir: dir})
		return err
	}
	one := formation.OneOff{
		Runner: sandbox.Namespaces{}, Slug: file, Env: env,
		Stack: func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error) {
			if f.stack == "" {
				return stacks.Recorded(ctx, builtOn.ID)
			}
			return stacks.Run(ctx, f.stack)
		},
	}
	note := ""
	var trial check.Trial
	if f.noRun {
		note = "What the app does when it runs is not checked, because of --no-run"
		trial, err = check.Look(ctx, file, look)
	} else {
		if !p.json {
			p.voice.Stepf("Starting web of %s, for as long as %s", what, check.Limits().Boot)
		}
		trial, err = check.Try(ctx, one, check.Limits(), look)
	}
	if err != nil {
		return err
	}
	report := check.NewReport(slices.Concat(findings, trial.Findings(check.Limits())), 1)
	if !f.noRun {
		report.Trial = &trial
		note = trialText(trial)
	}
	return p.tell(what, report, note)
}

// trialText says what the process web did.
func trialText(t check.Trial) string {
	switch {
	case !t.Web:
		return "There is no process type web, so none was started"
	case !t.Listened:
		return ""
	}
	answer := "did not answer GET /"
	if t.Answer != 0 {
		answer = fmt.Sprintf("answered GET / with %d", t.Answer)
	}
	text := fmt.Sprintf("web listened after %.1f s, %s", t.Startup, answer)
	if !t.Ended {
		text += fmt.Sprintf(", and ended %.1f s after SIGTERM with status %d", t.Stop, t.Status)
	}
	return text
}

// tell prints a report. It returns an error when a factor is missed.
func (p *program) tell(what string, r check.Report, note string) error {
	p.voice.Result(reportText(r, note), cli.Fields{"app": what, "factors": r.Factors, "trial": r.Trial, "note": note})
	return r.Err()
}

// reportText shows a report to people.
func reportText(r check.Report, note string) string {
	var b strings.Builder
	for _, f := range r.Factors {
		verdict := string(f.Verdict)
		if f.Verdict == check.Unchecked {
			verdict = "not checked: it is about the source"
		}
		fmt.Fprintf(&b, "-----> %2d %-20s %s\n", f.Number, f.Name, verdict)
		for _, found := range f.Findings {
			place := found.Place()
			if place != "" {
				place += " "
			}
			fmt.Fprintf(&b, "       %s: %s%s (%s)\n", found.Severity, place, found.Problem, found.Rule)
			fmt.Fprintf(&b, "         Why:  %s\n", found.Why)
			fmt.Fprintf(&b, "         Next: %s\n", found.Next)
		}
	}
	if note != "" {
		fmt.Fprintf(&b, "       %s\n", note)
	}
	return b.String()
}
