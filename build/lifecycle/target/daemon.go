package target

import (
	"context"
	"fmt"
	"strings"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/oci"
)

// LaunchCache has layers of images that are in a daemon, which hands out no layer alone:
// cache.Launch.
type LaunchCache interface {
	// Find finds the tar of a layer.
	Find(diffID string) (path string, found bool)
	// Memory is a file for what is known of the daemon.
	Memory() string
	// Replace makes layers the state of the cache: files with tars, by diffID; one
	// without a file is kept.
	Replace(ctx context.Context, layers map[string]string) error
}

// Daemon is images in a Docker daemon. That unpacks layers at once, so that an exporter
// packs them raw (pack.Shape).
type Daemon struct {
	client *daemon.Client
	// launch is nil where there is no launch cache.
	launch LaunchCache
	temp   string
	warn   func(error)
}

var (
	_ Target   = (*Daemon)(nil)
	_ Unpacker = (*Daemon)(nil)
)

// NewDaemon is the images of a daemon. The launch cache may be nil. Layers that have to
// be read from the daemon are in the directory temp, or in that of the system when it
// is empty. Warn hears of trouble with the launch cache; it may be nil.
func NewDaemon(client *daemon.Client, launch LaunchCache, temp string, warn func(error)) *Daemon {
	if warn == nil {
		warn = func(error) {}
	}
	if launch != nil {
		client.Cached = launch.Find
	}
	return &Daemon{client: client, launch: launch, temp: temp, warn: warn}
}

// Find opens an image by name or id. Its layers are read from the launch cache, and from
// the daemon where they are not there.
func (d *Daemon) Find(ctx context.Context, image string) (Found, error) {
	base, found, err := oci.InDaemon(ctx, d.client, image)
	if err != nil || !found {
		return Found{Base: oci.Base{Name: image}}, err
	}
	base.Name = image
	return Found{There: true, Base: base, ID: bare(base.Reference)}, nil
}

// bare is an id of the daemon as the files and labels of lifecycles have it: without
// the kind of its sum.
func bare(id string) string { return strings.TrimPrefix(id, "sha256:") }

// Unpacks is true: a daemon unpacks layers as it loads them.
func (d *Daemon) Unpacks() bool { return true }

// Access has nothing to check: who may ask the daemon may do everything.
func (d *Daemon) Access(context.Context, []string, []string) error { return nil }

// Reach reports whether an image is there.
func (d *Daemon) Reach(ctx context.Context, image string) bool {
	_, found, err := d.client.Inspect(ctx, image)
	return err == nil && found
}

// Export loads an image under all of its names, and puts into the launch cache what the
// next image may want of it.
func (d *Daemon) Export(ctx context.Context, image oci.Image, names []string) (Saved, error) {
	e := daemon.Exporter{Client: d.client, Temp: d.temp, Warn: d.warn}
	if d.launch != nil {
		e.Memory = d.launch.Memory()
	}
	loaded, err := e.Export(ctx, image, names)
	if err != nil {
		return Saved{}, err
	}
	saved := Saved{ID: bare(loaded.ID)}
	for _, outcome := range loaded.Names {
		saved.Names = append(saved.Names, Outcome(outcome))
	}
	if err := d.keep(ctx, image); err != nil {
		if ctx.Err() != nil {
			return Saved{}, context.Cause(ctx)
		}
		d.warn(fmt.Errorf("keeping layers in the launch cache: %w", err))
	}
	return saved, nil
}

// keep keeps the layers of an image that a later build may not have on disk: the app
// is always there.
func (d *Daemon) keep(ctx context.Context, image oci.Image) error {
	if d.launch == nil {
		return nil
	}
	layers := map[string]string{}
	for _, s := range image.Segments {
		if strings.HasPrefix(s.Name, oci.AppPart) && !strings.Contains(s.Name, ":") {
			continue
		}
		layers[s.DiffID] = ""
		if s.Raw() {
			layers[s.DiffID] = s.File
		}
	}
	return d.launch.Replace(ctx, layers)
}
