package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/classic/bridge"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/cmd/internal/cli"
)

// classicFlags say that the buildpack to package is a classic one, and who it
// becomes.
type classicFlags struct {
	ref, id, version string
}

// check refuses flags that mean nothing together.
func (f classicFlags) check(args []string) error {
	switch {
	case f.ref != "" && len(args) > 0:
		return &cli.UsageError{Command: buildpackPackage, Err: fmt.Errorf("both %s and --classic name a buildpack; name one", args[0])}
	case f.ref != "":
		return nil
	case len(args) == 0:
		return &cli.UsageError{Command: buildpackPackage, Err: errors.New("no buildpack; name a directory or package.toml, or a classic buildpack by --classic REF")}
	case f.id != "" || f.version != "":
		return &cli.UsageError{Command: buildpackPackage, Err: errors.New("--id and --version are for --classic; a Cloud Native Buildpack has its own in buildpack.toml")}
	}
	if is, err := classic.Is(args[0]); is && err == nil {
		return &cli.UsageError{Command: buildpackPackage, Err: fmt.Errorf("%s is a classic buildpack; write --classic %[1]s", args[0])}
	}
	return nil
}

// packageClassic packages a classic buildpack: it is laid out as a Cloud Native
// Buildpack in the packager's temporary directory, and packaged as any other.
func packageClassic(ctx context.Context, packager builder.Packager, f classicFlags, targets []buildpacks.Target) (builder.Package, error) {
	found, err := packager.Fetcher.Fetch(ctx, f.ref)
	if err != nil {
		return builder.Package{}, err
	}
	if found.Classic == nil {
		return builder.Package{}, &fetch.RefError{Ref: found.Ref, Err: errors.New("is a Cloud Native Buildpack already; package it without --classic")}
	}
	programs, err := bridges(targets)
	if err != nil {
		return builder.Package{}, err
	}
	dir := filepath.Join(packager.Temp, "classic")
	if err := (bridge.Package{
		Classic: found.Classic, Ref: found.Ref, Digest: found.Digest, ID: f.id, Version: f.version,
		Programs: programs, Exclude: packager.Exclude,
	}).Write(dir); err != nil {
		return builder.Package{}, fmt.Errorf("packaging %s: %w", found.Ref, err)
	}
	made, err := packager.Package(ctx, dir, targets)
	if wrong, ok := errors.AsType[*builder.PackageError](err); ok {
		// The person wrote the id and the version in it, but not the file.
		wrong.From = found.Ref
		if _, cause, found := strings.Cut(wrong.Err.Error(), "buildpack.toml: "); found {
			wrong.Err = errors.New(cause)
		}
	}
	return made, err
}

// carriedArchs are the architectures that make builds the programs for that slugc
// carries.
var carriedArchs = []string{"amd64", "arm64"}

// bridges are the programs for targets; for all that there are without any.
func bridges(targets []buildpacks.Target) ([]bridge.Program, error) {
	var archs []string
	for _, t := range targets {
		if t.Arch == "" {
			return nil, &cli.UsageError{Command: buildpackPackage, Err: fmt.Errorf(
				"target %s has no architecture, and the bridge is a program for one; expected one such as linux/amd64", t.OS)}
		}
		if !slices.Contains(archs, t.Arch) {
			archs = append(archs, t.Arch)
		}
	}
	if len(archs) == 0 {
		archs = carriedArchs
	}
	var programs []bridge.Program
	for _, arch := range archs {
		content, err := embeddedProgram("bridge", "linux", arch)
		if errors.Is(err, fs.ErrNotExist) {
			err = &cli.UsageError{Command: buildpackPackage, Err: fmt.Errorf(
				"this slugc carries no bridge for linux/%s; make build brings those for %s", arch, strings.Join(carriedArchs, ", "))}
		}
		if err != nil {
			return nil, err
		}
		programs = append(programs, bridge.Program{Arch: arch, Content: content})
	}
	return programs, nil
}
