package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
)

func (p *program) builderCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "builder",
		Short: "Make builder images for pack and other platforms, and look at them",
		Long: `Make builder images for pack and other platforms, and look at them.

A builder is an image with a lifecycle, buildpacks, the order in which they are
tried, and the names of the images that apps run on. pack, kpack and Tekton build
in containers of it.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.builderCreateCommand(), p.builderInspectCommand(), p.builderLifecycleCommand())
	return c
}

// ownLifecycle is the lifecycle that slugc carries, for an architecture.
func ownLifecycle(arch string) (builder.LifecycleArchive, error) {
	archive, err := embeddedGzip("lifecycle", "linux", arch)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this slugc carries no lifecycle for linux/%s; make build brings those for %s", arch, strings.Join(carriedArchs, ", "))
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(archive)
}

// imageDests reads the places that images are to go to. What names a registry
// needs no transport, as with other tools.
func (p *program) imageDests(command string, args []string) ([]imageDest, error) {
	var dests []imageDest
	for i, arg := range args {
		if slices.Contains(args[:i], arg) {
			return nil, &cli.UsageError{Command: command, Err: fmt.Errorf("destination %q is named twice", arg)}
		}
		dest := imageDest{typed: arg, access: oci.Access{
			Keychain: p.keychain(), Daemon: p.dockerDaemon(), Warn: func(err error) { p.voice.Warningf("%v", err) },
		}}
		if !oci.HasTransport(arg) && namesRegistry(arg) {
			dest.typed = "docker://" + arg
		}
		if _, err := dest.open(); err != nil {
			return nil, &cli.UsageError{Command: command, Err: err}
		}
		dests = append(dests, dest)
	}
	return dests, nil
}

// namesRegistry is whether a reference begins with the host of a registry.
func namesRegistry(ref string) bool {
	host, _, found := strings.Cut(ref, "/")
	if !found || !strings.ContainsAny(host, ".:") && host != "localhost" || strings.HasPrefix(host, ".") {
		return false
	}
	_, err := name.NewTag(ref, name.WeakValidation)
	return err == nil
}

// imageDest is a place that images go to.
type imageDest struct {
	typed  string
	access oci.Access
}

func (d imageDest) open() (oci.Destination, error) { return oci.ParseDest(d.typed, d.access) }

// checkDests makes sure that all places can be written to.
func checkDests(ctx context.Context, dests []imageDest) error {
	for _, d := range dests {
		destination, err := d.open()
		if err != nil {
			return err
		}
		if checker, ok := destination.(oci.Checker); ok {
			if err := checker.Check(ctx); err != nil {
				return &deploy.PackError{Err: err}
			}
		}
	}
	return nil
}

// exportImages takes images to all places, as an index if there are several.
func (p *program) exportImages(ctx context.Context, dests []imageDest, images []oci.Image) (made []artifact.Artifact, text string, err error) {
	for _, d := range dests {
		a, err := p.exportOne(ctx, d, images)
		if err != nil {
			return nil, "", &deploy.PackError{Err: err}
		}
		made = append(made, a)
		text += fmt.Sprintf("       %s  %s  %s\n", typed(a), cli.Bytes(a.Size), a.Digest)
	}
	return made, text, nil
}

func (p *program) exportOne(ctx context.Context, d imageDest, images []oci.Image) (artifact.Artifact, error) {
	live := p.voice.Live("Writing " + d.typed)
	defer live.Stop()
	d.access.Progress = live.Progress
	destination, err := d.open()
	if err != nil {
		return artifact.Artifact{}, err
	}
	return export(ctx, destination, images)
}
