package deploy

import (
	"context"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
)

// Form is a kind of artifact, with all destinations that want it.
type Form interface {
	// Jobs are the parts of the tree that the artifact is made of, each in one
	// shape. App is the index of the app directory without the layers.
	Jobs(tree artifact.Tree, app pack.Index) ([]pack.Job, error)
	// Export writes the artifact to every destination.
	Export(ctx context.Context, packed Packed) ([]artifact.Artifact, error)
}

// Packed is a tree of which all parts that a form wants are packed.
type Packed struct {
	Tree artifact.Tree
	// App is the index of the app directory without the layers.
	App pack.Index
	// Segments are those of the form's jobs, in their order.
	Segments [][]artifact.Segment
	// Previous is the earlier image of the app, if there is one.
	Previous oci.Previous
	// Project says what the source is.
	Project oci.ProjectMetadata
	// Memory remembers what was written where.
	Memory pack.Store
	// DaemonState is the file that remembers what a Docker daemon has.
	DaemonState string
}
