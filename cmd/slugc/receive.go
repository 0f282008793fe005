package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/hook/commits"
	"github.com/slugc/slugc/release/hook/receive"
	"github.com/slugc/slugc/release/queue"
)

func (p *program) receiveCommand() *cobra.Command {
	var post bool
	c := &cobra.Command{
		Use:   "receive",
		Short: "Build and release what is pushed to a repository, as its git hook",
		Long: `Build, release and start what is pushed to a bare repository: slugc receive is its git
hook. slugc receive install puts it there, and git calls it.

As pre-receive, a build that fails rejects the push. As post-receive (--post) the
push is taken first. Whoever pushes sees the build, and Ctrl-C cancels it. An app has
one build at a time; of pushes that wait the newest counts. A commit is not built
whose message has [skip deploy] in it.`,
		Args: arguments(0, 0),
	}
	c.Flags().BoolVar(&post, "post", false, "be post-receive: the push is taken, whatever becomes of the build")
	c.RunE = interruptible(func(ctx context.Context, _ []string) error { return p.receive(ctx, post) })
	c.AddCommand(p.receiveInstallCommand(), p.receiveRemoveCommand())
	return c
}

// errPusherGone is why a build is cancelled whose pusher does not read any more.
var errPusherGone = errors.New("the pusher is gone")

// receive is the hook.
func (p *program) receive(ctx context.Context, post bool) error {
	dir := p.env.Get("GIT_DIR")
	if dir == "" {
		return &cli.UsageError{Command: "slugc receive", Err: errors.New("git calls it, as a hook of a repository"), Next: "slugc receive install REPO --app APP"}
	}
	updates, err := hook.ParseUpdates(p.in)
	if err != nil {
		return err
	}
	incoming := commits.IncomingOf(p.env.Get)
	for name := range p.env {
		if strings.HasPrefix(name, "GIT_") {
			delete(p.env, name)
		}
	}
	// Who writes to a pusher that is gone is told so by the write.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	group, watching := errgroup.WithContext(ctx)
	watching, watched := context.WithCancel(watching)
	if pipe, is := p.out.(*os.File); is {
		group.Go(func() error {
			if receive.Gone(watching, pipe) {
				cancel(errPusherGone)
			}
			return nil
		})
	}
	group.Go(func() error {
		defer watched()
		return p.receivePush(ctx, dir, incoming, updates, post)
	})
	return group.Wait()
}

// receivePush does what a push asks for.
func (p *program) receivePush(ctx context.Context, dir string, incoming commits.Incoming, updates []hook.Update, post bool) (err error) {
	if dir, err = receive.Open(dir); err != nil {
		return err
	}
	g, err := p.gits()
	if err != nil {
		return err
	}
	repository, err := g.Local(dir, incoming)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repository.Close()) }()
	settings, err := repository.Settings(ctx)
	if err != nil {
		return err
	}
	apps, err := receive.Apps(dir, settings)
	if err != nil {
		return err
	}
	if len(apps) == 0 {
		return &cli.UsageError{Command: "slugc receive", Err: fmt.Errorf("no app is built of %s", dir), Next: "slugc receive install " + dir + " --app APP"}
	}
	d, err := p.desk(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	q, err := d.Queue(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	builder := func(app string) (receive.Builder, error) {
		sources := p.sources(incoming, nil)
		if !post {
			sources = d.inTurn(app, sources, repository, updates)
		}
		return p.engine(q, sources)
	}
	fixed := settings["receive.denynonfastforwards"]
	return receive.Receiver{
		Repository: repository, Orders: q, Builder: builder, Out: p.out, Pusher: p.pusher(), Pre: !post,
		Fixed: len(fixed) > 0 && receive.True(fixed[len(fixed)-1]),
		Live:  func(ctx context.Context, a receive.App, release int) error { return p.putLive(ctx, d, a, release) },
	}.Receive(ctx, apps, updates)
}

// pusher is who pushes, as a web server, or what guards repositories by their keys, tells its hooks.
func (p *program) pusher() string {
	return cmp.Or(p.env.Get("REMOTE_USER"), p.env.Get("GL_USER"), p.author())
}

// inTurn checks the commits of a push out when git is done with the push before.
func (d desk) inTurn(app string, sources checkout, repository *commits.Repository, updates []hook.Update) checkout {
	turn := receive.Turn{File: filepath.Join(d.runDir(app), "push"), Tip: repository.Tip}
	return func(ctx context.Context, s queue.Source, dir string, out io.Writer) error {
		for _, u := range updates {
			if u.Branch() != s.Branch {
				continue
			}
			if err := turn.Take(ctx, s.Branch, u.Before); err != nil {
				return err
			}
		}
		return sources(ctx, s, dir, out)
	}
}

// putLive has a release run, and says where.
func (p *program) putLive(ctx context.Context, d desk, a receive.App, number int) error {
	exe, err := executable()
	if err != nil {
		return err
	}
	args := []string{exe, "start", a.App, "--no-color"}
	if a.Port != "" {
		args = append(args, "--port", a.Port)
	}
	if a.Listen != "" {
		args = append(args, "--listen", a.Listen)
	}
	env := p.env.Clone()
	delete(env, "PORT")
	f := receive.Formation{
		Dir: d.runDir(a.App), Start: args, Env: env.List(),
		Complaints: filepath.Join(filepath.Dir(d.logFile(a.App)), "start.log"),
	}
	version := fmt.Sprintf("v%d", number)
	url, err := f.Put(ctx, a, version)
	if down, is := errors.AsType[*receive.NotUpError](err); is {
		p.voice.Warningf("%v", down)
		return nil
	}
	if err != nil {
		return err
	}
	if url == "" {
		p.voice.Stepf("%s %s does not run; start it: slugc start %s", a.App, version, a.App)
		return nil
	}
	p.voice.Stepf("%s %s runs on %s", a.App, version, url)
	return nil
}
