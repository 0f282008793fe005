package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/stack/launch"
)

// run runs the phase that the program is called by and returns the exit code.
// Everything that it says goes to out.
func run(ctx context.Context, args, environ []string, out io.Writer) int {
	p := program{env: launch.NewEnv(environ), log: &platform.Log{Out: out, Level: platform.Info}}
	phase, args, err := which(args)
	if err == nil && phase == "" {
		p.log.Infof("%s", version)
		return 0
	}
	if err == nil {
		err = p.phase(ctx, phase, args, environ)
	}
	if err == nil {
		return 0
	}
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if _, bad := errors.AsType[*flagError](err); bad {
		return codeFlags // the flags said it
	}
	p.log.Errorf("%v", err)
	return code(err)
}

// which is the phase that a program is called by, and its arguments; none for who
// asks for the version.
func which(args []string) (platform.Phase, []string, error) {
	name := strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
	if slices.Contains(platform.Phases(), platform.Phase(name)) {
		return platform.Phase(name), args[1:], nil
	}
	if len(args) < 2 {
		return "", nil, &lifecycle.Failure{Action: "parse arguments", Class: lifecycle.BadArgs}
	}
	if args[1] == "-version" {
		return "", nil, nil
	}
	var verbs []string
	for _, phase := range platform.Phases() {
		if phase.Verb() == filepath.Base(args[1]) {
			return phase, args[2:], nil
		}
		verbs = append(verbs, phase.Verb())
	}
	return "", nil, &lifecycle.Failure{
		Action: fmt.Sprintf("recognize phase: %s \nValid phases: %s", args[1], strings.Join(verbs, ", ")), Class: lifecycle.BadArgs,
	}
}

// program is one run of a phase.
type program struct {
	env launch.Env
	log *platform.Log
	in  platform.Inputs
	// images are registries, and target is where images are that a phase is for, once
	// the program is connected.
	images    target.Registry
	target    target.Target
	connected bool
}

// flagError is what the flag package said already.
type flagError struct{ error }

// phase runs a phase.
func (p *program) phase(ctx context.Context, phase platform.Phase, args, environ []string) error {
	api, err := platform.ParseAPI(p.env["CNB_PLATFORM_API"])
	if err != nil {
		return err
	}
	if err := p.deprecation().CheckPlatform(api); err != nil {
		return err
	}
	p.in = platform.FromEnv(api, environ)
	flags, showVersion := flagSet(phase, &p.in, os.Stderr)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return &flagError{err}
	case *showVersion:
		p.log.Infof("%s", version)
		return nil
	}
	p.log.Plain = p.in.NoColor
	if p.log.Level, err = platform.ParseLevel(p.in.LogLevel); err != nil {
		return err
	}
	for _, arg := range flags.Args() {
		if strings.HasPrefix(arg, "-") {
			p.log.Warnf("Warning: unconsumed flag-like positional arg: \n\t%s\n\t This will not be interpreted as a flag.\n\t Did you mean to put this before the first positional argument?", arg)
		}
	}
	p.log.Debugf("Starting %s...", phase)
	if err := p.arguments(phase, flags.Args()); err != nil {
		return &lifecycle.Failure{Action: "parse arguments", Class: lifecycle.BadArgs, Err: err}
	}
	return p.start(ctx, phase)
}

// deprecation is what a platform wants with APIs that are to go.
func (p *program) deprecation() platform.Deprecation {
	return platform.Deprecation{Mode: p.env[platform.DeprecationVariable], Log: p.log}
}

// arguments takes the names of images.
func (p *program) arguments(phase platform.Phase, args []string) error {
	switch phase {
	case platform.Analyze, platform.Create:
		if len(args) != 1 {
			return fmt.Errorf("received %d arguments, but expected 1", len(args))
		}
		p.in.Image = args[0]
	case platform.Export, platform.Rebase:
		if len(args) == 0 {
			return errors.New("at least one image argument is required")
		}
		p.in.Image, p.in.Tags = args[0], args[1:]
	case platform.Restore:
		if len(args) > 0 {
			return errors.New("received unexpected Args")
		}
	default:
		if len(args) > 0 {
			return errors.New("received unexpected arguments")
		}
	}
	return nil
}
