package files

import (
	"errors"
	"io/fs"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
)

// Analyzed is an analyzed.toml: what there is of earlier images, and the image to
// stand on (CNB Platform API, "analyzed.toml").
type Analyzed struct {
	// Image is the previous image; its Reference is empty where there is none.
	Image      *Reference     `toml:"image,omitempty"`
	BuildImage *Reference     `toml:"build-image,omitempty"`
	Metadata   LayersMetadata `toml:"metadata"`
	RunImage   *RunImage      `toml:"run-image,omitempty"`
}

// Reference names one image and no other: by digest, by the id of a daemon, or as
// a layout.
type Reference struct {
	Reference string `toml:"reference"`
}

// RunImage is the image to stand on.
type RunImage struct {
	Reference string `toml:"reference"`
	// Image is the name by which platform or extensions gave it.
	Image string `toml:"image,omitempty"`
	// Extend says that extensions add layers to it.
	Extend bool    `toml:"extend,omitempty"`
	Target *Target `toml:"target,omitempty"`
}

// Target is what an image runs on.
type Target struct {
	ID      string  `toml:"id,omitempty" json:"id,omitempty"`
	OS      string  `toml:"os" json:"os"`
	Arch    string  `toml:"arch" json:"arch"`
	Variant string  `toml:"arch-variant,omitempty" json:"arch-variant,omitempty"`
	Distro  *Distro `toml:"distro,omitempty" json:"distro,omitempty"`
}

// Distro is a distribution by ID and VERSION_ID of os-release(5).
type Distro struct {
	Name    string `toml:"name" json:"name"`
	Version string `toml:"version" json:"version"`
}

// NewTarget is the target of an image, with the id that a label of it gives.
func NewTarget(t stack.Target, id string) *Target {
	target := &Target{ID: id, OS: t.OS, Arch: t.Arch, Variant: t.Variant}
	if t.DistroName != "" || t.DistroVersion != "" {
		target.Distro = &Distro{t.DistroName, t.DistroVersion}
	}
	return target
}

// Stack is the target for buildpacks; the zero value where nothing is known.
func (t *Target) Stack() stack.Target {
	if t == nil {
		return stack.Target{}
	}
	s := stack.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
	if t.Distro != nil {
		s.DistroName, s.DistroVersion = t.Distro.Name, t.Distro.Version
	}
	return s
}

// Target is that of the run image; nil where nothing is known.
func (a Analyzed) Target() *Target {
	if a.RunImage == nil {
		return nil
	}
	return a.RunImage.Target
}

// RunImageName is the name by which the run image was given, empty where nobody
// knows.
func (a Analyzed) RunImageName() string {
	if a.RunImage == nil {
		return ""
	}
	return a.RunImage.Image
}

// Previous is the reference of the previous image, empty where there is none.
func (a Analyzed) Previous() string {
	if a.Image == nil {
		return ""
	}
	return a.Image.Reference
}

// LayersMetadata is the label of a previous image (oci.LifecycleMetadata) with the
// names that it has in TOML.
type LayersMetadata struct {
	App          []Layer           `toml:"app"`
	SBOM         *Layer            `toml:"sbom,omitempty"`
	Buildpacks   []BuildpackLayers `toml:"buildpacks"`
	Config       Layer             `toml:"config"`
	Launcher     Layer             `toml:"launcher"`
	ProcessTypes Layer             `toml:"process-types"`
	RunImage     RunImageLayers    `toml:"run-image"`
	Stack        *Stack            `toml:"stack,omitempty"`
}

// Layer names a layer by its diffID.
type Layer struct {
	SHA string `toml:"sha"`
}

// BuildpackLayers are the layers of a buildpack by name, and its store.
type BuildpackLayers struct {
	ID      string                    `toml:"key"`
	Version string                    `toml:"version"`
	Layers  map[string]BuildpackLayer `toml:"layers"`
	Store   *Store                    `toml:"store"`
}

// BuildpackLayer is a layer with what its buildpack wrote about it.
type BuildpackLayer struct {
	SHA      string         `toml:"sha"`
	Metadata map[string]any `toml:"metadata"`
	Build    bool           `toml:"build"`
	Launch   bool           `toml:"launch"`
	Cache    bool           `toml:"cache"`
}

// Store is what a buildpack keeps for its next build (store.toml).
type Store struct {
	Metadata map[string]any `toml:"metadata"`
}

// RunImageLayers is the image that another stands on.
type RunImageLayers struct {
	TopLayer  string `toml:"top-layer"`
	Reference string `toml:"reference"`
	RunImages
}

// NewLayersMetadata is the metadata of a label in the form of TOML; Label is the way
// back.
func NewLayersMetadata(l oci.LifecycleMetadata) LayersMetadata {
	m := LayersMetadata{
		Config: Layer(l.Config), Launcher: Layer(l.Launcher), ProcessTypes: Layer(l.ProcessTypes),
		RunImage: RunImageLayers{l.RunImage.TopLayer, l.RunImage.Reference, RunImages{l.RunImage.Image, l.RunImage.Mirrors}},
	}
	// Lists that are there stay there, also without anything in them.
	if l.App != nil {
		m.App = []Layer{}
	}
	if l.Buildpacks != nil {
		m.Buildpacks = []BuildpackLayers{}
	}
	for _, app := range l.App {
		m.App = append(m.App, Layer(app))
	}
	if l.SBOM != nil {
		m.SBOM = &Layer{l.SBOM.SHA}
	}
	if l.Stack != nil {
		m.Stack = &Stack{RunImages{l.Stack.RunImage.Image, l.Stack.RunImage.Mirrors}}
	}
	for _, b := range l.Buildpacks {
		own := BuildpackLayers{ID: b.ID, Version: b.Version, Layers: map[string]BuildpackLayer{}}
		for name, layer := range b.Layers {
			own.Layers[name] = BuildpackLayer{layer.SHA, layer.Data, layer.Build, layer.Launch, layer.Cache}
		}
		if b.Store != nil {
			own.Store = &Store{b.Store.Metadata}
		}
		m.Buildpacks = append(m.Buildpacks, own)
	}
	return m
}

// Label is the metadata as a label has it.
func (m LayersMetadata) Label() oci.LifecycleMetadata {
	l := oci.LifecycleMetadata{
		Config: oci.LayerRef(m.Config), Launcher: oci.LayerRef(m.Launcher), ProcessTypes: oci.LayerRef(m.ProcessTypes),
		RunImage: oci.RunImage{TopLayer: m.RunImage.TopLayer, Reference: m.RunImage.Reference, Image: m.RunImage.Image, Mirrors: m.RunImage.Mirrors},
	}
	for _, app := range m.App {
		l.App = append(l.App, oci.LayerRef(app))
	}
	if m.SBOM != nil {
		l.SBOM = &oci.LayerRef{SHA: m.SBOM.SHA}
	}
	if m.Stack != nil {
		l.Stack = &oci.StackMetadata{RunImage: oci.StackRunImage(m.Stack.RunImage)}
	}
	for _, b := range m.Buildpacks {
		own := oci.BuildpackLayers{ID: b.ID, Version: b.Version, Layers: map[string]oci.LayerMetadata{}}
		for name, layer := range b.Layers {
			own.Layers[name] = oci.LayerMetadata{
				LayerRef: oci.LayerRef{SHA: layer.SHA}, Data: layer.Metadata, Build: layer.Build, Launch: layer.Launch, Cache: layer.Cache,
			}
		}
		if b.Store != nil {
			own.Store = &oci.Store{Metadata: b.Store.Metadata}
		}
		l.Buildpacks = append(l.Buildpacks, own)
	}
	return l
}

// ReadAnalyzed reads an analyzed.toml. Where there is none it warns, and the value
// is empty.
func ReadAnalyzed(file string, log Logger) (a Analyzed, err error) {
	err = read("analyzed", file, &a)
	if errors.Is(err, fs.ErrNotExist) {
		log.Warnf("No analyzed metadata found at path %q", file)
		return Analyzed{}, nil
	}
	return a, err
}

// WriteAnalyzed writes an analyzed.toml.
func WriteAnalyzed(file string, a Analyzed) error { return write("analyzed", file, a) }
