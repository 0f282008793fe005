package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
)

// Images completes what is known of images that extensions chose, or are to extend (CNB
// Platform API, "restorer").
type Images struct {
	API platform.API
	// Registry has the images that are to be extended, whatever the Target of the app
	// is.
	Registry, Target target.Target
	// Layout says that the target is OCI layouts, in which no run image is extended.
	Layout bool
	// Store gets what the extender needs of an image.
	Store extend.Store
	Log   *platform.Log
}

// Build puts the image that builds into the store and returns it by digest. Its errors
// are of class Generic.
func (i Images) Build(ctx context.Context, image string) (files.Reference, error) {
	i.Log.Debugf("Pulling builder image metadata for %s...", image)
	_, reference, err := i.pull(ctx, image)
	if err != nil {
		return files.Reference{}, &Failure{"pull builder image " + image, Generic, err}
	}
	return files.Reference{Reference: reference}, nil
}

// pull puts an image into the store.
func (i Images) pull(ctx context.Context, image string) (oci.Base, string, error) {
	found, err := i.Registry.Find(ctx, image)
	if err == nil && !found.There {
		err = errors.New("failed to get remote image")
	}
	if err != nil {
		return oci.Base{}, "", err
	}
	if err := i.Store.Keep(found.Image); err != nil {
		return oci.Base{}, "", fmt.Errorf("failed to save sparse image: %w", err)
	}
	// The reference is that of this machine's image, also where the name is that of
	// images for several.
	digest, err := found.Image.Digest()
	if err != nil {
		return oci.Base{}, "", err
	}
	ref, err := name.ParseReference(image, name.WeakValidation)
	if err != nil {
		return oci.Base{}, "", err
	}
	return found.Base, ref.Context().Digest(digest.String()).String(), nil
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
	case run.Extend && i.API.ExtendRun && !i.Layout:
		i.Log.Debugf("Pulling run image metadata for %s...", image)
		base, reference, err := i.pull(ctx, image)
		if err != nil {
			return run, &Failure{"pull run image " + image, Generic, err}
		}
		return i.updated(run, base, reference)
	case i.API.Extensions && (run.Target == nil || run.Target.OS == "") && image != "":
		i.Log.Debugf("Updating run image info in analyzed metadata...")
		found, err := i.Target.Find(ctx, image)
		if err == nil && !found.There {
			err = errors.New("there is no such image")
		}
		if err != nil {
			return run, &Failure{"get run image " + image, Generic, err}
		}
		return i.updated(run, found.Base, found.ID)
	}
	return run, nil
}

// updated is a run image with what it is and runs on.
func (i Images) updated(run files.RunImage, base oci.Base, reference string) (files.RunImage, error) {
	run.Reference, run.Target = reference, nil
	if !i.API.Targets {
		return run, nil
	}
	config, err := base.Image.ConfigFile()
	if err == nil && config.OS == "" {
		err = errors.New("failed to find OS in run image config")
	}
	if err != nil {
		return run, &Failure{"read target data from run image", Generic, err}
	}
	run.Target = files.NewTarget(base.Target, config.Config.Labels[targetLabel])
	return run, nil
}
