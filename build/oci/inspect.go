package oci

import (
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/sbom"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Description is what there is to know about an image of buildpacks, of any
// lifecycle.
type Description struct {
	// Digest is that of the manifest.
	Digest string `json:"digest"`
	// Size is the number of bytes of manifest, config and layers.
	Size   int64        `json:"size"`
	Target stack.Target `json:"target"`
	Base   BaseInfo     `json:"base"`
	// Entrypoint, Cmd, WorkingDir and User are those of the config.
	Entrypoint     []string         `json:"entrypoint"`
	Cmd            []string         `json:"cmd,omitempty"`
	WorkingDir     string           `json:"working_dir"`
	User           string           `json:"user"`
	DefaultProcess string           `json:"default_process,omitempty"`
	Processes      []launch.Process `json:"processes"`
	Buildpacks     []BuildpackRef   `json:"buildpacks"`
	// Layers are all layers, from the bottom.
	Layers []LayerInfo       `json:"layers"`
	Labels map[string]string `json:"labels"`
	// Env are the names of the variables that the image sets. Values may be
	// nobody's business.
	Env []string `json:"env"`
	// Packages are what the buildpacks brought, as far as they say, for a caller
	// who asks Previous.Packages.
	Packages []sbom.Package `json:"packages,omitempty"`
	// Biggest are the biggest directories, for a caller who asks Biggest.
	Biggest []pack.DirSize `json:"biggest,omitempty"`
}

// BaseInfo is the base of an image, as far as the image says.
type BaseInfo struct {
	Image     string `json:"image,omitempty"`
	Reference string `json:"reference,omitempty"`
	TopLayer  string `json:"top_layer,omitempty"`
}

// LayerInfo is a layer of an image.
type LayerInfo struct {
	// Name is "<buildpack>:<layer>", "app", "launcher", "config",
	// "process-types", "sbom", or "base".
	Name   string `json:"name"`
	DiffID string `json:"diff_id"`
	Digest string `json:"digest"`
	// Size is the number of compressed bytes.
	Size int64 `json:"size"`
}

// Inspect describes an image. It reads manifest and config.
func Inspect(image v1.Image) (Description, error) {
	c, err := contentOf(image)
	if err != nil {
		return Description{}, fmt.Errorf("inspecting an image: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return Description{}, fmt.Errorf("inspecting an image: %w", err)
	}
	var lifecycle LifecycleMetadata
	var build BuildMetadata
	if err := readLabel(config, LifecycleLabel, &lifecycle); err != nil {
		return Description{}, fmt.Errorf("inspecting an image: %w", err)
	}
	if err := readLabel(config, BuildLabel, &build); err != nil {
		return Description{}, fmt.Errorf("inspecting an image: %w", err)
	}
	layers, err := describeLayers(image, lifecycle, config.RootFS.DiffIDs)
	if err != nil {
		return Description{}, fmt.Errorf("inspecting an image: %w", err)
	}
	d := Description{
		Digest: c.descriptor.Digest.String(), Size: c.size(), Target: TargetOf(config),
		Base: BaseInfo{
			Image: lifecycle.RunImage.Image, Reference: lifecycle.RunImage.Reference, TopLayer: lifecycle.RunImage.TopLayer,
		},
		Entrypoint: list(config.Config.Entrypoint), Cmd: config.Config.Cmd, WorkingDir: config.Config.WorkingDir, User: config.Config.User,
		DefaultProcess: build.DefaultProcess, Processes: list(build.Processes), Buildpacks: list(build.Buildpacks),
		Layers: layers, Labels: config.Config.Labels,
	}
	d.Env = list(slices.Sorted(maps.Keys(launch.NewEnv(config.Config.Env))))
	if d.Labels == nil {
		d.Labels = map[string]string{}
	}
	return d, nil
}

// list is never nil, so that JSON has a list where there is nothing.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// describeLayers names the layers. Those up to the top layer of the base are
// the base's, whatever a label says about their diffIDs.
func describeLayers(image v1.Image, m LifecycleMetadata, diffIDs []v1.Hash) ([]LayerInfo, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	base, _ := m.BaseLayers(diffIDs)
	names := m.names()
	infos := make([]LayerInfo, 0, len(layers))
	for i, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		size, err := layer.Size()
		if err != nil {
			return nil, err
		}
		info := LayerInfo{Name: "base", Digest: digest.String(), Size: size}
		if i < len(diffIDs) {
			info.DiffID = diffIDs[i].String()
		}
		if of := names[info.DiffID]; i >= base && len(of) > 0 {
			info.Name = of[0]
			if len(of) > 1 {
				names[info.DiffID] = of[1:]
			}
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// names are the names of layers by diffID, in the order of the image. Layers
// with equal contents share a diffID.
func (m LifecycleMetadata) names() map[string][]string {
	names := map[string][]string{}
	add := func(ref LayerRef, name string) {
		if ref.SHA != "" {
			names[ref.SHA] = append(names[ref.SHA], name)
		}
	}
	for _, b := range m.Buildpacks {
		for _, name := range slices.Sorted(maps.Keys(b.Layers)) {
			add(b.Layers[name].LayerRef, b.ID+":"+name)
		}
	}
	if m.SBOM != nil {
		add(*m.SBOM, SBOMPart)
	}
	for i, app := range m.App {
		name := AppPart
		if len(m.App) > 1 {
			name = SlicePart(i + 1)
		}
		add(app, name)
	}
	add(m.Launcher, LauncherPart)
	add(m.Config, ConfigPart)
	add(m.ProcessTypes, ProcessTypesPart)
	return names
}
