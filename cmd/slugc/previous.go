package main

import (
	"context"
	"errors"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
)

// previous opens the earlier image of an app: the one that --previous-image
// names, else the one that the first image destination holds. One that cannot
// be used costs time and nothing else, so that it is a warning; that there is
// none where nobody named one is nothing to talk about.
func (p *program) previous(ctx context.Context, f buildFlags, target stack.Target) (oci.Previous, error) {
	ref := f.previousImage
	for _, dest := range f.dests {
		if ref == "" && oci.HasTransport(dest) {
			ref = dest
		}
	}
	if ref == "" {
		ref = inDaemon(f.dests)
	}
	if ref == "" {
		return oci.Previous{}, nil
	}
	image, found, err := p.openPrevious(ctx, ref, f.dests, target)
	if ctx.Err() != nil {
		return oci.Previous{}, context.Cause(ctx)
	}
	var previous oci.Previous
	if err == nil && found {
		previous, err = oci.NewPrevious(image.Image)
	}
	failed, opening := errors.AsType[*oci.OpenError](err)
	none := opening && (failed.Missing() || f.index && failed.OtherPlatform())
	if err != nil && (f.previousImage != "" || !none) {
		p.voice.Warningf("Not reusing layers of the previous image %s: %v", ref, err)
	}
	return previous, nil
}

// openPrevious opens an image. Found is false for one of a daemon that is not there.
func (p *program) openPrevious(ctx context.Context, ref string, dests []string, target stack.Target) (_ oci.Base, found bool, err error) {
	if !strings.HasPrefix(ref, oci.DaemonKind+":") {
		opener := oci.Opener{Keychain: p.keychain(), Target: stack.Target{OS: target.OS, Arch: target.Arch, Variant: target.Variant}}
		image, err := opener.Open(ctx, ref)
		return image, true, err
	}
	if inDaemon(dests) == "" {
		return oci.Base{}, false, errors.New("layers of an image in a Docker daemon go nowhere else, and not every image DEST is docker-daemon:REPO:TAG")
	}
	at, err := oci.ParseDest(ref, oci.Access{Daemon: p.dockerDaemon()})
	if err != nil {
		return oci.Base{}, false, err
	}
	return at.(oci.Daemon).Open(ctx)
}

// inDaemon is the first destination if all images go to a daemon, else nothing.
func inDaemon(dests []string) string {
	first := ""
	for _, dest := range dests {
		switch {
		case strings.HasPrefix(dest, slugPrefix):
		case !strings.HasPrefix(dest, oci.DaemonKind+":"):
			return ""
		case first == "":
			first = dest
		}
	}
	return first
}
