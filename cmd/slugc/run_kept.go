package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/kept"
	"github.com/slugc/slugc/stack/sandbox"
)

// keptPrefix is the transport of a failed build that was kept.
const keptPrefix = "kept:"

// runKept runs a command, or a shell, in a failed build.
func (p *program) runKept(c *cobra.Command, dir string, command []string, vars environment) error {
	if dash := c.ArgsLenAtDash(); dash != 1 && len(command) > 0 {
		return &cli.UsageError{Command: c.CommandPath(), Err: errors.New("expected -- and a command, or nothing for a shell")}
	}
	build, err := kept.Open(dir)
	if err != nil {
		return &cli.UsageError{Command: c.CommandPath(), Err: err}
	}
	env, err := vars.read(p.env.Get)
	if err != nil {
		return &cli.UsageError{Command: c.CommandPath(), Err: err}
	}
	if term := p.env.Get("TERM"); term != "" && env["TERM"] == "" {
		env["TERM"] = term
	}
	words := make([]string, len(build.Args))
	for i, word := range build.Args {
		words[i] = release.Quote(word)
	}
	p.voice.Stepf("This is what failed: %s", strings.Join(words, " "))
	one := build.Command(command, env)
	one.Stdin, one.Stdout, one.Stderr = p.in, p.out, p.err
	one.Interactive = terminals(p.in, p.out)
	one.Grace = formation.Grace
	ctx, stop := processSignals(c.Context(), one.Interactive)
	defer stop()
	return sandbox.Namespaces{CACert: p.authorities(one.Stack)}.Run(ctx, one)
}
