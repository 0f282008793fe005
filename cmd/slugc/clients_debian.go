package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/builtin"
	runtimes "github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
)

// debianSettings are where Debian's archives are, and what is installed where
// the processes of a build on a stack will run.
func (p *program) debianSettings(ctx context.Context, on stack.Stack, offline bool) ([]builtin.Settings, error) {
	sources, err := p.debianSources(archiveFlags{})
	if err != nil {
		return nil, err
	}
	settings := runtimes.DebianSettings{Sources: sources}
	if settings.Stack, settings.Base, err = p.runPackages(ctx, on, offline); err != nil {
		return nil, err
	}
	text, err := settings.Text()
	if err != nil {
		return nil, err
	}
	return []builtin.Settings{{Variable: runtimes.DebianVariable, Name: "debian.json", Text: text}}, nil
}

// runPackages are the packages of the run variant of the stack on which
// processes run that are built on a stack. On the host that is the one that
// fits; a root filesystem that is not slugc's has no stack.
func (p *program) runPackages(ctx context.Context, on stack.Stack, offline bool) (id string, packages []control.Package, err error) {
	if on.Root == "" {
		return p.hostPackages(ctx, on.Target, offline)
	}
	store, err := p.makingStore(archiveFlags{offline: offline})
	if err != nil {
		return "", nil, err
	}
	ours, err := filepath.Abs(store.Dir)
	if err != nil {
		return "", nil, fmt.Errorf("finding the stack of %s: %w", on.Root, err)
	}
	if below, err := filepath.Rel(ours, on.Root); err != nil || !filepath.IsLocal(below) {
		return "", nil, nil
	}
	made, err := store.Ensure(ctx, on.ID, stack.Run, on.Target.Arch)
	if err != nil {
		return "", nil, err
	}
	return on.ID, made.Lock.Packages, made.Close()
}

// hostPackages are those of the stack that fits this machine. It is made when
// this machine is of its distribution, so that its packages run here too; on
// any other machine they count if somebody made it.
func (p *program) hostPackages(ctx context.Context, host stack.Target, offline bool) (id string, packages []control.Package, err error) {
	fitting, err := stack.FittingHost()
	if _, none := errors.AsType[*stack.NoFitError](err); none {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	store, err := p.makingStore(archiveFlags{offline: offline})
	if err != nil {
		return "", nil, err
	}
	made, found, err := store.Find(fitting.ID, stack.Run, host.Arch)
	if err == nil && !found && !offline && fitting.DistroName == host.DistroName && fitting.DistroVersion == host.DistroVersion {
		if made, err = store.Ensure(ctx, fitting.ID, stack.Run, host.Arch); err == nil {
			return fitting.ID, made.Lock.Packages, made.Close()
		}
		if ctx.Err() != nil {
			return "", nil, err
		}
		// A runtime may come from elsewhere.
		p.voice.Warningf("Nothing can be installed from Debian, because the stack %s was not made: %v", fitting.ID, err)
		err = nil
	}
	if err != nil || !found {
		return fitting.ID, nil, err
	}
	return fitting.ID, made.Lock.Packages, made.Close()
}
