package lifecycle

import (
	"context"
	"errors"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/detect"
)

// Builder runs the buildpacks that were chosen (CNB Platform API, "builder").
type Builder struct {
	API      platform.API
	Place    Place
	Plan     detect.Plan
	Analyzed files.Analyzed
	Log      *platform.Log
}

// Run builds and returns what there is to say about it, for metadata.toml. The
// classes of its errors are BuildpackBuild and BuildError.
func (b Builder) Run(ctx context.Context) (files.BuildMetadata, error) {
	defer b.Log.Timer("Builder")()
	metadata, err := b.run(ctx)
	if failed, ok := errors.AsType[*buildpacks.CompileError](err); ok && failed.Step == "bin/build" {
		return files.BuildMetadata{}, &Failure{"build", BuildpackBuild, failed.Err}
	}
	if err != nil {
		return files.BuildMetadata{}, &Failure{"build", BuildError, err}
	}
	return metadata, nil
}

func (b Builder) run(ctx context.Context) (files.BuildMetadata, error) {
	builder := build.Builder{
		Compilers: map[string]build.Compiler{}, LegacySBOM: b.API.LegacyBOMFiles,
		Warned: func(text string) { b.Log.Warnf("%s", text) },
	}
	for _, c := range b.Plan.Group {
		opened, err := cnb.Open(b.Place.buildpackDir(c.ID, c.Version))
		if err != nil {
			return files.BuildMetadata{}, err
		}
		builder.Compilers[c.ID] = opened
	}
	site, err := b.Place.site(b.Analyzed)
	if err != nil {
		return files.BuildMetadata{}, err
	}
	tree, err := builder.Build(ctx, site, build.Only(b.Plan))
	if err != nil {
		return files.BuildMetadata{}, err
	}
	return files.NewBuildMetadata(tree, b.API.CommandList), nil
}
