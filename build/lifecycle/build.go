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
	"github.com/slugc/slugc/stack/launch"
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
	}
	heard := &heard{}
	for _, c := range b.Plan.Group {
		opened, err := cnb.OpenAny(b.Place.buildpackDir(c.ID, c.Version))
		if err != nil {
			return files.BuildMetadata{}, err
		}
		opened.Tolerant = true
		builder.Compilers[c.ID] = compiler{opened, b.API, b.Log, heard}
	}
	site, err := b.Place.site(b.Analyzed, b.Log)
	if err != nil {
		return files.BuildMetadata{}, err
	}
	tree, err := builder.Build(ctx, site, build.Only(b.Plan))
	if err != nil {
		return files.BuildMetadata{}, err
	}
	metadata := files.NewBuildMetadata(tree, b.API.CommandList)
	metadata.Extensions = files.NewGroup(b.Plan).Extensions
	for _, entry := range heard.bom {
		metadata.BOM = append(metadata.BOM, files.NewBOMEntry(entry))
	}
	return metadata, nil
}

// compiler is a buildpack as a Platform API sees it.
type compiler struct {
	*cnb.Buildpack
	api platform.API
	log *platform.Log
	*heard
}

// heard is what buildpacks said so far.
type heard struct {
	// bom are their bom tables for launch where they are no files.
	bom []buildpacks.BOMEntry
	// byDefault is the type of the default process.
	byDefault string
}

// Compile builds, and takes from what that left what the Platform API has in
// another place, or not at all.
func (c compiler) Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error) {
	made, err := c.Buildpack.Compile(ctx, site, job)
	if err != nil {
		return made, err
	}
	for _, table := range [][]buildpacks.BOMEntry{made.BuildBOM, made.LaunchBOM} {
		if len(table) > 0 && len(made.SBOM) == 0 {
			c.log.Warnf("BOM table is deprecated in this buildpack api version, though it remains supported for backwards compatibility. " +
				"Buildpack authors should write BOM information to <layer>.sbom.<ext>, launch.sbom.<ext>, or build.sbom.<ext>.")
		}
	}
	for _, text := range made.Warnings {
		c.log.Warnf("%s", text)
	}
	if redefined := c.processes(made.Processes); redefined != "" {
		c.log.Warnf("Warning: redefining the following default process type with a process not marked as default: %s", redefined)
	}
	if !c.api.LegacyBOMFiles {
		c.bom = append(c.bom, made.LaunchBOM...)
		made.LaunchBOM, made.BuildBOM = nil, nil
	}
	if !c.api.SBOM {
		made.SBOM = nil
	}
	return made, nil
}

// processes hears of more processes and returns the type that was the default until
// one of them took its place without being it, unless another one is the default
// then.
func (h *heard) processes(all []launch.Process) (redefined string) {
	for _, p := range all {
		switch {
		case p.Default:
			h.byDefault, redefined = p.Type, ""
		case p.Type == h.byDefault && p.Type != "":
			h.byDefault, redefined = "", p.Type
		}
	}
	return redefined
}
