package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/deploy"
)

// testFlags are the flags of slugc test.
type testFlags struct {
	planFlags
	clearCache, offline, keep bool
	// buildTimeout is for each buildpack, and timeout for the tests.
	buildTimeout, timeout time.Duration
}

func (p *program) testCommand() *cobra.Command {
	f := testFlags{planFlags: planFlags{execEnv: project.TestEnvironment}}
	c := &cobra.Command{
		Use:   "test [SOURCE] [-- COMMAND...]",
		Short: "Build an app for its tests and run them, as Heroku CI does",
		Long: `Build the app in SOURCE, a directory (by default the current one), for its tests,
and run them. Buildpacks build for the execution environment test: a classic one
with bin/test-compile, if it has that. What app.json says in environments.test
counts: buildpacks, env, and scripts.

What runs is COMMAND, else the script "test" of app.json, else bin/test of the
last classic buildpack that has one, else the process type test, as of a
Procfile. The script "test-setup" of app.json comes before any of them and has to
succeed; what it leaves running is there for the tests.

Tests run where the app was built, at /app, which they may write, on the stack it
was built on: with .profile.d sourced and the environment of layers, as a process
of a slug. They find CI=true, what app.json, -e and --env-file say, and nothing
else of the caller's environment. They read nothing from stdin; what they print
on stdout and stderr comes as one stream. Ctrl-C sends SIGTERM to every process of
theirs, SIGKILL follows after 30 seconds.

The exit status is that of the tests, 124 when they take too long. A build that
fails has its own, as slugc build has. No artifact is made, and the cache is not
that of slugc build.`,
		Example: `  slugc test
  slugc test ./app -e DATABASE_URL=postgres://127.0.0.1/test
  slugc test -- npm test -- --grep login`,
	}
	f.addSite(c, p)
	c.Flags().Lookup("env").Usage = "set `NAME=VALUE` for the buildpacks and the tests, or hand on the caller's NAME"
	c.Flags().DurationVar(&f.buildTimeout, "build-timeout", 0, buildTimeoutHelp)
	c.Flags().DurationVar(&f.timeout, "test-timeout", 0, "give up tests that run for longer than this `DURATION`; 0 waits for ever")
	c.Flags().BoolVar(&f.clearCache, "clear-cache", false, "forget what earlier builds for tests left")
	c.Flags().BoolVar(&f.keep, "keep", false, keepHelp)
	c.Flags().BoolVar(&f.offline, "offline", false, "cut the network off while buildpacks build and tests run")
	c.RunE = interruptible(func(ctx context.Context, args []string) error {
		args, command, err := testArgs(c, args)
		if err != nil {
			return err
		}
		if f.buildTimeout, err = buildTimeout(c, f.buildTimeout); err != nil {
			return err
		}
		return p.atSource(ctx, c.CommandPath(), args, f.planFlags, func(s source) error { return p.test(ctx, s, command, f) })
	})
	return c
}

// testArgs are the arguments before and after the --.
func testArgs(c *cobra.Command, args []string) (source, command []string, err error) {
	dash := c.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	source, command = args[:dash], args[dash:]
	switch {
	case len(source) > 1:
		err = fmt.Errorf("unexpected argument %q; a command goes after --, as in slugc test %s", source[1],
			release.Quote(append([]string{source[0], "--"}, source[1:]...)...))
	case c.ArgsLenAtDash() >= 0 && len(command) == 0:
		err = errors.New("expected a command after --")
	}
	if err != nil {
		err = &cli.UsageError{Command: c.CommandPath(), Err: err}
	}
	return source, command, err
}

func (p *program) test(ctx context.Context, s source, command []string, f testFlags) (err error) {
	const name = "slugc test"
	switch {
	case f.timeout < 0:
		return &cli.UsageError{Command: name, Err: fmt.Errorf("--test-timeout %s: expected 0 or more, such as 10m", f.timeout)}
	case cachestore.IsRegistry(p.caches):
		return &cli.UsageError{Command: name, Err: fmt.Errorf("--cache %s: builds for tests share nothing through a registry; expected a directory", p.caches)}
	}
	stacks := p.stacks(machine(), f.offline)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	req, err := p.request(ctx, name, s, f.planFlags, stacks)
	if err != nil {
		return err
	}
	// A registry of SLUGC_CACHE holds what builds for production left.
	req.Remote = nil
	req.ClearCache, req.Offline, req.Keep, req.BuildTimeout = f.clearCache, f.offline, f.keep, f.buildTimeout
	req.Outputs = s.leftOutputs()
	d, err := p.deploy(req.Stack, f.offline)
	if err != nil {
		return err
	}
	tested, err := d.Test(ctx, req, deploy.Tests{Command: command, Timeout: f.timeout})
	p.sayFailed(err, f.offline)
	if err != nil {
		return err
	}
	p.voice.Result("", cli.Fields{"tests": tested})
	return nil
}
