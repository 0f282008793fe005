package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
)

// targetLabel is where a run image has the id of its target (CNB Platform API,
// "Target Data").
const targetLabel = "io.buildpacks.base.id"

// Analyzer looks at the previous image and the run image, and checks that images
// can be written (CNB Platform API, "analyzer").
type Analyzer struct {
	API    platform.API
	Target target.Target
	// Previous and RunImage are images; an empty one is not looked at.
	Previous, RunImage string
	// Read and Write are images to be read, and to be written too.
	Read, Write []string
	// Layers is the directory of layers, for the SBOM of the previous image.
	Layers string
	// SkipLayers leaves that SBOM where it is.
	SkipLayers bool
	Log        *platform.Log
}

// Run returns what is known of the images. Its errors are of class AnalyzeError.
func (a Analyzer) Run(ctx context.Context) (files.Analyzed, error) {
	defer a.Log.Timer("Analyzer")()
	analyzed, err := a.run(ctx)
	if failed, ok := errors.AsType[*Failure](err); ok {
		return files.Analyzed{}, failed
	}
	if err != nil {
		return files.Analyzed{}, &Failure{"analyze", AnalyzeError, err}
	}
	return analyzed, nil
}

func (a Analyzer) run(ctx context.Context) (analyzed files.Analyzed, err error) {
	if _, is := a.Target.(*target.Once); !is {
		a.Target = &target.Once{Target: a.Target}
	}
	if err := a.Target.Access(ctx, a.Read, a.Write); err != nil {
		return analyzed, noAccess(err)
	}
	analyzed.Image = &files.Reference{}
	if a.Previous != "" {
		if err := a.previous(ctx, &analyzed); err != nil {
			return analyzed, err
		}
	}
	analyzed.RunImage = &files.RunImage{}
	if a.RunImage == "" {
		return analyzed, nil
	}
	run, err := a.Target.Find(ctx, a.RunImage)
	if err != nil {
		return analyzed, noAccess(fmt.Errorf("getting run image: %w", err))
	}
	if !run.There {
		a.Log.Infof("Image with name %q not found", run.Name)
		if a.API.Targets {
			// The detector can do without the image; the exporter says that it is missing.
			analyzed.RunImage.Image = run.Name
			analyzed.RunImage.Target = &files.Target{OS: "linux", Arch: runtime.GOARCH}
		}
		return analyzed, nil
	}
	analyzed.RunImage.Reference = run.ID
	if a.API.Targets {
		config, err := run.Image.ConfigFile()
		if err != nil {
			return analyzed, fmt.Errorf("unpacking metadata from image: %w", err)
		}
		if config.OS == "" {
			return analyzed, errors.New("failed to find OS in run image config")
		}
		analyzed.RunImage.Image = run.Name
		analyzed.RunImage.Target = files.NewTarget(run.Target, config.Config.Labels[targetLabel])
	}
	return analyzed, nil
}

// noAccess is the error for images that cannot be got at, in the words of the
// reference, whose code for it is the one of the specification in later releases.
func noAccess(err error) error { return &Failure{"initialize analyzer", AnalyzeError, err} }

// previous reads what the previous image says of its layers. A label that cannot be
// read is as none.
func (a Analyzer) previous(ctx context.Context, analyzed *files.Analyzed) error {
	found, err := a.Target.Find(ctx, a.Previous)
	if err != nil {
		return noAccess(fmt.Errorf("getting previous image: %w", err))
	}
	if !found.There {
		a.Log.Infof("Image with name %q not found", found.Name)
		return nil
	}
	if checker, ok := a.Target.(target.Checker); ok {
		if err := checker.Check(ctx, found); err != nil {
			if ctx.Err() != nil {
				return err
			}
			a.Log.Infof("Ignoring image %q because it was corrupt", found.Name)
			a.Log.Debugf("%v", err)
			return nil
		}
	}
	label, err := found.Metadata()
	if err != nil {
		a.Log.Debugf("%v", err)
		return nil
	}
	analyzed.Image.Reference = found.ID
	analyzed.Metadata = files.NewLayersMetadata(label)
	if !a.API.SBOM || a.SkipLayers || label.SBOM == nil || label.SBOM.SHA == "" {
		return nil
	}
	a.Log.Infof("Restoring data for SBOM from previous image")
	err = a.sbom(ctx, found.Base, label.SBOM.SHA)
	// One that lies elsewhere in that image is for nobody here.
	if odd, ok := errors.AsType[*cache.LayerError](err); ok {
		a.Log.Warnf("Skipping restore for the SBOM of the previous image: %v", odd.Err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("retrieving launch SBOM layer: %w", err)
	}
	return nil
}

// sbom unpacks the SBOM of an image.
func (a Analyzer) sbom(ctx context.Context, image oci.Base, diffID string) error {
	hash, err := v1.NewHash(diffID)
	if err != nil {
		return err
	}
	layer, err := image.Image.LayerByDiffID(hash)
	if err != nil {
		return err
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	at := filepath.Join(a.Layers, "sbom", "launch")
	return cache.Unpack(ctx, content, diffID, at, at)
}
