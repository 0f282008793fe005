package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/privilege"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/pack"
)

// noRoot is the error of a phase that runs what others wrote, for root.
func noRoot(phase platform.Phase) error {
	if privilege.Root() {
		return failed(phase.Verb(), errors.New("refusing to run as root"))
	}
	if err := privilege.Hide(); err != nil {
		return failed(phase.Verb(), err)
	}
	return nil
}

// connect reads the credentials for images, those of the inputs and others, and opens
// a daemon's socket, as long as the process may; then it makes the process the user that builds, whom the
// directories belong to from then on. No variable shows the credentials to what a
// phase starts.
func (p *program) connect(ctx context.Context, others []string, dirs ...string) error {
	images, err := p.registry(append(p.in.Images(), others...)...)
	if err != nil {
		return err
	}
	p.images, p.connected = images, true
	if p.target, err = p.targeted(ctx); err != nil {
		return err
	}
	delete(p.env, target.AuthVariable)
	uid, gid := p.in.UID, p.in.GID
	if err := privilege.EnsureOwner(uid, gid, slices.DeleteFunc(dirs, func(dir string) bool { return dir == "" })...); err != nil {
		return failed("chown volumes", err)
	}
	if err := privilege.Drop(uid, gid); err != nil {
		return failed(fmt.Sprintf("exec as user %d:%d", uid, gid), err)
	}
	return nil
}

// targeted is where the images are that the phase is for.
func (p *program) targeted(ctx context.Context) (target.Target, error) {
	in := p.in
	switch {
	case in.Daemon:
		return p.daemon(ctx)
	case in.Layout:
		layout := target.Layout{Dir: in.LayoutDir, Warn: p.warn}
		if in.CacheDir != "" {
			layout.Memory = pack.DirStore{Dir: filepath.Join(in.CacheDir, "slugc", "v1", "blobs")}
		}
		return layout, nil
	}
	return p.images, nil
}

// requests is how many requests to a daemon are under way at a time, at most.
const requests = 8

// daemon is the daemon that the variables of Docker's clients name.
func (p *program) daemon(ctx context.Context) (target.Target, error) {
	client, err := daemon.Dial(ctx, daemon.FromEnv(func(name string) string { return p.env[name] }))
	if err == nil {
		err = client.Hold(ctx, requests)
	}
	if err != nil {
		return nil, failed("initialize docker client", err)
	}
	if p.in.LaunchCache == "" {
		return target.NewDaemon(client, nil, "", p.warn), nil
	}
	launch, err := cache.OpenLaunch(p.in.LaunchCache)
	if err != nil {
		return nil, failed("create launch cache", err)
	}
	return target.NewDaemon(client, launch, "", p.warn), nil
}

// warn is a warning about what costs no more than time.
func (p *program) warn(err error) { p.log.Warnf("%v", err) }

// registry is registries with the credentials for images.
func (p *program) registry(images ...string) (target.Registry, error) {
	keychain, err := target.NewKeychain(p.env[target.AuthVariable], images...)
	if err != nil {
		return target.Registry{}, failed("resolve keychain", err)
	}
	return target.Registry{Keychain: keychain, Transport: target.Insecure(p.in.InsecureRegistries)}, nil
}

// settle makes the home of the user that builds that of the process, for
// buildpacks.
func (p *program) settle() error {
	home, name, err := privilege.Home(p.in.UID)
	if err != nil {
		return failed(fmt.Sprintf("set environment for user %d", p.in.UID), err)
	}
	p.env["HOME"], p.env["USER"] = home, name
	return nil
}

// reach says whether an image can be read, with whatever credentials there are. In
// a daemon and in layouts they all can.
func (p *program) reach(ctx context.Context, image string) bool {
	if p.in.Daemon || p.in.Layout {
		return true
	}
	images := p.images
	if !p.connected {
		var err error
		if images, err = p.registry(image); err != nil {
			return false
		}
	}
	return images.Reach(ctx, image)
}
