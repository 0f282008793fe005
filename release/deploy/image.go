package deploy

import (
	"context"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/pack"
)

// Image makes an OCI image and takes it to its destinations.
type Image struct {
	Base     oci.Base
	Launcher assemble.Launcher
	// Destinations receive the image, in this order.
	Destinations []oci.Destination
	// Raw leaves layers uncompressed, for destinations that unpack them at once.
	Raw bool
	// Created is the time of creation that the image states; a fixed one when
	// zero.
	Created time.Time
	// Index joins the image with those for other platforms that a destination
	// holds. Joined is told what became of it; it may be nil.
	Index  bool
	Joined func(artifact.Artifact, oci.Joint)
	// Warn hears of what the image has otherwise than buildpacks asked for. It
	// may be nil.
	Warn func(error)
}

var _ Form = Image{}

// Ready says which destination could not take the image.
func (i Image) Ready(ctx context.Context) error {
	for _, destination := range i.Destinations {
		if c, ok := i.joined(destination).(oci.Checker); ok {
			if err := c.Check(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Jobs are the layers of the image.
func (i Image) Jobs(tree artifact.Tree, app pack.Index) ([]pack.Job, error) {
	jobs, err := i.recipe(tree, app).Jobs()
	for _, job := range jobs {
		for n := range job.Shapes {
			job.Shapes[n].Raw = i.Raw
		}
	}
	return jobs, err
}

// Export assembles the image and takes it to every destination.
func (i Image) Export(ctx context.Context, packed Packed) ([]artifact.Artifact, error) {
	recipe := i.recipe(packed.Tree, packed.App)
	recipe.Previous, recipe.Project, recipe.ExecEnv = packed.Previous.Image, packed.Project, packed.Tree.ExecEnv
	image, err := recipe.Assemble(packed.Segments)
	if err != nil {
		return nil, err
	}
	var made []artifact.Artifact
	pushed := map[string]*name.Tag{}
	for _, destination := range i.Destinations {
		switch d := destination.(type) {
		case oci.Layout:
			d.Memory = packed.Memory
			destination = d
		case oci.Daemon:
			d.Memory = packed.DaemonState
			destination = d
		case oci.Registry:
			// What is in a registry once need not be sent to it again.
			d.Beside = pushed[d.Tag.RegistryStr()]
			pushed[d.Tag.RegistryStr()] = &d.Tag
			destination = d
		}
		a, err := i.joined(destination).Export(ctx, image)
		if err != nil {
			return nil, err
		}
		made = append(made, a)
	}
	return made, nil
}

// joined is a destination as one of an index, if that is wanted.
func (i Image) joined(to oci.Destination) oci.Destination {
	if !i.Index {
		return to
	}
	return oci.Joined{To: to, Told: i.Joined}
}

func (i Image) recipe(tree artifact.Tree, app pack.Index) assemble.Recipe {
	return assemble.Recipe{Base: i.Base, Tree: tree, Launcher: i.Launcher, AppIndex: app, Created: i.Created, Warn: i.Warn}
}
