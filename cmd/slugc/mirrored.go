package main

import (
	"context"
	"errors"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/download"
)

// mirrored makes root filesystems and tells the troubles of mirrors from those
// of other services: against these a person can do something.
type mirrored struct{ debian.Maker }

var _ base.Maker = mirrored{}

// Resolve implements base.Maker.
func (m mirrored) Resolve(ctx context.Context, d stack.Definition, variant, arch string) (debian.LockedImage, error) {
	image, err := m.Maker.Resolve(ctx, d, variant, arch)
	return image, mirrorTrouble(err)
}

// Make implements base.Maker.
func (m mirrored) Make(ctx context.Context, d stack.Definition, variant string, image debian.LockedImage, dir string) (stack.Attributes, error) {
	attributes, err := m.Maker.Make(ctx, d, variant, image, dir)
	return attributes, mirrorTrouble(err)
}

// mirrorTrouble is an error as a MirrorError if a mirror did not answer.
func mirrorTrouble(err error) error {
	if errors.Is(err, context.Canceled) || download.FaultOf(err) != download.Passing {
		return err
	}
	return &cli.MirrorError{Err: err}
}
