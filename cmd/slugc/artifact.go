package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/stack/rootfs"
)

// picked is what the processes of a release are made of.
type picked struct {
	formation.Release
	config release.Config
	// lease keeps it from being removed until it is closed.
	lease io.Closer
}

// unleased is the lease of what nobody removes.
type unleased struct{}

func (unleased) Close() error { return nil }

// pick finds what the processes of a release are made of. Its digest is checked.
func (d desk) pick(ctx context.Context, r release.Release) (parts picked, err error) {
	parts = picked{Release: formation.Release{Name: r.Version()}, lease: unleased{}}
	switch r.Artifact.Kind {
	case release.SlugKind:
		parts.Slug, err = d.slugs.Path(ctx, r.Artifact.Digest)
	case release.ImageKind:
		parts.Image, parts.lease, err = d.image(ctx, r.Artifact.Digest)
	default:
		err = &release.UnknownError{App: r.App}
	}
	if err != nil {
		return picked{}, err
	}
	if parts.config, err = d.Config(ctx, r); err != nil {
		return picked{}, errors.Join(err, parts.lease.Close())
	}
	parts.Env = r.Env(parts.config)
	return parts, nil
}

// image is an image that a release has, unpacked, until its lease is closed.
func (d desk) image(ctx context.Context, digest string) (*formation.Image, io.Closer, error) {
	image, root, lease, err := d.images.Open(ctx, digest)
	if err != nil {
		return nil, nil, err
	}
	made, err := formation.NewImage(image, root)
	if err != nil {
		return nil, nil, errors.Join(err, lease.Close())
	}
	return made, lease, nil
}

// imageTransports are those of images whose processes slugc runs.
var imageTransports = []string{"oci:", "oci-archive:", "docker://"}

// namesImage tells whether what a person names is an image.
func namesImage(what string) bool {
	return slices.ContainsFunc(imageTransports, func(transport string) bool { return strings.HasPrefix(what, transport) })
}

// openImage unpacks an image that nobody has released, to the cache.
func (p *program) openImage(ctx context.Context, ref string) (*formation.Image, error) {
	opened, err := oci.Opener{Keychain: p.keychain(), Target: machine()}.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	cache, err := p.cacheRoot()
	if err != nil {
		return nil, err
	}
	root, err := rootfs.Store{Dir: filepath.Join(cache, "images")}.Unpack(ctx, opened.Image)
	if err != nil {
		return nil, err
	}
	return formation.NewImage(opened.Image, root)
}

// noStack says that an image brings what it runs on.
func noStack(command, on string) error {
	if on == "" {
		return nil
	}
	return &cli.UsageError{Command: command, Err: fmt.Errorf("--stack %s is for slugs: an image runs on what it has", on)}
}
