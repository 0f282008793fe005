package builder

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/buildpacks"
)

// Inventory is what there is to know about a builder image, whoever made
// it.
type Inventory struct {
	Description string `json:"description,omitempty"`
	// Creator is the program that made it, with its version.
	Creator string `json:"creator"`
	// Stack is the id of the stack of its base, if that says one.
	Stack string `json:"stack,omitempty"`
	// User is who builds, UID:GID.
	User      string            `json:"user"`
	Lifecycle LifecycleContents `json:"lifecycle"`
	RunImages []RunImages       `json:"run_images"`
	// Order is the groups that are tried, with what is inside composites.
	Order           []Group `json:"order"`
	OrderExtensions []Group `json:"order_extensions,omitempty"`
	// Before and After are the buildpacks around every group.
	Before     Group  `json:"system_pre,omitempty"`
	After      Group  `json:"system_post,omitempty"`
	Buildpacks []Item `json:"buildpacks"`
	Extensions []Item `json:"extensions,omitempty"`
}

// LifecycleContents is the lifecycle of a builder: its version, and the APIs that
// it supports, as MAJOR.MINOR.
type LifecycleContents struct {
	Version       string   `json:"version"`
	BuildpackAPIs []string `json:"buildpack_apis"`
	PlatformAPIs  []string `json:"platform_apis"`
}

// RunImages is an image that apps can run on, with its mirrors.
type RunImages struct {
	Image   string   `json:"image"`
	Mirrors []string `json:"mirrors,omitempty"`
}

// Item is a buildpack or an extension in a builder.
type Item struct {
	ID       string `json:"id"`
	Version  string `json:"version"`
	Name     string `json:"name,omitempty"`
	API      string `json:"api"`
	Homepage string `json:"homepage,omitempty"`
	// DiffID is that of its layer, and Size the compressed bytes of that, which
	// others may be in too.
	DiffID string `json:"diff_id"`
	Size   int64  `json:"size"`
}

// String is id@version.
func (e Item) String() string {
	return name(buildpacks.Member{ID: e.ID, Version: e.Version})
}

// NoBuilderError says that an image is no builder.
type NoBuilderError struct {
	// Ref is the image as it was named.
	Ref string
}

func (e *NoBuilderError) Error() string {
	return fmt.Sprintf("image %s is no builder: it has no label %s", e.Ref, builderLabel)
}

// DescribeBuilder says what is in a builder. It reads manifest and config. An
// image that is no builder is a *NoBuilderError.
func DescribeBuilder(ref string, image v1.Image) (Inventory, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return Inventory{}, fmt.Errorf("reading the config of %s: %w", ref, err)
	}
	var info builderInfo
	found, err := readLabel(config, builderLabel, &info)
	if err == nil && !found {
		return Inventory{}, &NoBuilderError{ref}
	}
	layers, extensions := moduleLayers{}, moduleLayers{}
	var order, orderExtensions []groupInfo
	var system systemInfo
	for _, l := range []struct {
		name string
		into any
	}{
		{layersLabel, &layers}, {extensionLayersLabel, &extensions}, {orderLabel, &order},
		{orderExtensionsLabel, &orderExtensions}, {systemLabel, &system},
	} {
		_, labelErr := readLabel(config, l.name, l.into)
		err = errors.Join(err, labelErr)
	}
	sizes, sizeErr := layerSizes(image, config)
	if err = errors.Join(err, sizeErr); err != nil {
		return Inventory{}, fmt.Errorf("image %s: %w", ref, err)
	}
	c := Inventory{
		Description: info.Description, Creator: info.CreatedBy.Name + " " + info.CreatedBy.Version,
		Stack: config.Config.Labels[stackLabel], RunImages: info.runImages(), Lifecycle: info.Lifecycle.contents(),
		Buildpacks: layers.entries(sizes), Extensions: extensions.entries(sizes),
	}
	for _, variable := range []string{"CNB_USER_ID", "CNB_GROUP_ID"} {
		id, err := idIn(config.Config.Env, variable)
		if err != nil {
			return Inventory{}, fmt.Errorf("image %s: %w", ref, err)
		}
		if c.User != "" {
			c.User += ":"
		}
		c.User += fmt.Sprint(id)
	}
	c.Order = layers.tree().groups(ordered(order))
	if c.Order == nil {
		c.Order = []Group{}
	}
	c.OrderExtensions = extensions.tree().groups(ordered(orderExtensions))
	if !system.empty() {
		around := layers.tree().groups(ordered([]groupInfo{{system.Pre.Buildpacks}, {system.Post.Buildpacks}}))
		c.Before, c.After = around[0], around[1]
	}
	return c, nil
}

// contents is the lifecycle for people.
func (l lifecycleInfo) contents() LifecycleContents {
	return LifecycleContents{
		Version: l.Version, BuildpackAPIs: append([]string{}, l.APIs.Buildpack.all()...),
		PlatformAPIs: append([]string{}, l.APIs.Platform.all()...),
	}
}

// runImages are the run images, each once: builders of older platforms have one
// in another place.
func (i builderInfo) runImages() []RunImages {
	all := []RunImages{}
	for _, r := range append(slices.Clone(i.RunImages), i.Stack.RunImage) {
		if r.Image != "" && !slices.ContainsFunc(all, func(o RunImages) bool { return o.Image == r.Image }) {
			all = append(all, RunImages(r))
		}
	}
	return all
}

// layerSizes are the compressed bytes of layers by diffID.
func layerSizes(image v1.Image, config *v1.ConfigFile) (map[string]int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("the manifest has %d layers, the config %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	sizes := map[string]int64{}
	for i, d := range manifest.Layers {
		sizes[config.RootFS.DiffIDs[i].String()] = d.Size
	}
	return sizes, nil
}

// entries are the buildpacks in the order of their names.
func (l moduleLayers) entries(sizes map[string]int64) []Item {
	entries := []Item{}
	for _, id := range slices.Sorted(maps.Keys(l)) {
		for _, version := range slices.Sorted(maps.Keys(l[id])) {
			i := l[id][version]
			entries = append(entries, Item{
				ID: id, Version: version, Name: i.Name, API: i.API, Homepage: i.Homepage, DiffID: i.LayerDiffID, Size: sizes[i.LayerDiffID],
			})
		}
	}
	return entries
}

// tree is the buildpacks with the orders of composites.
func (l moduleLayers) tree() tree {
	t := tree{modules: map[buildpacks.Member]module{}, byID: map[string][]buildpacks.Member{}, shown: map[buildpacks.Member]bool{}}
	for id, versions := range l {
		for version, i := range versions {
			m := buildpacks.Member{ID: id, Version: version}
			t.modules[m] = module{order: ordered(i.Order)}
			t.byID[id] = append(t.byID[id], m)
		}
	}
	return t
}

// ordered is an order of a label.
func ordered(groups []groupInfo) buildpacks.Order {
	var order buildpacks.Order
	for _, g := range groups {
		group := buildpacks.Group{}
		for _, m := range g.Group {
			group = append(group, buildpacks.Member{
				ID: m.ID, Version: m.Version, Optional: m.Optional, ExecEnvs: buildpacks.NewExecEnvs(m.ExecEnvs),
			})
		}
		order = append(order, group)
	}
	return order
}
