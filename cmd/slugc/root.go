package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/cachestore"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// version is stamped by make.
var version = "dev"

// program is what every command may use of the world outside.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      launch.Env
	// flags of every command
	json, noColor bool
	// voice is the one printer of the process, once the flags are known.
	voice *cli.Printer
	// caches is the root of all caches.
	caches string
}

// run is slugc: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer, environ []string) int {
	p := &program{in: in, out: out, err: errOut, env: launch.NewEnv(environ)}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	command, err := root.ExecuteContextC(ctx)
	if status, ended := processStatus(err); ended && command.Name() == "run" {
		// The process has said itself what was wrong.
		return status
	}
	p.json = p.json || asksJSON(args)
	p.speak(p.out)
	code := cli.Report(p.voice, err)
	if closeErr := p.voice.Close(); closeErr != nil && code == 0 {
		code = int(cli.Ours)
	}
	return code
}

// processStatus is the exit status of the process that slugc run ran.
func processStatus(err error) (status int, ended bool) {
	var exit *sandbox.ExitError
	var stopped *sandbox.StoppedError
	switch {
	case errors.As(err, &stopped):
		return stopped.Status, true
	case errors.As(err, &exit) && exit.Reason == "":
		return exit.Status(), true
	}
	return 0, false
}

func (p *program) root() *cobra.Command {
	asked := false
	root := &cobra.Command{
		Use:   "slugc",
		Short: "Turn a source tree into something that runs",
		Long: `slugc asks buildpacks who can build a source tree, runs them isolated so that they
vendor the app's declared dependencies, and packs the result as a slug tarball,
an OCI image, or both. It needs no Docker daemon, no root and no image pull.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if asked {
				return p.sayVersion()
			}
			return c.Help()
		},
		SilenceErrors: true,
		SilenceUsage:  true,
		// The usage of a mistyped command is one command away; an error that is
		// followed by a page of flags is not read.
		PersistentPreRun: func(c *cobra.Command, _ []string) {
			// In start and logs, too, stdout is the log.
			switch c.Name() {
			case "run", "start", "logs":
				p.speak(p.err)
			default:
				p.speak(p.out)
			}
		},
	}
	// cobra's own flag prints a template, and a program that has templates in it has the
	// methods of all its types, called or not: 3 MiB of slugc.
	root.Flags().BoolVarP(&asked, "version", "v", false, "version for slugc")
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print one JSON object per event, or the result as JSON")
	root.PersistentFlags().BoolVar(&p.noColor, "no-color", false, "print no colours (NO_COLOR)")
	root.AddCommand(p.buildCommand(), p.detectCommand(), p.checkCommand(), p.inspectCommand(), p.rebaseCommand(), p.runCommand(), p.startCommand(), p.scaleCommand(), p.restartCommand(), p.psCommand(), p.logsCommand(), p.serveCommand(), p.testCommand(),
		p.stackCommand(), p.buildpackCommand(), p.builderCommand(), p.cacheCommand(),
		p.appsCommand(), p.receiveCommand(), p.hooksCommand(), p.releaseCommand(), p.buildsCommand(), p.configCommand(), p.versionCommand(), p.completionCommand())
	root.SetHelpCommand(p.helpCommand())
	return root
}

// speak makes the voice, if there is none yet. A command that hands stdout to
// a process says what it has to say on stderr.
func (p *program) speak(out io.Writer) {
	if p.voice == nil {
		p.voice = cli.New(cli.Settings{Out: out, Err: p.err, JSON: p.json, NoColor: p.noColor, Env: p.env.Get})
	}
}

// interruptible is a command that ends when slugc is told to end.
func interruptible(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ctx, stop := cli.Context(c.Context())
		defer stop()
		return cli.Cause(ctx, f(ctx, args))
	}
}

// What --cache takes: of every command, and of those that build.
const (
	cacheHelp      = "keep the caches in this `DIR` (SLUGC_CACHE)"
	buildCacheHelp = "keep the caches in this `DIR`, or share what builds leave in a registry: docker://REF (SLUGC_CACHE)"
)

// addCache adds the flag that says where the caches are.
func (p *program) addCache(c *cobra.Command) {
	c.Flags().StringVar(&p.caches, "cache", "", cacheHelp)
}

// cacheRoot is where all caches are: --cache, SLUGC_CACHE, or the user's cache
// directory (XDG Base Directory). Those in registries are beside it.
func (p *program) cacheRoot() (string, error) {
	for _, dir := range []string{p.caches, p.env.Get("SLUGC_CACHE")} {
		if dir == "" || cachestore.IsRegistry(dir) {
			continue
		}
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return "", &cli.UsageError{Command: "slugc", Err: fmt.Errorf("the cache %s is a file; expected a directory", dir)}
		}
		return filepath.Abs(dir)
	}
	if dir := p.env.Get("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "slugc"), nil
	}
	if home := p.env.Get("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".cache", "slugc"), nil
	}
	return "", &cli.UsageError{Command: "slugc", Err: errors.New("no place for the cache: set --cache DIR, SLUGC_CACHE or HOME")}
}

// remoteCache is the cache in a registry that --cache or SLUGC_CACHE names; nil
// when they name none.
func (p *program) remoteCache(command string) (*cachestore.Registry, error) {
	for _, ref := range []string{p.caches, p.env.Get("SLUGC_CACHE")} {
		if !cachestore.IsRegistry(ref) {
			continue
		}
		registry, err := cachestore.ParseRegistry(ref, p.keychain())
		if err != nil {
			return nil, &cli.UsageError{Command: command, Err: err}
		}
		return &registry, nil
	}
	return nil, nil
}

// home is where all that is not a cache is kept: SLUGC_HOME, or the user's data
// directory (XDG Base Directory).
func (p *program) home() (string, error) {
	if dir := p.env.Get("SLUGC_HOME"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := p.env.Get("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "slugc"), nil
	}
	if home := p.env.Get("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "slugc"), nil
	}
	return "", &cli.UsageError{Command: "slugc", Err: errors.New("no place for stacks and releases: set SLUGC_HOME or HOME")}
}

// executable is the running binary, which the sandbox and the builtin
// buildpacks start again under other names.
func executable() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(exe)
}
