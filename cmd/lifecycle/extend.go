package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/privilege"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// dockerfiles is the feature that extensions are while they are an experiment.
const dockerfiles = "Dockerfiles"

// extended are the names of images that extenders left.
func extended(dir string) []os.DirEntry {
	entries, err := os.ReadDir(filepath.Join(dir, string(extend.Run)))
	if err != nil {
		return nil
	}
	return entries
}

// extend is the extender. That of the build image goes on as the builder, in what it
// made.
func (p *program) extend(ctx context.Context) error {
	in := p.in
	analyzed, err := files.ReadAnalyzed(in.Analyzed, p.log)
	if err != nil {
		return failed("initialize extender", err)
	}
	group, err := files.ReadGroup(in.Group)
	if err != nil {
		return failed("initialize extender", fmt.Errorf("reading group: %w", err))
	}
	if err := p.checkExtensions(group); err != nil {
		return err
	}
	store := extend.Store{Dir: kanikoDir}
	extender := lifecycle.Extender{
		API: in.API, Kind: extend.Kind(in.ExtendKind), App: in.App, Layers: in.Layers, Platform: in.Platform,
		Generated: in.Generated, Extended: in.Extended, Store: store, Kept: store.Kept(in.KanikoTTL), Extensions: group.Extensions,
		Env: buildpacks.Site{Env: p.env}.Proxies(), Out: p.log.Out, Log: p.log,
	}
	switch extender.Kind {
	case extend.Build:
		if analyzed.BuildImage != nil {
			extender.Image = analyzed.BuildImage.Reference
		}
		config, err := extender.Run(ctx)
		if err != nil {
			return err
		}
		for name, value := range launch.NewEnv(config.Env) {
			p.env[name] = value
		}
		return p.buildExtended(ctx)
	case extend.Run:
		if analyzed.RunImage != nil {
			extender.Image = analyzed.RunImage.Reference
		}
		_, err := extender.Run(ctx)
		return err
	}
	return &lifecycle.Failure{
		Action: "parse arguments", Class: lifecycle.BadArgs, Err: fmt.Errorf("-kind is %q; expected build or run", in.ExtendKind),
	}
}

// buildExtended is the builder, as the user that builds.
func (p *program) buildExtended(ctx context.Context) error {
	uid, gid := p.in.UID, p.in.GID
	if err := privilege.EnsureOwner(uid, gid, p.in.Layers); err != nil {
		return failed("chown volumes", err)
	}
	if err := privilege.Drop(uid, gid); err != nil {
		return failed(fmt.Sprintf("exec as user %d:%d", uid, gid), err)
	}
	if err := p.settle(); err != nil {
		return err
	}
	return p.build(ctx)
}

// checkExtensions says whether the lifecycle speaks with all extensions of a group.
func (p *program) checkExtensions(group files.Group) error {
	for _, x := range group.Extensions {
		err := platform.CheckBuildpackAPI("Extension", x.String(), x.API)
		if err == nil {
			err = p.deprecation().CheckBuildpack("Extension", x.String(), x.API)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
