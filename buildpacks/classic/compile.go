package classic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// compileTimeout ends a bin/compile that hangs where the person sets no other
// limit. It is Heroku's.
const compileTimeout = 15 * time.Minute

// Compile runs bin/compile, and bin/release and bin/report where there are any
// (Heroku Buildpack API). It returns a *buildpacks.CompileError when a script
// failed or said something that makes no sense.
func (b *Buildpack) Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	return b.compile(ctx, site, job, compileScript)
}

// CompileForTest is Compile with bin/test-compile, which installs what tests
// need besides. Of a buildpack without one it is Compile.
func (b *Buildpack) CompileForTest(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	if !b.has(testCompileScript) {
		return b.Compile(ctx, site, job)
	}
	return b.compile(ctx, site, job, testCompileScript)
}

func (b *Buildpack) compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job, script string) (c buildpacks.Contribution, err error) {
	p, err := newPlace(site)
	if err != nil {
		return c, fmt.Errorf("building with %s: %w", b.descriptor, err)
	}
	defer func() {
		if _, failed := errors.AsType[*buildpacks.CompileError](err); failed && site.Keep {
			return
		}
		gone, closeErr := p.close()
		switch {
		case closeErr != nil:
			err = errors.Join(err, fmt.Errorf("building with %s: %w", b.descriptor, closeErr))
		case gone && err == nil:
			err = &buildpacks.CompileError{Buildpack: b.descriptor, Step: script, Err: errGone}
		}
	}()
	env := environment(site, job.Env)
	if err := b.build(ctx, p, env, script); err != nil {
		if failed, ok := errors.AsType[*buildpacks.CompileError](err); ok {
			failed.Report = b.report(ctx, p, env)
		}
		return c, err
	}
	if err := b.release(ctx, p, env, &c); err != nil {
		return c, err
	}
	c.Report = b.report(ctx, p, env)
	if site.Cache.Host != "" {
		c.Layers = append(c.Layers, buildpacks.Layer{Buildpack: CacheOwner, Name: CacheLayer, Dir: site.Cache, Cache: true})
	}
	return c, nil
}

// build runs the script that builds.
func (b *Buildpack) build(ctx context.Context, p *place, env launch.Env, script string) error {
	command := p.command(b)
	command.Args = []string{b.script(script), p.site.AppDir().Path, p.site.Cache.Path, envDir(p.site)}
	command.Env = env.List()
	command.Stdout, command.Stderr = p.site.Output, p.site.Output
	command.Timeout = p.site.Timeout(compileTimeout)
	return b.failure(script, command, p.site.Runner.Run(ctx, command))
}

// failure is the error of a script as the buildpack's fault, if it is.
func (b *Buildpack) failure(script string, command sandbox.Command, err error) error {
	if err == nil {
		return nil
	}
	exit, exited := errors.AsType[*sandbox.ExitError](err)
	_, late := errors.AsType[*sandbox.TimeoutError](err)
	switch {
	case exited:
		return &buildpacks.CompileError{Buildpack: b.descriptor, Step: script, Status: exit.Code, Command: command, Err: err}
	case late:
		return &buildpacks.CompileError{Buildpack: b.descriptor, Step: script, Status: -1, Command: command, Err: err}
	}
	return fmt.Errorf("building with %s: %w", b.descriptor, err)
}

// ask runs a script that answers on its standard output, of at most limit
// bytes. Words are what it says besides.
func (b *Buildpack) ask(ctx context.Context, p *place, env launch.Env, words io.Writer, limit int, args ...string) (*buildpacks.Head, sandbox.Command, error) {
	answer := &buildpacks.Head{Limit: limit}
	command := p.command(b)
	command.Args = append([]string{b.script(args[0])}, args[1:]...)
	command.Env = env.List()
	command.Stdout, command.Stderr = answer, words
	command.Timeout = askTimeout
	return answer, command, p.site.Runner.Run(ctx, command)
}

// askTimeout ends a script that is to answer, and hangs.
const askTimeout = 2 * time.Minute
