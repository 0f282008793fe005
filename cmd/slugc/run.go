package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// runFlags are those of slugc run.
type runFlags struct {
	vars     environment
	stack    string
	bindings []string
	memory   string
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run APP|slug:FILE|oci:DIR|docker://REF|kept:DIR [TYPE [ARGUMENT...] | -- COMMAND...]",
		Short: "Run a process of an app, a slug or an image, as it would run when deployed",
		Long: `Run a process of an app's current release, or of a slug, as it would run when
deployed: in a fresh copy of the slug at /app, on the stack it was built for, with
.profile.d sourced and nothing of the caller's environment but what -e and
--env-file name. That of an app has the config of the release, too. A stack that
slugc makes is there as its run image, and is made first if it is missing; one that
is a directory or an image has to be named with --stack.

A process of an image runs on that, through its launcher; it can write a copy of the
app directory of its own, which is its home, and /tmp. oci-archive:FILE is an image
too.

TYPE is a process type of the app, by default the one that a build says or web.
Arguments follow those of its command; -- before them keeps those that look like
flags. A web process gets PORT: the caller's own if it is set, else a free port, which
is said on stderr. A process in a terminal gets TERM. SIGTERM goes to every
process of the app, SIGKILL follows after 30 seconds. The exit status is the
process's own.

kept:DIR is a build that failed and that slugc build --keep kept: COMMAND, or a
shell, runs in the place of the script that failed, and sees what that saw.`,
		Example: `  slugc run shop -- node scripts/migrate.js
  slugc run slug:slug.tgz
  slugc run slug:slug.tgz worker
  slugc run shop worker -- --queue mail
  slugc run slug:slug.tgz -e LOG=debug -- node scripts/migrate.js`,
		Args: arguments(1, -1),
	}
	c.Flags().VarP(&f.vars, "env", "e", "set `NAME=VALUE` for the process, or hand on the caller's NAME")
	c.Flags().StringArrayVar(&f.vars.files, "env-file", nil, "read NAME=VALUE lines from a `FILE`")
	c.Flags().StringVar(&f.stack, "stack", "", "run on "+stackHelp+"; by default what it was built for")
	c.Flags().StringArrayVar(&f.bindings, "binding", nil, bindingHelp)
	c.Flags().StringVar(&f.memory, "memory", "", "warn when the process uses more than this `SIZE` of memory, such as 512M, and end it when it uses twice as much")
	p.addCache(c)
	completeStackFlag(c, "stack", stack.HostID)
	c.RunE = func(c *cobra.Command, args []string) error { return p.run(c, args, f) }
	return c
}

// run runs a one-off process. Its error has the status of the process.
func (p *program) run(c *cobra.Command, args []string, f runFlags) (err error) {
	if dir, is := strings.CutPrefix(args[0], keptPrefix); is {
		return p.runKept(c, dir, args[1:], f.vars)
	}
	one, err := p.oneOff(c, args)
	if err != nil {
		return err
	}
	if one.Memory, err = parseQuota(f.memory); err != nil {
		return &cli.UsageError{Command: c.CommandPath(), Err: err}
	}
	if _, one.Bindings, err = p.bindings(f.bindings); err != nil {
		return &cli.UsageError{Command: c.CommandPath(), Err: err}
	}
	one.Say = func(line string) { p.voice.Warningf("%s", line) }
	switch {
	case namesImage(args[0]):
		if one.Image, err = p.openImage(c.Context(), args[0]); err != nil {
			return err
		}
	case one.Slug == "":
		var over func(error) error
		if over, err = p.ofApp(c.Context(), args[0], &one); err != nil {
			return err
		}
		defer func() { err = over(err) }()
	}
	if one.Image != nil {
		if err := noStack(c.CommandPath(), f.stack); err != nil {
			return err
		}
	}
	stacks := p.stacks(machine(), false)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	one.Stack = func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error) {
		if f.stack == "" {
			return stacks.Recorded(ctx, builtOn.ID)
		}
		return stacks.Run(ctx, f.stack)
	}
	env, err := f.vars.read(p.env.Get)
	if err != nil {
		return &cli.UsageError{Command: c.CommandPath(), Err: err}
	}
	if one.Env == nil {
		one.Env = launch.Env{}
	}
	maps.Copy(one.Env, env)
	if term := p.env.Get("TERM"); one.Interactive && one.Env["TERM"] == "" && term != "" {
		one.Env["TERM"] = term
	}
	port := cmp.Or(one.Env["PORT"], p.env.Get("PORT"))
	one.Port = func() (string, error) { return p.port(c.Context(), port) }
	ctx, stop := processSignals(c.Context(), one.Interactive)
	defer stop()
	return one.Run(ctx)
}

// oneOff reads the arguments of slugc run.
func (p *program) oneOff(c *cobra.Command, args []string) (formation.OneOff, error) {
	dest, rest := args[0], args[1:]
	file, isSlug := strings.CutPrefix(dest, slugPrefix)
	if isSlug && file == "" || !isSlug && !namesImage(dest) && release.CheckApp(dest) != nil {
		text := fmt.Sprintf("%q: expected an app, slug:FILE, oci:DIR[:TAG], oci-archive:FILE, docker://REF or kept:DIR", dest)
		if transportFor(dest) == slugPrefix {
			text += "; try " + slugPrefix + dest
		}
		return formation.OneOff{}, &cli.UsageError{Command: c.CommandPath(), Err: errors.New(text)}
	}
	if !isSlug {
		file = ""
	}
	one := formation.OneOff{
		Runner: sandbox.Namespaces{}, Slug: file, What: dest,
		Stdin: p.in, Stdout: p.out, Stderr: p.err,
		Interactive: terminals(p.in, p.out),
	}
	dash := c.ArgsLenAtDash()
	switch {
	case dash == 1 && len(rest) > 0:
		one.Command = rest
		return one, nil
	case dash < 0 && len(rest) == 0:
		return one, nil
	case dash < 0 || dash == 2:
		one.Type, one.Args = rest[0], rest[1:]
		return one, nil
	}
	problem := errors.New("expected a process type with its arguments, or -- and a command")
	if len(rest) > 0 {
		problem = fmt.Errorf("%w, as in slugc run %s -- %s", problem, dest, release.Quote(rest...))
	}
	return formation.OneOff{}, &cli.UsageError{Command: c.CommandPath(), Err: problem}
}

// checkPort says why a text is none of a port.
func checkPort(text string) error {
	if number, err := strconv.Atoi(text); err != nil || number < 1 || number > 65535 {
		return fmt.Errorf("PORT=%s: expected a number from 1 to 65535", text)
	}
	return nil
}

// port is the port that a web process is to listen on: the one given, or one
// that nobody listens on now. It is said on stderr.
func (p *program) port(ctx context.Context, given string) (string, error) {
	if given != "" {
		if err := checkPort(given); err != nil {
			return "", &cli.UsageError{Command: "slugc run", Err: err}
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:"+cmp.Or(given, "0"))
	switch {
	case err == nil:
		_, free, splitErr := net.SplitHostPort(listener.Addr().String())
		if err := errors.Join(splitErr, listener.Close()); err != nil {
			return "", fmt.Errorf("looking for a free port: %w", err)
		}
		given = free
	case given == "":
		return "", fmt.Errorf("looking for a free port: %w", err)
	case errors.Is(err, syscall.EADDRINUSE):
		p.voice.Warningf("Something listens on port %s already. Name another, as in PORT=8081 slugc run, or none for a free one.", given)
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
// person's terminal hears Ctrl-C itself, and may take it as it likes. Who stops
// reading what the process prints ends the process, by closing its output, and
// not slugc, which has to clean up after it.
func processSignals(ctx context.Context, interactive bool) (context.Context, func()) {
	closed := make(chan os.Signal, 1)
	signal.Notify(closed, syscall.SIGPIPE)
	var stop func()
	if interactive {
		signal.Ignore(os.Interrupt, syscall.SIGQUIT)
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	} else {
		ctx, stop = cli.Context(ctx)
	}
	return ctx, func() {
		stop()
		signal.Stop(closed)
	}
}
