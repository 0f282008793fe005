package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/privilege"
	"github.com/slugc/slugc/build/lifecycle/target"
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

// connect reads the credentials for images, those of the inputs and others, as long
// as the process may; then it makes the process the user that builds, whom the
// directories belong to from then on. No variable shows the credentials to what a
// phase starts.
func (p *program) connect(others []string, dirs ...string) error {
	images, err := p.registry(append(p.in.Images(), others...)...)
	if err != nil {
		return err
	}
	p.images, p.connected = images, true
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
