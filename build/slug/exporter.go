package slug

import (
	"context"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// Exporter makes a slug of a tree. A caller who wants other shapes of the same
// tree as well packs the jobs of all of them together instead.
type Exporter struct {
	Packer pack.Packer
	Writer Writer
}

// Export packs tree and extra, slugc's own files, and writes the slug to
// dest. See Jobs and Writer.Write.
func (e Exporter) Export(ctx context.Context, dest string, tree artifact.Tree, extra []pack.File) (artifact.Artifact, error) {
	app, err := appIndex(ctx, tree)
	if err != nil {
		return artifact.Artifact{}, err
	}
	jobs, err := Jobs(tree, app, extra)
	if err != nil {
		return artifact.Artifact{}, err
	}
	packed, err := e.Packer.Pack(ctx, jobs)
	if err != nil {
		return artifact.Artifact{}, err
	}
	var segments []artifact.Segment
	for _, shapes := range packed {
		segments = append(segments, shapes...)
	}
	return e.Writer.Write(ctx, dest, tree, segments)
}
