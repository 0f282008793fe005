package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/privilege"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/stack/sandbox"
)

// start gives a phase what it needs of the inputs, and runs it.
func (p *program) start(ctx context.Context, phase platform.Phase) error {
	notYet := func(what string) error {
		return &lifecycle.Failure{Action: phase.Verb(), Class: lifecycle.Generic, Err: errors.New("this lifecycle has no " + what + " yet")}
	}
	switch {
	case phase != platform.Create && phase != platform.Rebase:
		return notYet(string(phase))
	case p.in.Daemon:
		return notYet("export to a Docker daemon")
	case p.in.Layout:
		return notYet("export to OCI layouts")
	}
	for _, registry := range p.in.InsecureRegistries {
		if !loopback(registry) {
			return notYet("way to registries without TLS but on loopback, as " + registry)
		}
	}
	if err := p.in.Resolve(ctx, phase, p.reach, p.log); err != nil {
		return &lifecycle.Failure{Action: "resolve inputs", Class: lifecycle.BadArgs, Err: err}
	}
	if phase == platform.Rebase {
		return p.rebase(ctx)
	}
	return p.create(ctx)
}

// loopback reports whether a registry is on the loopback interface, which is
// reached without TLS by itself.
func loopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// reach says whether an image can be read, with whatever credentials there are.
func (p *program) reach(ctx context.Context, image string) bool {
	keychain, err := target.NewKeychain(p.env[target.AuthVariable], image)
	return err == nil && target.Registry{Keychain: keychain}.Reach(ctx, image)
}

// create is the creator.
func (p *program) create(ctx context.Context) (err error) {
	in := p.in
	failed := func(action string, err error) error {
		return &lifecycle.Failure{Action: action, Class: lifecycle.Generic, Err: err}
	}
	keychain, err := target.NewKeychain(p.env[target.AuthVariable], in.Images()...)
	if err != nil {
		return failed("resolve keychain", err)
	}
	if err := p.drop(in.CacheDir, in.Layers); err != nil {
		return err
	}
	store, err := openCache(ctx, in, target.Registry{Keychain: keychain}, p.log)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "lifecycle-")
	if err != nil {
		return failed("create temp directory", err)
	}
	defer func() { err = errors.Join(err, sandbox.Remove(temp)) }()
	project, err := files.ReadProject(in.Project, p.log)
	if err != nil {
		return err
	}
	images := target.Registry{Keychain: keychain}
	place := lifecycle.Place{
		App: in.App, Layers: in.Layers, Platform: in.Platform, Buildpacks: in.Buildpacks, BuildConfig: in.BuildConfig,
		Environ: p.env, ExecEnv: in.ExecEnv, Scratch: temp, Out: p.log.Out,
	}
	creator := lifecycle.Creator{
		API: in.API, Log: p.log,
		Analyzer: lifecycle.Analyzer{
			API: in.API, Target: images, Previous: in.PreviousImage, RunImage: in.RunImage,
			Read: []string{in.PreviousImage, in.RunImage}, Write: append(in.Destinations(), in.CacheImage), Layers: in.Layers, SkipLayers: in.SkipLayers, Log: p.log,
		},
		Detector: lifecycle.Detector{API: in.API, Place: place, Order: in.Order, System: in.System, Log: p.log},
		Restorer: lifecycle.Restorer{API: in.API, Layers: in.Layers, Cache: store, SkipLayers: in.SkipLayers, Log: p.log},
		Builder:  lifecycle.Builder{API: in.API, Place: place, Log: p.log},
		Exporter: lifecycle.Exporter{
			API: in.API, App: in.App, Layers: in.Layers, Target: images, RunImage: in.RunImage, Names: in.Destinations(),
			Launcher: lifecycle.Launcher{File: in.Launcher, SBOMDir: in.LauncherSBOM, Version: version},
			Process:  in.Process, ExecEnv: in.ExecEnv, Project: project, Created: p.sourceDate(), UID: in.UID, GID: in.GID,
			Cache: store, Temp: temp, Log: p.log,
		},
		RunImages: p.runImages,
		Files:     lifecycle.CreatorFiles{Analyzed: in.Analyzed, Group: in.Group, Plan: in.Plan, Report: in.Report},
	}
	return creator.Run(ctx)
}

// drop makes the process the user that builds, whom the directories then belong
// to. Credentials are gone from the environment of whatever it starts.
func (p *program) drop(dirs ...string) error {
	failed := func(action string, err error) error {
		return &lifecycle.Failure{Action: action, Class: lifecycle.Generic, Err: err}
	}
	delete(p.env, target.AuthVariable)
	uid, gid := p.in.UID, p.in.GID
	if err := privilege.EnsureOwner(uid, gid, slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })...); err != nil {
		return failed("chown volumes", err)
	}
	if err := privilege.Drop(uid, gid); err != nil {
		return failed(fmt.Sprintf("exec as user %d:%d", uid, gid), err)
	}
	home, name, err := privilege.Home(uid)
	if err != nil {
		return failed(fmt.Sprintf("set environment for user %d", uid), err)
	}
	p.env["HOME"], p.env["USER"] = home, name
	return nil
}

// runImages are the names of the run image for the label of the image.
func (p *program) runImages(analyzed files.Analyzed) (files.RunImages, error) {
	if !p.in.API.RunTOML {
		stack, err := files.ReadStack(p.in.Stack, p.log)
		return stack.RunImage, err
	}
	run, err := files.ReadRun(p.in.Run, p.log)
	if err != nil {
		return files.RunImages{}, err
	}
	return platform.ForLabel(run, analyzed.RunImage.Image, false), nil
}

// sourceDate is SOURCE_DATE_EPOCH, the zero time where it is not set.
func (p *program) sourceDate() time.Time {
	value := p.env["SOURCE_DATE_EPOCH"]
	if !p.in.API.SourceDate || value == "" {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		p.log.Warnf("Ignoring invalid SOURCE_DATE_EPOCH")
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
