package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/formation/logs"
	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/release/formation/router"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// bindingHelp is what --binding takes.
const bindingHelp = "let processes use the service binding in `[NAME=]DIR`, or all in DIR, below $SERVICE_BINDING_ROOT; may be repeated"

// startFlags are those of slugc start.
type startFlags struct {
	formation []string
	listen    string
	port      string
	drains    []string
	vars      environment
	stack     string
	memory    []string
	bindings  []string
}

func (p *program) startCommand() *cobra.Command {
	var f startFlags
	c := &cobra.Command{
		Use:   "start APP|slug:FILE|oci:DIR|docker://REF",
		Short: "Start the processes of an app behind one port, with one log",
		Long: `Start the processes of the current release of an app, or of a slug or an image, and
keep them running. Each is in a fresh copy of the slug, on the stack it was built
for, or in its image with a fresh copy of the app, and in a sandbox of its own.
Requests to one port go to the web processes; their log and that of everything else
is one stream on stdout, in Heroku's format.

A release that is made meanwhile is put in place of the old one: a web process gets
requests until its successor listens. What crashes is started again, at once the
first time, later each time it goes on. A web process has 60 seconds to listen on
its PORT, and every process has 30 seconds to end after SIGTERM.

With --memory a process that uses more than its quota is told of in the log (R14),
and one that uses twice as much is killed and started again (R15). The process finds
its quota in /sys/fs/cgroup.

The port is --port, or PORT of the caller's environment, else a free one. How many
processes there are is what -m says, else what slugc scale said last, else one web
process. slugc ps, scale, restart and logs are about an app that is started.`,
		Example: `  slugc start shop -m web=2,worker --memory 512M,worker=1G
  PORT=8080 slugc start slug:slug.tgz -e DATABASE_URL=postgres:///shop`,
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.Flags().StringSliceVarP(&f.formation, "formation", "m", nil, "start so many processes of each `TYPE=N`; a type alone is one")
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1", "take requests on this `ADDRESS` of the machine; 0.0.0.0 for all")
	c.Flags().StringVar(&f.port, "port", "", "take requests on this `PORT` (PORT)")
	c.Flags().StringArrayVar(&f.drains, "drain", nil, "send the log to the syslog server at an `ADDRESS`, too: syslog://HOST:PORT or syslog+tls://HOST:PORT")
	c.Flags().VarP(&f.vars, "env", "e", "set `NAME=VALUE` for the processes of a slug or an image; those of an app have its config")
	c.Flags().StringArrayVar(&f.vars.files, "env-file", nil, "read NAME=VALUE lines from a `FILE`, for a slug or an image")
	c.Flags().StringSliceVar(&f.memory, "memory", nil, "let each process use so much memory, `SIZE` such as 512M, or TYPE=SIZE for those of a type")
	c.Flags().StringArrayVar(&f.bindings, "binding", nil, bindingHelp)
	c.Flags().StringVar(&f.stack, "stack", "", "run on "+stackHelp+"; by default what the slug was built for")
	p.addCache(c)
	completeStackFlag(c, "stack", stack.HostID)
	c.RunE = func(c *cobra.Command, args []string) error {
		scale, err := parseScale(f.formation)
		if err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		quotas, err := parseQuotas(f.memory)
		if err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		_, bindings, err := p.bindings(f.bindings)
		if err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		ctx, stop := cli.Context(c.Context())
		defer stop()
		s := &starter{program: p, flags: f, scale: scale, memory: quotas, bindings: bindings}
		return s.start(ctx, args[0])
	}
	return c
}

// starter starts the formation of an app or a slug.
type starter struct {
	*program
	flags startFlags
	// scale is what -m says; nil when it does not.
	scale     map[string]int
	memory    memory.Quotas
	bindings  []build.Binding
	formation *formation.Formation
	log       *logs.Stream
}

// closers are closed in reverse order.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close() (err error) {
	for i := len(*c) - 1; i >= 0; i-- {
		err = errors.Join(err, (*c)[i]())
	}
	return err
}

// start runs until ctx ends, which is how it is to end.
func (s *starter) start(ctx context.Context, what string) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	if file, is := strings.CutPrefix(what, slugPrefix); is {
		return s.startUnreleased(ctx, formation.Release{Slug: file}, &open)
	}
	if namesImage(what) {
		if err := noStack("slugc start", s.flags.stack); err != nil {
			return err
		}
		image, err := s.openImage(ctx, what)
		if err != nil {
			return err
		}
		return s.startUnreleased(ctx, formation.Release{Image: image}, &open)
	}
	return s.startApp(ctx, what, &open)
}

// startApp starts the current release of an app, and puts later ones in its place.
func (s *starter) startApp(ctx context.Context, app string, open *closers) error {
	if len(s.flags.vars.words)+len(s.flags.vars.files) > 0 {
		return &cli.UsageError{Command: "slugc start", Err: errors.New("-e and --env-file are for a slug or an image: an app has its config"), Next: "slugc config set " + app + " NAME=VALUE"}
	}
	d, err := s.desk(ctx)
	if err != nil {
		return err
	}
	open.add(d.Close)
	current, err := d.Current(ctx, app)
	if err != nil {
		return err
	}
	first, err := s.pick(ctx, d, current, open)
	if err != nil {
		return err
	}
	seat, err := control.Take(d.runDir(app))
	if busy, is := errors.AsType[*control.BusyError](err); is {
		return &cli.UsageError{Command: "slugc start", Err: fmt.Errorf("%s: %w", app, busy), Next: "slugc ps " + app}
	}
	if err != nil {
		return err
	}
	open.add(seat.Close)
	if s.scale == nil {
		if s.scale, err = seat.Kept(); err != nil {
			return err
		}
		maps.DeleteFunc(s.scale, func(name string, _ int) bool { _, is := current.Artifact.ProcessTypes[name]; return !is })
	}
	logFile, err := logs.Create(d.logFile(app))
	if err != nil {
		return err
	}
	open.add(logFile.Close)
	// What a process that was killed left.
	copies := filepath.Join(d.runDir(app), "copies")
	if err := errors.Join(sandbox.Remove(copies), os.MkdirAll(copies, 0o711)); err != nil {
		return err
	}
	return s.run(ctx, copies, open, []logs.Sink{logFile}, func(ctx context.Context, url string, group *errgroup.Group) error {
		group.Go(func() error { return seat.Serve(ctx, url, s.formation) })
		if err := s.deploy(ctx, current, first, s.scale); err != nil {
			return err
		}
		if err := seat.Keep(s.formation.Wanted()); err != nil {
			return err
		}
		return s.follow(ctx, d, current, open)
	})
}

// startUnreleased starts a slug or an image that nobody has released.
func (s *starter) startUnreleased(ctx context.Context, r formation.Release, open *closers) error {
	var err error
	if r.Env, err = s.flags.vars.read(s.env.Get); err != nil {
		return &cli.UsageError{Command: "slugc start", Err: err}
	}
	copies, err := os.MkdirTemp("", "slugc-start-")
	if err != nil {
		return err
	}
	open.add(func() error { return sandbox.Remove(copies) })
	return s.run(ctx, copies, open, nil, func(ctx context.Context, _ string, _ *errgroup.Group) error {
		if err := s.formation.Deploy(ctx, r, s.scale); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

// run opens the port and the log, does what is to be done while the processes run,
// and ends them.
func (s *starter) run(ctx context.Context, copies string, open *closers, sinks []logs.Sink, work func(context.Context, string, *errgroup.Group) error) error {
	drains, err := s.openDrains(ctx, open)
	if err != nil {
		return err
	}
	s.log = logs.NewStream(append(append(sinks, drains...), s.screen())...)
	listener, err := s.door(ctx)
	if err != nil {
		return err
	}
	stacks := s.stacks(machine(), false)
	open.add(stacks.Close)
	s.formation = &formation.Formation{
		Runner: sandbox.Namespaces{}, Log: s.log, Dir: copies, Memory: s.memory, Bindings: s.bindings,
		Router: router.New(func(line string) { s.log.Sayf(logs.Router, "%s", line) }),
		Stack: func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error) {
			if s.flags.stack == "" {
				return stacks.Recorded(ctx, builtOn.ID)
			}
			return stacks.Run(ctx, s.flags.stack)
		},
	}
	url := "http://" + listener.Addr().String()
	s.voice.Stepf("Taking requests on %s", url)
	server := &http.Server{Handler: s.formation.Router.Handler(), ReadHeaderTimeout: time.Minute}
	// The server ends after the processes: they answer what is under way.
	group, within := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-within.Done()
		if ctx.Err() != nil {
			s.voice.Stepf("Stopping, as long as %s; once more Ctrl-C does not wait", formation.Drain+formation.Grace)
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), formation.Drain)
		defer cancel()
		var closing errgroup.Group
		closing.Go(func() error {
			if err := server.Shutdown(last); err != nil {
				return server.Close()
			}
			return nil
		})
		closing.Go(s.formation.Stop)
		return closing.Wait()
	})
	group.Go(func() error { return work(within, url, group) })
	if err := group.Wait(); ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// drainEnd is the time that a log drain has for the last lines.
const drainEnd = 5 * time.Second

// openDrains opens the drains of --drain, which are the last to hear of what happens.
func (s *starter) openDrains(ctx context.Context, open *closers) (drains []logs.Sink, err error) {
	for _, target := range s.flags.drains {
		drain, err := logs.NewDrain(target)
		if err != nil {
			return nil, &cli.UsageError{Command: "slugc start", Err: err}
		}
		open.add(func() error {
			within, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainEnd)
			defer cancel()
			return drain.Close(within)
		})
		drains = append(drains, drain)
	}
	return drains, nil
}

// follow deploys the releases that become current.
func (s *starter) follow(ctx context.Context, d desk, known release.Release, open *closers) error {
	for {
		next, err := d.Watch(ctx, known.App, known.Number)
		if ctx.Err() != nil {
			return nil
		}
		if _, gone := errors.AsType[*release.UnknownError](err); gone || err == nil && next.Number < known.Number {
			// Another one may have its name by now.
			s.log.Sayf(logs.API, "App %s was destroyed", known.App)
			return &cli.UsageError{Command: "slugc start", Err: fmt.Errorf("%s was destroyed while it ran", known.App), Next: "slugc apps list"}
		}
		if err != nil {
			return err
		}
		known = next
		parts, err := s.pick(ctx, d, next, open)
		if err == nil {
			err = s.deploy(ctx, next, parts, nil)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Sayf(logs.API, "Error: %s is not started, what runs goes on: %s", next.Version(), err)
			s.voice.Warningf("%s is not started, what runs goes on: %v", next.Version(), err)
		}
	}
}

// deploy puts the processes of a release in place of those that run.
func (s *starter) deploy(ctx context.Context, r release.Release, next formation.Release, scale map[string]int) error {
	s.log.Sayf(logs.API, "%s by %s", r.Description, r.Author)
	s.log.Sayf(logs.API, "Release %s created by %s", r.Version(), r.Author)
	return s.formation.Deploy(ctx, next, scale)
}

// pick is what the processes of a release are made of, which stays until the
// formation has ended.
func (s *starter) pick(ctx context.Context, d desk, r release.Release, open *closers) (formation.Release, error) {
	parts, err := d.pick(ctx, r)
	if err != nil {
		return formation.Release{}, err
	}
	open.add(parts.lease.Close)
	s.voice.Redact(parts.config.Secrets()...)
	if parts.Image != nil {
		if err := noStack("slugc start", s.flags.stack); err != nil {
			return formation.Release{}, err
		}
	}
	return parts.Release, nil
}

// runDir is where the formation of an app has its files, logFile its log.
func (d desk) runDir(app string) string  { return filepath.Join(d.home, "run", app) }
func (d desk) logFile(app string) string { return filepath.Join(d.home, "logs", app, "app.log") }

// door opens the port.
func (s *starter) door(ctx context.Context) (net.Listener, error) {
	port := cmp.Or(s.flags.port, s.env.Get("PORT"), "0")
	if err := checkPort(port); err != nil && port != "0" {
		return nil, &cli.UsageError{Command: "slugc start", Err: err}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(s.flags.listen, port))
	if err != nil {
		return nil, &cli.UsageError{Command: "slugc start", Err: fmt.Errorf("nobody can take requests on %s: %w", net.JoinHostPort(s.flags.listen, port), err), Next: "slugc start --port PORT ..."}
	}
	return listener, nil
}
