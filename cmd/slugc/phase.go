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
// that it was built for, or of their image.
type releasePhase struct {
	p *program
	d desk
}

var _ release.Phase = releasePhase{}

func (r releasePhase) Run(ctx context.Context, of release.Release, slug string, config release.Config, out io.Writer) (err error) {
	stacks := r.p.stacks(machine(), false)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	one := formation.OneOff{
		Runner: sandbox.Namespaces{}, Slug: slug, Type: release.PhaseType, Name: oneOffName(release.PhaseType), What: of.App,
		Stack: func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error) {
			return stacks.Recorded(ctx, builtOn.ID)
		},
		Env:  of.Env(config),
		Port: func() (string, error) { return "", errors.New("a release phase does not listen") },
		// One writer for both, so that lines stay in order.
		Stdin: strings.NewReader(""), Stdout: out, Stderr: out,
	}
	if of.Artifact.Kind == release.ImageKind {
		image, lease, err := r.d.image(ctx, of.Artifact.Digest)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lease.Close()) }()
		one.Image = image
	}
	_, ended, err := r.d.begin(of.App, one.Name, of.Artifact.ProcessTypes[release.PhaseType], of.Author)
	if err != nil {
		return err
	}
	err = one.Run(ctx)
	return errors.Join(err, ended(err))
}

func (r releasePhase) Output(secrets []string) io.WriteCloser {
	r.p.voice.Redact(secrets...)
	return r.p.voice.Writer(nil)
}
