package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
)

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Look at and change the config of an app",
		Long: `Look at and change the config of an app: the variables that its processes find in
their environment. Each change is a new release, of the same slug or image.

Values are sealed where they rest, with the key in SLUGC_KEY or in the file
SLUGC_KEY_FILE, by default $SLUGC_HOME/key, which is made when it is first
needed. It is one of age (age-keygen). Values are only shown by config list --show
and config get.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.configSetCommand(), p.configUnsetCommand(), p.configListCommand(), p.configGetCommand(), p.configImportCommand())
	return c
}

func (p *program) configSetCommand() *cobra.Command {
	var files []string
	c := &cobra.Command{
		Use:   "set APP NAME=VALUE...|NAME",
		Short: "Set config vars",
		Long: `Set config vars. What stands in a command line is there for others to see: a NAME
without a value takes it from standard input, --from-file from a file. One line
break at the end of those is no part of the value.`,
		Example: `  slugc config set shop LOG_LEVEL=debug WEB_CONCURRENCY=2
  slugc config set shop SECRET_KEY_BASE <secret.txt
  slugc config set shop --from-file TLS_KEY=tls.pem`,
		ValidArgsFunction: p.completeApp,
		Args:              arguments(1, -1),
	}
	c.Flags().StringArrayVar(&files, "from-file", nil, "set `NAME=FILE` to what is in the file; may be repeated")
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		set, err := p.configArguments(args[1:], files)
		if err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		return p.configure(ctx, d, args[0], release.Change{Set: set})
	})
	return c
}

// configArguments reads the variables that a command line sets. An error has no
// value in it.
func (p *program) configArguments(words, files []string) (release.Config, error) {
	set := release.Config{}
	add := func(name, value string) error {
		if err := release.CheckName(name); err != nil {
			return err
		}
		if _, twice := set[name]; twice {
			return fmt.Errorf("%s is set twice", name)
		}
		set[name] = value
		return nil
	}
	fromInput := ""
	for _, word := range words {
		name, value, given := strings.Cut(word, "=")
		if !given {
			if fromInput != "" {
				return nil, fmt.Errorf("only one value can come from standard input; expected %s=VALUE or %s=VALUE", fromInput, name)
			}
			if err := release.CheckName(name); err != nil {
				return nil, err
			}
			fromInput = name
			continue
		}
		if err := add(name, value); err != nil {
			return nil, err
		}
	}
	for _, word := range files {
		name, file, given := strings.Cut(word, "=")
		if !given || file == "" {
			return nil, fmt.Errorf("--from-file %s: expected NAME=FILE", word)
		}
		value, err := readValue(file)
		if err != nil {
			return nil, fmt.Errorf("--from-file: %w", err)
		}
		if err := add(name, value); err != nil {
			return nil, err
		}
	}
	if fromInput != "" {
		if terminals(p.in, p.err) {
			p.voice.Detailf("Type the value of %s, then a new line and Ctrl-D", fromInput)
		}
		value, err := valueOfReader(p.in)
		if err != nil {
			return nil, fmt.Errorf("reading the value of %s from standard input: %w", fromInput, err)
		}
		if err := add(fromInput, value); err != nil {
			return nil, err
		}
	}
	if len(set) == 0 {
		return nil, errors.New("expected NAME=VALUE, NAME or --from-file NAME=FILE")
	}
	return set, nil
}

func readValue(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	value, err := valueOfReader(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return value, nil
}

// valueOfReader reads a value, without the line break at its end.
func valueOfReader(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, release.MaxConfig+3))
	if err != nil {
		return "", err
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if len(value) > release.MaxConfig {
		return "", fmt.Errorf("it has more than the %d bytes that a config may have", release.MaxConfig)
	}
	return value, nil
}

// configure changes the config of an app and says what came of it.
func (p *program) configure(ctx context.Context, d desk, app string, change release.Change) error {
	if err := release.CheckApp(app); err != nil {
		return err
	}
	p.voice.Redact(change.Set.Secrets()...)
	doing := strings.TrimSuffix(change.String(), " config vars")
	doing = strings.NewReplacer("Set ", "Setting ", "Unset ", "Unsetting ").Replace(doing)
	p.voice.Stepf("%s for %s", doing, app)
	r, made, err := p.releaseMaker(d).Configure(ctx, app, change)
	if err != nil {
		return err
	}
	if made {
		p.voice.Detailf("Done, %s", r.Version())
	} else {
		p.voice.Detailf("Nothing changes: the config is that already")
	}
	p.voice.Result("", cli.Fields{"changed": made, "release": r})
	return nil
}

func (p *program) configUnsetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "unset APP NAME...",
		Short:             "Take config vars away",
		Args:              arguments(2, -1),
		ValidArgsFunction: p.completeConfig,
	}
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		app, names := args[0], args[1:]
		r, err := d.Current(ctx, app)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := known(r, name); err != nil {
				return &cli.UsageError{Command: c.CommandPath(), Err: err, Next: "slugc config list " + app}
			}
		}
		return p.configure(ctx, d, app, release.Change{Unset: names})
	})
	return c
}

// known says that a release has no config var of a name.
func known(r release.Release, name string) error {
	for _, n := range r.Names {
		if n == name {
			return nil
		}
	}
	return fmt.Errorf("%s has no config var %s", r.App, name)
}

// completeConfig completes an app and then its config vars.
func (p *program) completeConfig(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return p.completeApp(c, args, begun)
	}
	p.speak(p.err)
	d, err := p.desk(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	r, err := d.Current(c.Context(), args[0])
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return r.Names, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) configListCommand() *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:               "list APP",
		Short:             "List the config vars of an app",
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.Flags().BoolVar(&show, "show", false, "show values too")
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		r, err := d.Current(ctx, args[0])
		if err != nil && (!isNoRelease(err) || show) {
			return err
		}
		if !show {
			text := strings.Join(r.Names, "\n")
			if text == "" {
				text = args[0] + " has no config vars"
			}
			p.voice.Result(text, cli.Fields{"app": args[0], "names": append([]string{}, r.Names...)})
			return nil
		}
		config, err := d.Config(ctx, r)
		if err != nil {
			return err
		}
		rows := [][]string{}
		for _, name := range config.Names() {
			rows = append(rows, []string{name + ":", config[name]})
		}
		p.voice.Result(columns(rows), cli.Fields{"app": args[0], "names": config.Names(), "config": config})
		return nil
	})
	return c
}

// isNoRelease is whether an app is there and has no release.
func isNoRelease(err error) bool {
	unknown, is := errors.AsType[*release.UnknownError](err)
	return is && !unknown.NoApp
}

func (p *program) configGetCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "get APP NAME",
		Short:             "Print the value of a config var",
		Args:              arguments(2, 2),
		ValidArgsFunction: p.completeConfig,
	}
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		r, err := d.Current(ctx, args[0])
		if err != nil {
			return err
		}
		if err := known(r, args[1]); err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err, Next: "slugc config list " + args[0]}
		}
		config, err := d.Config(ctx, r)
		if err != nil {
			return err
		}
		p.voice.Result(config[args[1]], cli.Fields{"app": args[0], "name": args[1], "value": config[args[1]]})
		return nil
	})
	return c
}

func (p *program) configImportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import APP FILE",
		Short: "Set the config vars that a .env file has",
		Long: `Set the config vars that a file has in lines of NAME=VALUE, such as a .env file. A
FILE that is - is standard input. Variables that the file does not name stay.`,
		Example:           `  slugc config import shop .env`,
		Args:              arguments(2, 2),
		ValidArgsFunction: p.completeApp,
	}
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		set, err := p.readImport(args[1])
		if err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		return p.configure(ctx, d, args[0], release.Change{Set: set})
	})
	return c
}

// longestImport bounds what is read of a file to import, in bytes: comments may
// take more than values.
const longestImport = 1 << 20

// readImport reads a .env file.
func (p *program) readImport(file string) (release.Config, error) {
	from := p.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, longestImport+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if len(text) > longestImport {
		return nil, fmt.Errorf("%s has more than %s", file, cli.Bytes(longestImport))
	}
	words, err := parseEnvFile(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s:%w", file, err)
	}
	set := release.Config{}
	for _, word := range words {
		name, value, given := strings.Cut(word, "=")
		if !given {
			return nil, fmt.Errorf("%s: %s has no value; expected %s=VALUE", file, name, name)
		}
		if err := release.CheckName(name); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		set[name] = value // the last one counts, as where the file is sourced
	}
	if len(set) == 0 {
		return nil, fmt.Errorf("%s has no variables; expected lines of NAME=VALUE", file)
	}
	return set, nil
}
