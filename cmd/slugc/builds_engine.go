package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/queue/worker"
)

// checkout puts the files of a source into an empty directory; see worker.Local.
type checkout func(ctx context.Context, s queue.Source, dir string, out io.Writer) error

// engine runs builds on this machine.
func (p *program) engine(q *ledger.Queue, sources checkout) (queue.Engine, error) {
	exe, err := executable()
	if err != nil {
		return queue.Engine{}, err
	}
	return queue.Engine{
		Store: q,
		Worker: worker.Local{
			Program: exe, Args: []string{"slugc"}, Env: p.buildEnv(), Dir: filepath.Join(q.Dir(), "work"), Checkout: sources,
		},
		Warn: func(err error) { p.voice.Warningf("%v", err) },
	}, nil
}

// buildEnv is the environment of builds that this process starts: its own, without what git tells
// its hooks, which is about the repository that is pushed to (githooks(5)).
func (p *program) buildEnv() []string {
	env := p.env.Clone()
	for name := range env {
		if strings.HasPrefix(name, "GIT_") {
			delete(env, name)
		}
	}
	if p.caches != "" {
		env.Set("SLUGC_CACHE", p.caches)
	}
	return env.List()
}
