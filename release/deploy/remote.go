package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// pull brings what builds on other machines left for the buildpacks of the
// plan. A build never fails for its cache.
func (d Deploy) pull(ctx context.Context, work workplace, plan planned, req Request) error {
	if req.Remote == nil {
		return nil
	}
	if req.ClearCache {
		d.Voice.Stepf("Clearing the cache %s", req.Remote)
		return d.warnOf(ctx, req.Remote.Clear(ctx), "Who builds next may still find what was there.")
	}
	began := time.Now()
	d.Voice.Stepf("Restoring the cache %s", req.Remote)
	registry := *req.Remote
	tell, end := d.Progress("Restoring")
	registry.Progress = tell
	pulled, err := registry.Pull(ctx, work.entry, work.site.Layers.Host, plan.descriptors())
	end()
	if err := d.warnOf(ctx, err, "This build goes on with what lies on this machine."); err != nil {
		return err
	}
	for _, missed := range pulled.Missed {
		d.Voice.Warningf("%v\nThis build goes on without it.", missed)
	}
	switch here := len(pulled.Here); {
	case err != nil:
	case !pulled.Found:
		d.Voice.Detailf("Nothing there yet")
	case len(pulled.Layers) > 0:
		d.Voice.Detailf("%s, %s in %s", layers(len(pulled.Layers)), report.Size(pulled.Size), report.Duration(time.Since(began)))
	case here > 0:
		d.Voice.Detailf("%s of it on this machine already", layers(here))
	case len(pulled.Missed) == 0:
		d.Voice.Detailf("Nothing in it for these buildpacks")
	}
	return nil
}

// push leaves for builds on other machines what this one made.
func (d Deploy) push(ctx context.Context, work workplace, tree artifact.Tree, jobs []pack.Job, req Request) error {
	if req.Remote == nil {
		return nil
	}
	began := time.Now()
	d.Voice.Stepf("Saving the cache %s", req.Remote)
	registry := *req.Remote
	tell, end := d.Progress("Saving")
	registry.Progress = tell
	pushed, err := registry.Push(ctx, work.entry, tree, jobs, registries(req.Forms)...)
	end()
	switch {
	case err != nil:
		return d.warnOf(ctx, err, "The next build on another machine will take longer.")
	case pushed.Unchanged:
		d.Voice.Detailf("Nothing has changed")
	default:
		d.Voice.Detailf("Sent %s in %s", report.Size(pushed.Size), report.Duration(time.Since(began)))
	}
	return nil
}

// warnOf says what a cache could not do. Only the end of the build itself is an
// error.
func (d Deploy) warnOf(ctx context.Context, err error, consequence string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	d.Voice.Warningf("%v\n%s", err, consequence)
	return nil
}

// registries are where the images of a build were pushed to.
func registries(forms []Form) []oci.Registry {
	var all []oci.Registry
	for _, form := range forms {
		image, ok := form.(Image)
		if !ok {
			continue
		}
		for _, destination := range image.Destinations {
			if registry, ok := destination.(oci.Registry); ok {
				all = append(all, registry)
			}
		}
	}
	return all
}

// layers is a number of layers.
func layers(n int) string {
	if n == 1 {
		return "1 layer"
	}
	return fmt.Sprintf("%d layers", n)
}
