package main

import (
	"context"
	"errors"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/platform"
)

// start gives a phase what it needs of the inputs, and runs it.
func (p *program) start(_ context.Context, phase platform.Phase) error {
	return &lifecycle.Failure{Action: phase.Verb(), Class: lifecycle.Generic, Err: errors.New("this lifecycle has no " + string(phase) + " yet")}
}
