package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
)

// Images completes what is known of images that extensions chose, or are to extend (CNB
// Platform API, "restorer").
type Images struct {
	API platform.API
	// Registry has the images that are to be extended, also where the Target of the app
	// is a daemon, which has no manifests; Target where Layout says that it is OCI
	// layouts.
	Registry, Target target.Target
	Layout           bool
	// Store gets what the extender needs of an image.
	Store extend.Store
	Log   *platform.Log
}

// Build puts the image that builds into the store and returns it by digest. Its errors
// are of class Generic.
func (i Images) Build(ctx context.Context, image string) (files.Reference, error) {
	i.Log.Debugf("Pulling builder image metadata for %s...", image)
	found, err := i.keep(ctx, i.Registry, image)
	if err != nil {
		return files.Reference{}, &Failure{"pull builder image " + image, Generic, err}
	}
	return files.Reference{Reference: found.ID}, nil
}

// keep puts an image into the store, and returns it with the reference by which the
// store has it.
func (i Images) keep(ctx context.Context, from target.Target, image string) (target.Found, error) {
	found, err := from.Find(ctx, image)
	if err == nil && !found.There {
		err = errors.New("failed to get remote image")
	}
	if err != nil {
		return found, err
	}
	if err := i.Store.Keep(found.Image); err != nil {
		return found, fmt.Errorf("failed to save sparse image: %w", err)
	}
	// It is this machine's image, also where the name is that of images for several.
	digest, err := found.Image.Digest()
	place, _, _ := strings.Cut(found.ID, "@")
	found.ID = place + "@" + digest.String()
	return found, err
}

// Run returns what is known of a run image: one that is to be extended goes into the
// store, and of one that the analyzer did not see it is found out what it runs on. Its
// errors are of class Generic.
func (i Images) Run(ctx context.Context, run files.RunImage) (files.RunImage, error) {
	image := run.Image
	if image == "" {
		image = run.Reference
	}
	switch {
	case run.Extend && i.API.ExtendRun:
		i.Log.Debugf("Pulling run image metadata for %s...", image)
		from := i.Registry
		if i.Layout {
			from = i.Target
		}
		found, err := i.keep(ctx, from, image)
		if err != nil {
			return run, &Failure{"pull run image " + image, Generic, err}
		}
		return i.updated(run, found)
	case i.API.Extensions && (run.Target == nil || run.Target.OS == "") && image != "":
		i.Log.Debugf("Updating run image info in analyzed metadata...")
		found, err := i.Target.Find(ctx, image)
		if err == nil && !found.There {
			err = errors.New("there is no such image")
		}
		if err != nil {
			return run, &Failure{"get run image " + image, Generic, err}
		}
		return i.updated(run, found)
	}
	return run, nil
}

// updated is a run image with what it is and runs on.
func (i Images) updated(run files.RunImage, found target.Found) (files.RunImage, error) {
	run.Reference, run.Target = found.ID, nil
	if !i.API.Targets {
		return run, nil
	}
	config, err := found.Image.ConfigFile()
	if err == nil && config.OS == "" {
		err = errors.New("failed to find OS in run image config")
	}
	if err != nil {
		return run, &Failure{"read target data from run image", Generic, err}
	}
	run.Target = files.NewTarget(found.Target, config.Config.Labels[targetLabel])
	return run, nil
}
