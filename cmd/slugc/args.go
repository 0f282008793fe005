package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slugc/slugc/cmd/internal/cli"
)

// arguments is a check that a command got from least to most arguments, and a
// mistake that leads to the command's help. A negative most is no limit.
func arguments(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("expected %s", strings.TrimPrefix(c.Use, c.Name()+" "))}
		case most == 0 && len(args) > 0 && c.HasSubCommands():
			return unknownCommand(c, args[0])
		case most >= 0 && len(args) > most:
			return &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("unexpected argument %q", args[most])}
		}
		return nil
	}
}

// unknownCommand says that a command has no such subcommand, and names the
// nearest.
func unknownCommand(c *cobra.Command, name string) error {
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	err := fmt.Errorf("unknown command %q", name)
	if near := c.SuggestionsFor(name); len(near) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
	}
	return &cli.UsageError{Command: c.CommandPath(), Err: err}
}

// flagError is a mistyped flag in the words of slugc.
func flagError(c *cobra.Command, err error) error {
	var none *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &none):
		err = fmt.Errorf("--%s: expected %s", none.GetFlag().Name, valueOf(none.GetFlag()))
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		reason := invalid.Unwrap()
		switch flag.Value.Type() {
		case "int":
			reason = errors.New("expected a number")
		case "bool":
			reason = errors.New("expected true or false")
		}
		err = fmt.Errorf("--%s %s: %w", flag.Name, invalid.GetValue(), reason)
	}
	return &cli.UsageError{Command: c.CommandPath(), Err: err}
}

// valueOf is what a flag calls its value.
func valueOf(flag *pflag.Flag) string {
	name, _ := pflag.UnquoteUsage(flag)
	return name
}

// asksJSON is whether --json is among the arguments, for a mistake that comes
// before the flags are known.
func asksJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}
