package lifecycle

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/stack/launch"
)

// Labels that say whether an app may stand on another base (CNB Platform API,
// "Rebaser").
const (
	stackLabel     = "io.buildpacks.stack.id"
	mixinsLabel    = "io.buildpacks.stack.mixins"
	rebasableLabel = "io.buildpacks.rebasable"
	distroLabel    = "io.buildpacks.base.distro."
)

// Rebaser puts the layers of an app on another run image (CNB Platform API,
// "rebaser").
type Rebaser struct {
	API    platform.API
	Target target.Target
	// App is the image to rebase, RunImage the image to stand on.
	App, RunImage string
	// Names are those that the image is to have.
	Names []string
	// Force goes on where rules say no, but for those of old images.
	Force bool
	Log   *platform.Log
}

// Choose returns a rebaser with a run image: the one that it has, or of those that
// the app names the best that can be reached. Its errors are of class RebaseError.
func (r Rebaser) Choose(ctx context.Context, reach platform.Reach) (Rebaser, error) {
	failed := func(err error) (Rebaser, error) { return r, &Failure{"set app image", RebaseError, err} }
	app, err := r.Target.Find(ctx, r.App)
	if err == nil && !app.There {
		err = errors.New("there is no such image")
	}
	if err != nil {
		return failed(fmt.Errorf("failed to access image to rebase: %w", err))
	}
	label, err := app.Metadata()
	if err != nil || r.RunImage != "" {
		if err != nil {
			return failed(err)
		}
		return r, nil
	}
	var images files.RunImages
	if r.API.RunTOML {
		images = files.RunImages{Image: label.RunImage.Image, Mirrors: label.RunImage.Mirrors}
	}
	if images.Image == "" && label.Stack != nil {
		images = files.RunImages(label.Stack.RunImage)
	}
	if images.Image == "" {
		return failed(errors.New("failed to parse arguments: -run-image is required when there is no run image metadata available"))
	}
	ref, err := name.ParseReference(r.App, name.WeakValidation)
	if err != nil {
		return failed(err)
	}
	if r.RunImage, err = platform.RunImageFor(ctx, ref.Context().RegistryStr(), images, reach); err != nil {
		return failed(err)
	}
	return r, nil
}

// Run rebases. Its errors are of class RebaseError, but for a run image that is not
// there, which is Generic.
func (r Rebaser) Run(ctx context.Context) (files.RebaseReport, error) {
	base, err := r.Target.Find(ctx, r.RunImage)
	if err != nil || !base.There {
		return files.RebaseReport{}, &Failure{"access run image", Generic, err}
	}
	report, err := r.run(ctx, base)
	if err != nil {
		return files.RebaseReport{}, &Failure{"rebase", RebaseError, err}
	}
	return report, nil
}

func (r Rebaser) run(ctx context.Context, base target.Found) (files.RebaseReport, error) {
	defer r.Log.Timer("Rebaser")()
	app, err := r.Target.Find(ctx, r.App)
	if err == nil && !app.There {
		err = errors.New("the app image is not there any more")
	}
	if err != nil {
		return files.RebaseReport{}, err
	}
	base.Reference, base.Name = base.ID, r.RunImage
	labels := []string{"io.buildpacks.stack."}
	if r.API.Targets {
		labels = append(labels, "io.buildpacks.base.")
	}
	rebased, err := rebase.Recipe{App: app.Base, Base: base.Base, Judge: r.judge(base.ID), Labels: labels}.Assemble()
	if err != nil {
		if broken, ok := errors.AsType[*rebase.NotRebasableError](err); ok {
			err = fmt.Errorf("rebase app image: %w", broken)
		}
		return files.RebaseReport{}, err
	}
	saved, err := save(ctx, r.Target, rebased.Image, r.Names, r.Log)
	return files.RebaseReport{Image: saved}, err
}

// judge applies the rules of the Platform API, those of the app's own version where
// they are about what it was built for.
func (r Rebaser) judge(baseID string) func(app, base *v1.ConfigFile, label oci.LifecycleMetadata) (bool, error) {
	return func(app, base *v1.ConfigFile, label oci.LifecycleMetadata) (bool, error) {
		fits := r.fitsTarget
		if !platform.HasTargets(launch.NewEnv(app.Config.Env).Get("CNB_PLATFORM_API")) {
			fits = fitsStack
		}
		if err := fits(app, base); err != nil {
			return false, err
		}
		if !r.API.RunTOML {
			return true, nil
		}
		return r.named(base, label, baseID)
	}
}

// fitsStack compares stacks, which nobody can force.
func fitsStack(app, base *v1.ConfigFile) error {
	own, next := app.Config.Labels[stackLabel], base.Config.Labels[stackLabel]
	switch {
	case own == "":
		return errors.New("stack not defined on app image")
	case next == "":
		return errors.New("stack not defined on new base image")
	case own != next:
		return fmt.Errorf("incompatible stack: '%s' is not compatible with '%s'", next, own)
	}
	wanted, err := mixins(app)
	if err != nil {
		return fmt.Errorf("get app image mixins: %w", err)
	}
	there, err := mixins(base)
	if err != nil {
		return fmt.Errorf("get run image mixins: %w", err)
	}
	wanted = slices.DeleteFunc(wanted, func(mixin string) bool { return slices.Contains(there, mixin) })
	if len(wanted) > 0 {
		return fmt.Errorf("missing required mixin(s): %s", strings.Join(wanted, ", "))
	}
	return nil
}

// mixins are those of an image, sorted, each once and without the stage that it is
// for.
func mixins(image *v1.ConfigFile) ([]string, error) {
	text := image.Config.Labels[mixinsLabel]
	if text == "" {
		return nil, nil
	}
	var all []string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("failed to unmarshal context of label '%s': %w", mixinsLabel, err)
	}
	for i, mixin := range all {
		if _, bare, staged := strings.Cut(mixin, ":"); staged {
			all[i] = bare
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// force says whether to go on where a rule says no, which is then a warning.
func (r Rebaser) force(no string) error {
	if !r.Force {
		return errors.New(no + "; please provide -force to override")
	}
	r.Log.Warnf("%s", no)
	return nil
}

// fitsTarget compares what the images run on. What the new base does not say of its
// distribution does not count.
func (r Rebaser) fitsTarget(app, base *v1.ConfigFile) error {
	if app.Config.Labels[rebasableLabel] == "false" {
		if err := r.force("app image is not marked as rebasable"); err != nil {
			return err
		}
	}
	own, next := targetOf(app), targetOf(base)
	fits := own.OS == next.OS && own.Arch == next.Arch && (own.Variant == "" || next.Variant == "" || own.Variant == next.Variant)
	if d := next.Distro; d != nil {
		fits = fits && own.Distro != nil &&
			cmp.Or(d.Name, own.Distro.Name) == own.Distro.Name && cmp.Or(d.Version, own.Distro.Version) == own.Distro.Version
	}
	if fits {
		return nil
	}
	return r.force(fmt.Sprintf("unable to satisfy target os/arch constraints; new run image: %s, old run image: %s", jsonOf(next), jsonOf(own)))
}

// targetOf is what an image runs on, by the labels that count for a rebase.
func targetOf(image *v1.ConfigFile) files.Target {
	t := files.Target{ID: image.Config.Labels[targetLabel], OS: image.OS, Arch: image.Architecture, Variant: image.Variant}
	distro, named := image.Config.Labels[distroLabel+"name"]
	version, versioned := image.Config.Labels[distroLabel+"version"]
	if named || versioned {
		t.Distro = &files.Distro{Name: distro, Version: version}
	}
	return t
}

// jsonOf is a value for messages.
func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// named says whether the app names the new base as one to stand on.
func (r Rebaser) named(base *v1.ConfigFile, label oci.LifecycleMetadata, baseID string) (bool, error) {
	names := files.RunImages{Image: label.RunImage.Image, Mirrors: label.RunImage.Mirrors}
	if names.Has(r.RunImage) || label.Stack != nil && files.RunImages(label.Stack.RunImage).Has(r.RunImage) {
		return true, nil
	}
	there := "not found"
	switch {
	case names.Image != "":
		next := label.RunImage
		next.Reference, next.TopLayer = baseID, ""
		if n := len(base.RootFS.DiffIDs); n > 0 {
			next.TopLayer = base.RootFS.DiffIDs[n-1].String()
		}
		there = jsonOf(next)
	case label.Stack != nil:
		there = jsonOf(label.Stack.RunImage)
	}
	return false, r.force(fmt.Sprintf("rebase app image: new base image '%s' not found in existing run image metadata: %s", r.RunImage, there))
}
