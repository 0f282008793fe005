package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
)

const (
	// slugPrefix is the transport of a slug.
	slugPrefix = "slug:"
	// defaultSlug is the slug of a build that names no destination.
	defaultSlug = "slug.tgz"
	// recordSuffix makes the name of a release record of a slug's.
	recordSuffix = ".json"
)

// forms reads the destinations of slugc build. The image has yet to be put on
// a base, and divided.
func (p *program) forms(f buildFlags) (slugs deploy.Slug, image deploy.Image, err error) {
	wrong := func(err error) error { return &cli.UsageError{Command: "slugc build", Err: err} }
	limit, err := cli.ParseBytes(f.maxSize)
	if err != nil {
		return slugs, image, wrong(fmt.Errorf("--max-slug-size: %w", err))
	}
	if limit == 0 {
		limit = slug.Unlimited
	}
	warn := func(err error) { p.voice.Warningf("%v", err) }
	slugs = deploy.Slug{Warn: warn, Writer: slug.Writer{
		MaxSize: limit,
		Warn:    warn,
		Large: func(size int64) {
			p.voice.Warningf("The slug is large: %s. Processes start slowly from a large slug; leave out what the app does not need at run time.", cli.Bytes(size))
		},
	}}
	if image.Created, err = p.sourceDate("slugc build"); err != nil {
		return slugs, image, err
	}
	image.Warn, image.Index = warn, f.index
	image.Joined = func(a artifact.Artifact, j oci.Joint) {
		p.voice.Detailf("%s is the index %s: %s", typed(a), j.Digest, strings.Join(j.Platforms, ", "))
	}
	keychain := p.keychain()
	for i, dest := range f.dests {
		if slices.Contains(f.dests[:i], dest) {
			return slugs, image, wrong(fmt.Errorf("destination %q is named twice", dest))
		}
		file, isSlug := strings.CutPrefix(dest, slugPrefix)
		switch {
		case isSlug && file == "":
			return slugs, image, wrong(fmt.Errorf("destination %q: it names no file; expected slug:FILE", dest))
		case isSlug:
			slugs.Files = append(slugs.Files, file)
		default:
			destination, err := oci.ParseDest(dest, oci.Access{Keychain: keychain, Daemon: p.dockerDaemon(), Warn: warn})
			if err != nil {
				return slugs, image, wrong(fmt.Errorf("%w, or slug:FILE", err))
			}
			if _, is := destination.(oci.Daemon); is && f.index {
				return slugs, image, wrong(fmt.Errorf("destination %q: a Docker daemon holds no index; leave --index out", dest))
			}
			image.Destinations = append(image.Destinations, destination)
		}
	}
	if len(image.Destinations) == 0 && f.runImage != "" {
		return slugs, image, wrong(errors.New("--run-image is the base of an image, and no destination is one; add -o oci:DIR"))
	}
	if len(image.Destinations) == 0 && f.index {
		return slugs, image, wrong(errors.New("--index joins images, and no destination is one; add -o oci:DIR"))
	}
	if len(image.Destinations) == 0 && f.previousImage != "" {
		return slugs, image, wrong(errors.New("--previous-image has layers of an image, and no destination is one; add -o oci:DIR"))
	}
	return slugs, image, nil
}

// divided is an image for daemons, whose layers nobody compresses, and one for all
// others.
func divided(image deploy.Image) []deploy.Form {
	others, daemons := image, image
	others.Destinations, daemons.Destinations, daemons.Raw = nil, nil, true
	for _, to := range image.Destinations {
		if _, is := to.(oci.Daemon); is {
			daemons.Destinations = append(daemons.Destinations, to)
		} else {
			others.Destinations = append(others.Destinations, to)
		}
	}
	var forms []deploy.Form
	for _, form := range []deploy.Image{others, daemons} {
		if len(form.Destinations) > 0 {
			forms = append(forms, form)
		}
	}
	return forms
}

// dockerDaemon is the daemon that the variables of Docker's clients name.
func (p *program) dockerDaemon() daemon.Config { return daemon.FromEnv(p.env.Get) }

// onBase puts an image on the run image that was named, or on that of the
// stack.
func onBase(ctx context.Context, image deploy.Image, f buildFlags, stacks *base.Stacks) (_ deploy.Image, err error) {
	if f.runImage != "" {
		image.Base, err = stacks.RunImage(ctx, f.runImage)
	} else {
		image.Base, err = stacks.Image(ctx, f.stack)
	}
	if err != nil {
		return deploy.Image{}, err
	}
	image.Launcher, err = launcherFor(image.Base.Target)
	return image, err
}

// outputs are the files and directories of the destinations that are on this
// machine.
func outputs(dests []string) []string {
	var paths []string
	for _, dest := range dests {
		for _, transport := range []string{slugPrefix, "oci:", "oci-archive:"} {
			rest, ok := strings.CutPrefix(dest, transport)
			if !ok {
				continue
			}
			paths = append(paths, rest)
			if transport != slugPrefix {
				// What follows the last colon may be a tag.
				if untagged := rest[:max(0, strings.LastIndex(rest, ":"))]; untagged != "" {
					paths = append(paths, untagged)
				}
			}
		}
	}
	return paths
}

// typed is an artifact as a person would name it on the command line.
func typed(a artifact.Artifact) string {
	if a.Kind == "docker" {
		return "docker://" + a.Ref
	}
	return a.Kind + ":" + a.Ref
}

// besideSlug is where the release record goes when nobody says: beside the
// first slug.
func besideSlug(dests []string) string {
	for _, dest := range dests {
		if file, ok := strings.CutPrefix(dest, slugPrefix); ok {
			return file + recordSuffix
		}
	}
	return ""
}
