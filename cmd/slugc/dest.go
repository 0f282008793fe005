package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/stack"
)

// slugPrefix is the transport of a slug.
const slugPrefix = "slug:"

// forms reads the destinations of slugc build.
func (p *program) forms(ctx context.Context, f buildFlags, target stack.Target) ([]deploy.Form, error) {
	limit, err := cli.ParseBytes(f.maxSize)
	if err != nil {
		return nil, &cli.UsageError{Command: "slugc build", Err: fmt.Errorf("--max-slug-size: %w", err)}
	}
	warn := func(err error) { p.voice.Warningf("%v", err) }
	slugs := deploy.Slug{Writer: slug.Writer{
		MaxSize: limit,
		Warn:    warn,
		Large: func(size int64) {
			p.voice.Warningf("The slug is large: %s. Processes start slowly from a large slug; list what is not needed in .slugignore.", cli.Bytes(size))
		},
	}}
	image := deploy.Image{}
	for _, dest := range f.dests {
		file, isSlug := strings.CutPrefix(dest, slugPrefix)
		switch {
		case isSlug && file == "":
			return nil, &cli.UsageError{Command: "slugc build", Err: fmt.Errorf("destination %q: it names no file; expected slug:FILE", dest)}
		case isSlug:
			slugs.Files = append(slugs.Files, file)
		default:
			destination, err := oci.ParseDest(dest, oci.Access{Keychain: authn.DefaultKeychain, Warn: warn})
			if err != nil {
				return nil, &cli.UsageError{Command: "slugc build", Err: fmt.Errorf("%w, or slug:FILE", err)}
			}
			image.Destinations = append(image.Destinations, destination)
		}
	}
	var forms []deploy.Form
	if len(slugs.Files) > 0 {
		forms = append(forms, slugs)
	}
	if len(image.Destinations) == 0 {
		return forms, nil
	}
	if image.Base, err = p.base(ctx, f.runImage, target); err != nil {
		return nil, err
	}
	if image.Launcher, err = launcherFor(image.Base.Target); err != nil {
		return nil, err
	}
	return append(forms, image), nil
}

// base opens the image that the app's image stands on.
func (p *program) base(ctx context.Context, ref string, target stack.Target) (oci.Base, error) {
	if ref == "" {
		p.voice.Warningf("The image has no base: it stands on scratch, where only programs that bring their own libraries start.\nName one with --run-image REF.")
		ref = "scratch"
	}
	return oci.Opener{
		Keychain: authn.DefaultKeychain,
		// The distribution may be another one than this machine's.
		Target: stack.Target{OS: target.OS, Arch: target.Arch, Variant: target.Variant},
	}.Open(ctx, ref)
}

// besideSlug is where the release record goes when nobody says: beside the
// first slug.
func besideSlug(dests []string) string {
	for _, dest := range dests {
		if file, ok := strings.CutPrefix(dest, slugPrefix); ok {
			return file + ".json"
		}
	}
	return ""
}
