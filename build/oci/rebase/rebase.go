package rebase

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/oci"
)

// Recipe puts the layers of an app on another base, without a build (CNB
// Platform API, "Rebaser").
//
// The layers above the base stay as they are, with their history, and so does
// what the config says of processes: environment, entrypoint, user and working
// directory. The layers of the base, what it says of its platform and its
// distribution, and the name of the base in the label are those of the new
// base. Equal input gives an image of equal bytes; a rebase on the base that an
// image has gives that image.
type Recipe struct {
	// App is an image that slugc or another lifecycle built.
	App oci.Base
	// Base is the new base.
	Base oci.Base
	// Force goes on where a rule says no; see RefusedError.
	Force bool
	// Judge is for who has other rules: it decides in their place, by the configs of
	// the images and the label of the app, and says whether the label names the
	// base already. Names that it has otherwise are replaced. Its error is that of
	// Assemble.
	Judge func(app, base *v1.ConfigFile, label oci.LifecycleMetadata) (named bool, err error)
	// Labels are the beginnings of the names of labels that are about the base; all
	// that are known when nil.
	Labels []string
	// Created is the time of creation that the image states, that of App when
	// zero. It is for SOURCE_DATE_EPOCH.
	Created time.Time
}

// Result is an image on another base.
type Result struct {
	oci.Image
	// From and To are the bases, as the label names them.
	From, To oci.RunImage
	// Replaced layers made way for Added ones; Kept are the app's.
	Replaced, Added, Kept int
	// Unchanged says that the app stood on this base already.
	Unchanged bool
	// Overruled are the rules that Force went over.
	Overruled []Refusal
	// Notes are what a person should know about rules that could not be
	// applied.
	Notes []string
}

// NotRebasableError says why an image has no base that could be replaced,
// whatever a person forces.
type NotRebasableError struct{ Reason string }

func (e *NotRebasableError) Error() string { return e.Reason }

// Assemble makes the image. It reads manifests and configs; layers are read by
// who takes the image somewhere. An error that is about the images is a
// *NotRebasableError or a *RefusedError.
func (r Recipe) Assemble() (Result, error) {
	app, err := partsOf(r.App.Image)
	if err != nil {
		return Result{}, fmt.Errorf("reading the app: %w", err)
	}
	base, err := partsOf(r.Base.Image)
	if err != nil {
		return Result{}, fmt.Errorf("reading the new base: %w", err)
	}
	metadata, below, err := app.footing()
	if err != nil {
		return Result{}, err
	}
	rules := ruling{recipe: r, app: app, base: base, metadata: metadata}
	var refusals []Refusal
	var notes []string
	known := rules.known()
	if r.Judge != nil {
		if known, err = r.Judge(app.config, base.config, metadata); err != nil {
			return Result{}, err
		}
	} else if refusals, notes = rules.apply(); len(refusals) > 0 && !r.Force {
		return Result{}, &RefusedError{Refusals: refusals}
	}
	swap := swap{recipe: r, app: app, base: base, below: below, known: known}
	image, unchanged, err := swap.image()
	if err != nil {
		return Result{}, fmt.Errorf("rebasing an image: %w", err)
	}
	made := Result{
		Image: oci.Image{Image: image}, From: metadata.RunImage, Overruled: refusals, Notes: notes,
		Replaced: below, Added: len(base.layers), Kept: len(app.layers) - below, Unchanged: unchanged,
	}
	config, err := image.ConfigFile()
	if err != nil {
		return Result{}, fmt.Errorf("rebasing an image: %w", err)
	}
	after, err := oci.ReadMetadata(config)
	made.To = after.RunImage
	return made, err
}

// parts are an image, read.
type parts struct {
	image v1.Image
	// mediaType is that of the manifest, which need not say it itself.
	mediaType types.MediaType
	manifest  *v1.Manifest
	config    *v1.ConfigFile
	layers    []v1.Layer
}

func partsOf(image v1.Image) (p parts, err error) {
	p.image = image
	if p.mediaType, err = image.MediaType(); err != nil {
		return parts{}, err
	}
	if p.manifest, err = image.Manifest(); err != nil {
		return parts{}, err
	}
	if p.config, err = image.ConfigFile(); err != nil {
		return parts{}, err
	}
	if p.layers, err = image.Layers(); err != nil {
		return parts{}, err
	}
	if n := len(p.config.RootFS.DiffIDs); n != len(p.layers) || n != len(p.manifest.Layers) {
		return parts{}, &NotRebasableError{fmt.Sprintf("it is damaged: its manifest has %d layers and its config %d", len(p.manifest.Layers), n)}
	}
	return p, nil
}

// footing is what the label says, and how many layers from the bottom are the
// base.
func (p parts) footing() (oci.LifecycleMetadata, int, error) {
	metadata, err := footingLabel(p.config)
	if err != nil {
		return oci.LifecycleMetadata{}, 0, err
	}
	below, found := metadata.BaseLayers(p.config.RootFS.DiffIDs)
	if found {
		return metadata, below, nil
	}
	if metadata.RunImage.TopLayer == "" {
		return oci.LifecycleMetadata{}, 0, &NotRebasableError{fmt.Sprintf(
			"its label %s does not say which layer is the last of the base: build the app again", oci.LifecycleLabel)}
	}
	return oci.LifecycleMetadata{}, 0, &NotRebasableError{fmt.Sprintf(
		"the last layer of its base is %s by its label, and the image has no such layer, so another tool has rewritten it: build the app again",
		metadata.RunImage.TopLayer)}
}
