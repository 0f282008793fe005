package deploy

import (
	"context"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
)

// Image makes an OCI image and takes it to its destinations.
type Image struct {
	Base     oci.Base
	Launcher oci.Launcher
	// Destinations receive the image, in this order.
	Destinations []oci.Destination
}

var _ Form = Image{}

// Ready says which destination could not take the image.
func (i Image) Ready() error {
	for _, destination := range i.Destinations {
		if c, ok := destination.(oci.Checker); ok {
			if err := c.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Jobs are the layers of the image.
func (i Image) Jobs(tree artifact.Tree, app pack.Index) ([]pack.Job, error) {
	return i.recipe(tree, app).Jobs()
}

// Export assembles the image and takes it to every destination.
func (i Image) Export(ctx context.Context, packed Packed) ([]artifact.Artifact, error) {
	image, err := i.recipe(packed.Tree, packed.App).Assemble(packed.Segments)
	if err != nil {
		return nil, err
	}
	var made []artifact.Artifact
	for _, destination := range i.Destinations {
		if layout, ok := destination.(oci.Layout); ok {
			layout.Memory = packed.Memory
			destination = layout
		}
		a, err := destination.Export(ctx, image)
		if err != nil {
			return nil, err
		}
		made = append(made, a)
	}
	return made, nil
}

func (i Image) recipe(tree artifact.Tree, app pack.Index) oci.Recipe {
	return oci.Recipe{Base: i.Base, Tree: tree, Launcher: i.Launcher, AppIndex: app}
}
