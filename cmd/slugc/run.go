package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

func (p *program) runCommand() *cobra.Command {
	var vars environment
	c := &cobra.Command{
		Use:   "run slug:FILE [TYPE | -- COMMAND...]",
		Short: "Run a process of a slug, as it would run when deployed",
		Long: `Run a process of a slug, as it would run when deployed: in a fresh copy of the
slug at /app, on the stack it was built for, with .profile.d sourced and nothing
of the caller's environment but what -e and --env-file name.

TYPE is a process type of the app, by default the one that a build says or web.
A web process gets PORT: the caller's own if it is set, else a free port, which
is said on stderr. SIGTERM goes to every process of the app, SIGKILL follows
after 30 seconds. The exit status is the process's own.`,
		Example: `  slugc run slug:slug.tgz
  slugc run slug:slug.tgz worker
  slugc run slug:slug.tgz -e LOG=debug -- node scripts/migrate.js`,
		Args: usage(cobra.MinimumNArgs(1)),
	}
	c.Flags().VarP(&vars, "env", "e", "set `NAME=VALUE` for the process, or hand on the caller's NAME")
	c.Flags().StringArrayVar(&vars.files, "env-file", nil, "read NAME=VALUE lines from a `FILE`")
	c.RunE = func(c *cobra.Command, args []string) error {
		one, err := p.oneOff(c, args)
		if err != nil {
			return err
		}
		if one.Env, err = vars.read(p.env.Get); err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		ctx, stop := processSignals(c.Context(), one.Interactive)
		defer stop()
		return one.Run(ctx)
	}
	return c
}

// oneOff reads the arguments of slugc run.
func (p *program) oneOff(c *cobra.Command, args []string) (formation.OneOff, error) {
	dest, rest := args[0], args[1:]
	file, isSlug := strings.CutPrefix(dest, "slug:")
	if !isSlug || file == "" {
		return formation.OneOff{}, &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("%s: expected slug:FILE; an image is started by a container runtime", dest)}
	}
	host, err := stack.Host()
	if err != nil {
		return formation.OneOff{}, err
	}
	one := formation.OneOff{
		Runner: sandbox.Namespaces{}, Stack: host, Slug: file,
		Stdin: p.in, Stdout: p.out, Stderr: p.err,
		Interactive: terminals(p.in, p.out),
	}
	one.Port = func() (string, error) {
		port := p.env.Get("PORT")
		if one.Env["PORT"] != "" {
			port = one.Env["PORT"]
		}
		return p.port(port)
	}
	switch dash := c.ArgsLenAtDash(); {
	case dash == 1:
		one.Command = rest
	case dash < 0 && len(rest) <= 1:
		one.Type = strings.Join(rest, "")
		return one, nil
	}
	if len(one.Command) == 0 {
		return formation.OneOff{}, &cli.UsageError{Command: c.CommandPath(), Err: errors.New("expected one process type, or -- and a command")}
	}
	return one, nil
}

// port is the port that a web process is to listen on: the one given, or one
// that nobody listens on now. It is said on stderr.
func (p *program) port(given string) (string, error) {
	if given == "" {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("looking for a free port: %w", err)
		}
		address, ok := listener.Addr().(*net.TCPAddr)
		if !ok {
			return "", errors.Join(errors.New("looking for a free port: no port"), listener.Close())
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("looking for a free port: %w", err)
		}
		given = strconv.Itoa(address.Port)
	}
	p.voice.Stepf("Starting web with PORT=%s", given)
	return given, nil
}

// terminals tells whether a person sits at both ends of a process.
func terminals(in, out any) bool {
	for _, stream := range []any{in, out} {
		f, ok := stream.(*os.File)
		if !ok || !term.IsTerminal(int(f.Fd())) {
			return false
		}
	}
	return true
}

// processSignals ends a context when slugc is told to end. A process in the
// person's terminal hears Ctrl-C itself, and may take it as it likes.
func processSignals(ctx context.Context, interactive bool) (context.Context, func()) {
	if !interactive {
		return cli.Context(ctx)
	}
	signal.Ignore(os.Interrupt, syscall.SIGQUIT)
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
}
