package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// releasePhase runs release phases as one-off processes of their slug, on the stack
// that it was built for.
type releasePhase struct{ p *program }

var _ release.Phase = releasePhase{}

func (r releasePhase) Run(ctx context.Context, of release.Release, slug string, config release.Config, out io.Writer) (err error) {
	stacks := r.p.stacks(machine(), false)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	return formation.OneOff{
		Runner: sandbox.Namespaces{}, Slug: slug, Type: release.PhaseType,
		Stack: func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error) {
			return stacks.Recorded(ctx, builtOn.ID)
		},
		Env:  processEnv(of, config),
		Port: func() (string, error) { return "", errors.New("a release phase does not listen") },
		// One writer for both, so that lines stay in order.
		Stdin: strings.NewReader(""), Stdout: out, Stderr: out,
	}.Run(ctx)
}

func (r releasePhase) Output(secrets []string) io.WriteCloser {
	r.p.voice.Redact(secrets...)
	return r.p.voice.Writer(nil)
}

// processEnv is what a process of a release finds in its environment beside what
// every process does (Heroku Dev Center, "Dyno Metadata").
func processEnv(r release.Release, config release.Config) launch.Env {
	env := launch.Env{}
	for name, value := range config {
		env[name] = value
	}
	env["HEROKU_APP_NAME"] = r.App
	env["HEROKU_RELEASE_VERSION"] = r.Version()
	env["HEROKU_RELEASE_CREATED_AT"] = r.Created.Format("2006-01-02T15:04:05Z")
	env["HEROKU_SLUG_DESCRIPTION"] = r.Description
	if r.Artifact.Commit != "" {
		env["HEROKU_SLUG_COMMIT"] = r.Artifact.Commit
	}
	return env
}
