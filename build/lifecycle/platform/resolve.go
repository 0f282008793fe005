package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/lifecycle/files"
)

// Resolve makes the inputs of a phase complete once flags are parsed: paths below
// the layers directory, absolute directories, the previous image and the run
// image; and checks them. Reach is asked for run images (CNB Platform API,
// "Inputs").
func (i *Inputs) Resolve(ctx context.Context, phase Phase, reach Reach, log *Log) error {
	if err := i.paths(); err != nil {
		return err
	}
	switch phase {
	case Analyze, Create, Export, Rebase:
		if i.Image == "" {
			return errors.New("image argument is required")
		}
	}
	if err := i.images(ctx, phase, reach, log); err != nil {
		return err
	}
	noCache := i.CacheImage == "" && i.CacheDir == ""
	if noCache && (phase == Create || phase == Export || phase == Restore) {
		log.Warnf("No cached data will be used, no cache specified.")
	}
	if !i.Daemon && i.LaunchCache != "" && (phase == Analyze || phase == Create || phase == Export) {
		log.Warnf("Ignoring -launch-cache, only intended for use with -daemon")
	}
	if phase == Analyze || phase == Create || phase == Export || phase == Rebase {
		if err := i.references(); err != nil {
			return err
		}
	}
	if noCache && i.Parallel && (phase == Analyze || phase == Create) {
		log.Warnf("Parallel export has been enabled, but it has not taken effect because no cache has been specified.")
	}
	return nil
}

// paths puts the layers directory where it belongs, and makes directories absolute.
// The rebaser has no layers: its files lie where it runs.
func (i *Inputs) paths() error {
	for _, file := range []*string{&i.Analyzed, &i.Extended, &i.Generated, &i.Group, &i.Order, &i.Plan, &i.Project, &i.Report} {
		below, marked := strings.CutPrefix(*file, layersMark+"/")
		if !marked {
			continue
		}
		*file = filepath.Join(i.Layers, below)
		if file == &i.Order {
			if _, err := os.Stat(*file); err != nil {
				*file = orderTOML
			}
		}
	}
	for _, dir := range []*string{
		&i.App, &i.BuildConfig, &i.Buildpacks, &i.CacheDir, &i.Extensions, &i.Generated, &i.LaunchCache, &i.Layers, &i.Platform,
	} {
		if *dir == "" {
			continue
		}
		absolute, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		*dir = absolute
	}
	return nil
}

// images picks the previous image and the run image.
func (i *Inputs) images(ctx context.Context, phase Phase, reach Reach, log *Log) error {
	switch phase {
	case Analyze, Create:
		if i.PreviousImage == "" {
			i.PreviousImage = i.Image
		}
	case Export:
		return i.analyzedRunImage(log)
	case Rebase:
	default:
		return nil
	}
	if phase != Analyze && i.DeprecatedRunImage != "" {
		if i.RunImage != i.envRunImage {
			return errors.New("supply only one of -run-image or (deprecated) -image")
		}
		i.RunImage = i.DeprecatedRunImage
		return nil
	}
	if i.RunImage != "" || phase == Rebase {
		return nil
	}
	return i.defaultRunImage(ctx, reach, log)
}

// analyzedRunImage is the run image of the exporter, which takes it from the
// analyzer and nobody else.
func (i *Inputs) analyzedRunImage(log *Log) error {
	switch {
	case i.RunImage != "" && i.RunImage != i.envRunImage:
		return errors.New("-run-image is unsupported")
	case i.DeprecatedRunImage != "":
		return errors.New("-image is unsupported")
	}
	analyzed, err := files.ReadAnalyzed(i.Analyzed, log)
	if err != nil {
		return err
	}
	if analyzed.RunImage == nil || analyzed.RunImage.Reference == "" {
		return errors.New("run image not found in analyzed metadata")
	}
	i.RunImage = analyzed.RunImage.Reference
	return nil
}

// defaultRunImage is the run image of a builder.
func (i *Inputs) defaultRunImage(ctx context.Context, reach Reach, log *Log) error {
	target, err := name.ParseReference(i.Image, name.WeakValidation)
	if err != nil {
		return err
	}
	var images files.RunImages
	if i.API.RunTOML {
		run, err := files.ReadRun(i.Run, log)
		if err != nil {
			return err
		}
		if len(run.Images) == 0 {
			return errors.New("-run-image is required when there is no run metadata available")
		}
		images = run.Images[0]
	} else {
		stack, err := files.ReadStack(i.Stack, log)
		if err != nil {
			return err
		}
		images = stack.RunImage
	}
	i.RunImage, err = RunImageFor(ctx, target.Context().RegistryStr(), images, reach)
	return err
}

// references checks that images have names, and are to go to one registry.
func (i *Inputs) references() error {
	for _, image := range i.Images() {
		if i.isDirectory(image) {
			continue
		}
		if _, err := name.ParseReference(image, name.WeakValidation); err != nil {
			return err
		}
	}
	if i.Daemon {
		return nil
	}
	var registries []string
	for _, image := range i.Destinations() {
		ref, err := name.ParseReference(image, name.WeakValidation)
		if err != nil {
			return err
		}
		registries = append(registries, ref.Context().RegistryStr())
	}
	slices.Sort(registries)
	if len(slices.Compact(registries)) > 1 {
		return errors.New("writing to multiple registries is unsupported")
	}
	return nil
}

// isDirectory reports whether an image is called by its directory, as an analyzer
// calls one of a layout.
func (i *Inputs) isDirectory(image string) bool {
	return i.Layout && i.LayoutDir != "" && strings.HasPrefix(image, strings.TrimSuffix(i.LayoutDir, "/")+"/")
}

// Experiment guards a feature that is not stable yet: mode is the value of
// CNB_EXPERIMENTAL_MODE (CNB Platform API, "Experimental features").
func Experiment(mode, feature string, log *Log) error {
	switch mode {
	case "quiet":
	case "", "error":
		log.Errorf("Platform requested experimental feature '%s'", feature)
		return fmt.Errorf("experimental features are disabled by %s=%s", ExperimentalVariable, "error")
	default:
		log.Warnf("Platform requested experimental feature '%s'", feature)
	}
	return nil
}

// ExperimentalVariable says what becomes of experimental features.
const ExperimentalVariable = "CNB_EXPERIMENTAL_MODE"
