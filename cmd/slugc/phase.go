package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
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
		Env:  of.Env(config),
		Port: func() (string, error) { return "", errors.New("a release phase does not listen") },
		// One writer for both, so that lines stay in order.
		Stdin: strings.NewReader(""), Stdout: out, Stderr: out,
	}.Run(ctx)
}

func (r releasePhase) Output(secrets []string) io.WriteCloser {
	r.p.voice.Redact(secrets...)
	return r.p.voice.Writer(nil)
}
