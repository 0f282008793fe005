package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/stack/launch"
)

// Labels of an image (CNB Platform API, "Labels").
const (
	LifecycleLabel = "io.buildpacks.lifecycle.metadata"
	BuildLabel     = "io.buildpacks.build.metadata"
	ProjectLabel   = "io.buildpacks.project.metadata"
	// ExecEnvLabel is where the reference lifecycle says the execution
	// environment; in the specification it is in the LifecycleLabel.
	ExecEnvLabel = "io.buildpacks.exec-env"
)

// BaseLabel is where the image of a stack of slugc says which stack it is; see
// build/base.
const BaseLabel = "io.slugc.stack"

// LifecycleMetadata is what the next build and a rebase need to know about the
// layers of an image.
type LifecycleMetadata struct {
	App          []LayerRef        `json:"app"`
	SBOM         *LayerRef         `json:"sbom,omitempty"`
	Buildpacks   []BuildpackLayers `json:"buildpacks"`
	Config       LayerRef          `json:"config"`
	ExecEnv      string            `json:"exec-env,omitempty"`
	Launcher     LayerRef          `json:"launcher"`
	ProcessTypes LayerRef          `json:"process-types"`
	RunImage     RunImage          `json:"runImage"`
	Stack        *StackMetadata    `json:"stack,omitempty"`
}

// LayerRef names a layer.
type LayerRef struct {
	// SHA is the diffID of the layer, as "sha256:<hex>".
	SHA string `json:"sha"`
}

// BuildpackLayers are the layers of one buildpack.
type BuildpackLayers struct {
	ID      string                   `json:"key"`
	Version string                   `json:"version"`
	Layers  map[string]LayerMetadata `json:"layers"`
	Store   *Store                   `json:"store,omitempty"`
}

// LayerMetadata is a layer and what its buildpack wrote about it.
type LayerMetadata struct {
	LayerRef
	Data   map[string]any `json:"data"`
	Build  bool           `json:"build"`
	Launch bool           `json:"launch"`
	Cache  bool           `json:"cache"`
}

// Store is the persistent metadata of a buildpack (store.toml).
type Store struct {
	Metadata map[string]any `json:"metadata"`
}

// RunImage is the base that an image stands on.
type RunImage struct {
	// TopLayer is the diffID of the last layer of the base, empty if the base
	// has none.
	TopLayer string `json:"topLayer"`
	// Reference is the base by digest.
	Reference string   `json:"reference"`
	Image     string   `json:"image,omitempty"`
	Mirrors   []string `json:"mirrors,omitempty"`
}

// StackMetadata repeats the names of the base for old readers.
type StackMetadata struct {
	RunImage StackRunImage `json:"runImage"`
}

// StackRunImage is where a base is: a reference, and mirrors that have the same.
type StackRunImage struct {
	Image   string   `json:"image,omitempty"`
	Mirrors []string `json:"mirrors,omitempty"`
}

// BuildMetadata is what people's tools want to know about a build.
type BuildMetadata struct {
	Buildpacks     []BuildpackRef   `json:"buildpacks"`
	Launcher       LauncherInfo     `json:"launcher"`
	Processes      []launch.Process `json:"processes"`
	DefaultProcess string           `json:"buildpack-default-process-type,omitempty"`
}

// BuildpackRef is a buildpack of a build.
type BuildpackRef struct {
	ID       string `json:"id"`
	Version  string `json:"version"`
	Homepage string `json:"homepage,omitempty"`
}

// LauncherInfo says which launcher an image has.
type LauncherInfo struct {
	Version string         `json:"version"`
	Source  LauncherSource `json:"source"`
}

// LauncherSource says where the source of a launcher is.
type LauncherSource struct {
	Git GitSource `json:"git"`
}

// GitSource is a commit of a repository.
type GitSource struct {
	Repository string `json:"repository"`
	Commit     string `json:"commit"`
}

// ProjectMetadata says what source an image was built from
// (CNB Platform API, "project-metadata.toml").
type ProjectMetadata struct {
	Source *ProjectSource `json:"source,omitempty" toml:"source"`
}

// ProjectSource is one version of a source: what kind of source it is, such as "git",
// what tells the version from others, and what else is known of it.
type ProjectSource struct {
	Type     string         `json:"type,omitempty" toml:"type"`
	Version  map[string]any `json:"version,omitempty" toml:"version"`
	Metadata map[string]any `json:"metadata,omitempty" toml:"metadata"`
}

// layer is the metadata of a buildpack's layer.
func (m LifecycleMetadata) layer(buildpack, name string) (LayerMetadata, bool) {
	for _, b := range m.Buildpacks {
		if b.ID == buildpack {
			l, found := b.Layers[name]
			return l, found
		}
	}
	return LayerMetadata{}, false
}

// readLabel reads the JSON of a label; an image without it leaves value alone.
// Numbers of buildpacks are json.Numbers, so that whole ones stay whole on their
// way back into TOML.
func readLabel(config *v1.ConfigFile, label string, value any) error {
	text, found := config.Config.Labels[label]
	if !found || text == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(value)
	if err == nil && decoder.More() {
		err = errors.New("there is something behind its JSON")
	}
	if err != nil {
		return fmt.Errorf("the label %s of the image: %w", label, err)
	}
	return nil
}

// WriteLabel puts a value into a label.
func WriteLabel(labels map[string]string, label string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("the label %s cannot hold what the buildpacks wrote: %w", label, err)
	}
	labels[label] = string(text)
	return nil
}
