package main

import (
	"fmt"

	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
)

// systemVariable names the operator's system.toml.
const systemVariable = "SLUGC_SYSTEM"

// system reads the buildpacks that the operator has before and behind all
// others.
func (p *program) system() (deploy.System, error) {
	file := p.env.Get(systemVariable)
	if file == "" {
		return deploy.System{}, nil
	}
	system, err := cnb.ParseSystem(file)
	if err != nil {
		return deploy.System{}, &cli.UsageError{
			Command: "slugc", Err: fmt.Errorf("%s: %w", systemVariable, err), Next: "slugc detect --help",
		}
	}
	return deploy.System{System: system, File: file}, nil
}
