package main

import (
	"context"
	"errors"

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
		return oci.Previous{}, nil
	}
	opener := oci.Opener{Keychain: p.keychain(), Target: stack.Target{OS: target.OS, Arch: target.Arch, Variant: target.Variant}}
	image, err := opener.Open(ctx, ref)
	if ctx.Err() != nil {
		return oci.Previous{}, context.Cause(ctx)
	}
	var previous oci.Previous
	if err == nil {
		previous, err = oci.NewPrevious(image.Image)
	}
	failed, opening := errors.AsType[*oci.OpenError](err)
	none := opening && (failed.Missing() || f.index && failed.OtherPlatform())
	if err != nil && (f.previousImage != "" || !none) {
		p.voice.Warningf("Not reusing layers of the previous image %s: %v", ref, err)
	}
	return previous, nil
}
