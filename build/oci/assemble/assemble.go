package assemble

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Assemble joins the base and the segments that Pack made of the recipe's
// Jobs, in their order, to an image. Equal input gives an image of equal bytes.
func (r Recipe) Assemble(segments [][]artifact.Segment) (oci.Image, error) {
	a := assembly{recipe: r, segments: map[string]artifact.Segment{}}
	if r.Previous != nil {
		var err error
		if a.previous, err = r.previous(); err != nil {
			return oci.Image{}, fmt.Errorf("assembling an image: %w", err)
		}
	}
	for _, shapes := range segments {
		if len(shapes) != 1 {
			return oci.Image{}, fmt.Errorf("assembling an image: a layer was packed in %d shapes, expected one", len(shapes))
		}
		a.segments[shapes[0].Name] = shapes[0]
	}
	config, err := r.Base.Image.ConfigFile()
	if err != nil {
		return oci.Image{}, fmt.Errorf("reading the config of the base: %w", err)
	}
	a.config = config.DeepCopy()
	if r.Extension != nil && r.Extension.Config != nil {
		a.config.Config = *r.Extension.Config.DeepCopy()
	}
	for _, step := range []func() error{a.layers, a.labels, a.environment, a.entrypoint} {
		if err := step(); err != nil {
			return oci.Image{}, fmt.Errorf("assembling an image: %w", err)
		}
	}
	image, err := a.join()
	if err != nil {
		return oci.Image{}, fmt.Errorf("assembling an image: %w", err)
	}
	return oci.Image{Image: image, Segments: a.used}, nil
}

// assembly is an image in the making.
type assembly struct {
	recipe   Recipe
	segments map[string]artifact.Segment
	config   *v1.ConfigFile
	adds     []mutate.Addendum
	metadata oci.LifecycleMetadata
	previous oci.Previous
	// used are the layers above the base.
	used []artifact.Segment
}

// layers gathers the layers in the order of the image, and what is said about
// them.
func (a *assembly) layers() error {
	mediaType, err := a.recipe.Base.LayerType()
	if err != nil {
		return err
	}
	add := func(name, createdBy string) (oci.LayerRef, error) {
		segment, found := a.segments[name]
		if !found {
			return oci.LayerRef{}, fmt.Errorf("the layer %s was not packed", name)
		}
		made, err := oci.NewLayer(segment, mediaType)
		if err != nil {
			return oci.LayerRef{}, err
		}
		used, layer, err := a.replace(segment, made)
		if err != nil {
			return oci.LayerRef{}, err
		}
		a.used = append(a.used, used)
		a.add(layer, createdBy)
		return oci.LayerRef{SHA: segment.DiffID}, nil
	}
	if err := a.extensionLayers(mediaType); err != nil {
		return err
	}
	if err := a.buildpackLayers(add); err != nil {
		return err
	}
	m := &a.metadata
	if _, found := a.segments[oci.SBOMPart]; found {
		ref, err := add(oci.SBOMPart, "Software Bill-of-Materials")
		if err != nil {
			return err
		}
		m.SBOM = &ref
	}
	if err := a.appLayers(add); err != nil {
		return err
	}
	if m.Launcher, err = add(oci.LauncherPart, "Buildpacks Application Launcher"); err != nil {
		return err
	}
	if m.Config, err = add(oci.ConfigPart, "Buildpacks Launcher Config"); err != nil {
		return err
	}
	if len(a.recipe.Tree.Metadata.Processes) > 0 {
		m.ProcessTypes, err = add(oci.ProcessTypesPart, "Buildpacks Process Types")
	}
	return err
}

// extensionLayers gathers the layers of extensions.
func (a *assembly) extensionLayers(mediaType types.MediaType) error {
	if a.recipe.Extension == nil {
		return nil
	}
	for _, l := range a.recipe.Extension.Layers {
		layer, err := oci.NewLayer(l.Segment, mediaType)
		if err != nil {
			return err
		}
		a.add(layer, l.CreatedBy)
	}
	return nil
}

// appLayers gathers the layers of the app: one, or those of its slices.
func (a *assembly) appLayers(add func(name, createdBy string) (oci.LayerRef, error)) error {
	name, createdBy := oci.AppPart, "Application Layer"
	for n := 1; ; n++ {
		if _, sliced := a.segments[oci.SlicePart(n)]; sliced {
			name, createdBy = oci.SlicePart(n), fmt.Sprintf("Application Slice: %d", n)
		} else if n > 1 {
			return nil
		}
		ref, err := add(name, createdBy)
		if err != nil {
			return err
		}
		a.metadata.App = append(a.metadata.App, ref)
	}
}

// buildpackLayers gathers the launch layers: those that were packed, and of
// those without contents the layers of the previous image.
func (a *assembly) buildpackLayers(add func(name, createdBy string) (oci.LayerRef, error)) error {
	tree := a.recipe.Tree
	at := map[string]int{}
	for _, b := range tree.Buildpacks {
		layers := oci.BuildpackLayers{ID: b.ID, Version: b.Version, Layers: map[string]oci.LayerMetadata{}}
		if store := tree.Stores[b.ID]; len(store) > 0 {
			layers.Store = &oci.Store{Metadata: store}
		}
		at[b.ID] = len(a.metadata.Buildpacks)
		a.metadata.Buildpacks = append(a.metadata.Buildpacks, layers)
	}
	for _, layer := range tree.LaunchLayers {
		i, known := at[layer.Buildpack]
		if !known {
			return fmt.Errorf("the layer %s is of a buildpack that did not build", layer.ID())
		}
		b := a.metadata.Buildpacks[i]
		createdBy := fmt.Sprintf("Layer: '%s', Created by buildpack: %s@%s", layer.Name, b.ID, b.Version)
		take := func() (oci.LayerRef, error) { return add(layer.ID(), createdBy) }
		if layer.Dir.Host == "" {
			take = func() (oci.LayerRef, error) { return a.reuse(layer, createdBy) }
		}
		ref, err := take()
		if err != nil {
			return err
		}
		b.Layers[layer.Name] = oci.LayerMetadata{
			LayerRef: ref, Data: layer.Metadata, Build: layer.Build, Launch: layer.Launch, Cache: layer.Cache,
		}
	}
	return nil
}

func (a *assembly) add(layer v1.Layer, createdBy string) {
	a.adds = append(a.adds, mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: pack.Epoch()}, CreatedBy: createdBy},
	})
}

// labels sets the labels: those of the base, ours, and those of buildpacks.
func (a *assembly) labels() error {
	tree := a.recipe.Tree
	labels := a.config.Config.Labels
	if labels == nil {
		labels = map[string]string{}
		a.config.Config.Labels = labels
	}
	base := a.recipe.Base
	a.metadata.ExecEnv = a.recipe.ExecEnv
	a.metadata.RunImage = oci.RunImage{Reference: base.Reference, Image: base.Name, Mirrors: base.Mirrors}
	lifecycle := a.recipe.Lifecycle
	if lifecycle != nil && lifecycle.StackNames {
		a.metadata.RunImage.Image, a.metadata.RunImage.Mirrors = "", nil
	}
	if diffIDs := a.config.RootFS.DiffIDs; len(diffIDs) > 0 {
		a.metadata.RunImage.TopLayer = diffIDs[len(diffIDs)-1].String()
	}
	a.metadata.Stack = &oci.StackMetadata{RunImage: oci.StackRunImage{Image: base.Name, Mirrors: base.Mirrors}}

	for _, label := range []struct {
		name  string
		value any
	}{
		{oci.LifecycleLabel, a.metadata}, {oci.BuildLabel, a.build()}, {oci.ProjectLabel, a.recipe.Project},
	} {
		if err := oci.WriteLabel(labels, label.name, label.value); err != nil {
			return err
		}
	}
	for _, label := range tree.Labels {
		labels[label.Key] = label.Value
	}
	if a.recipe.ExecEnv != "" {
		labels[oci.ExecEnvLabel] = a.recipe.ExecEnv
	}
	return nil
}

// build is what the label says of the build.
func (a *assembly) build() any {
	if a.recipe.Lifecycle != nil {
		return a.recipe.Lifecycle.Build
	}
	metadata := a.recipe.Tree.Metadata
	build := oci.BuildMetadata{
		Launcher: a.recipe.Launcher.Info, Processes: metadata.Processes, DefaultProcess: metadata.DefaultProcess,
	}
	for _, b := range metadata.Buildpacks {
		build.Buildpacks = append(build.Buildpacks, oci.BuildpackRef{ID: b.ID, Version: b.Version, Homepage: b.Homepage})
	}
	return build
}

// environment sets the variables that the launcher reads, and the PATH that
// finds it.
func (a *assembly) environment() error {
	c := &a.config.Config
	base := launch.NewEnv(c.Env)
	list := base.Get("PATH")
	if list == "" {
		list = stack.DefaultPath
	}
	dirs := slices.DeleteFunc(strings.Split(list, ":"), func(dir string) bool {
		return dir == launch.ProcessDir || dir == launch.LifecycleDir
	})
	for _, variable := range [][2]string{
		{"CNB_LAYERS_DIR", a.recipe.Tree.Layers.Path},
		{"CNB_APP_DIR", a.recipe.Tree.AppDir().Path},
		{"CNB_PLATFORM_API", a.recipe.platformAPI()},
		{"CNB_DEPRECATION_MODE", "quiet"},
		{"PATH", strings.Join(append([]string{launch.ProcessDir, launch.LifecycleDir}, dirs...), ":")},
	} {
		c.Env = oci.SetVariable(c.Env, variable[0], variable[1])
	}
	return nil
}

// entrypoint sets what starts, where and as whom.
func (a *assembly) entrypoint() error {
	metadata := a.recipe.Tree.Metadata
	process := metadata.DefaultProcess
	if a.recipe.Process != "" {
		process = a.recipe.Process
	}
	c := &a.config.Config
	c.Entrypoint, c.Cmd = []string{launch.LauncherPath}, nil
	if process != "" {
		if _, found := metadata.Find(process); !found {
			return fmt.Errorf("the default process type %s is not one of the build", process)
		}
		c.Entrypoint = []string{launch.ProcessDir + "/" + process}
	}
	c.WorkingDir = a.recipe.Tree.AppDir().Path
	if c.User == "" && a.recipe.Lifecycle == nil {
		owner, err := a.recipe.owner()
		if err != nil {
			return err
		}
		c.User = fmt.Sprintf("%d:%d", owner.UID, owner.GID)
	}
	return nil
}

// join makes the image.
func (a *assembly) join() (v1.Image, error) {
	a.config.Created = a.recipe.created()
	// What a container tool noted about its own work is not about this image.
	a.config.Container = ""
	if lifecycle := a.recipe.Lifecycle; lifecycle == nil {
		a.config.Config.Hostname, a.config.Config.Image = "", ""
		a.config.History = oci.Accounted(a.config)
	} else {
		a.history(lifecycle)
	}
	base, err := mutate.ConfigFile(a.recipe.Base.Image, a.config)
	if err != nil {
		return nil, err
	}
	image, err := mutate.Append(base, a.adds...)
	if err != nil {
		return nil, err
	}
	if _, err := image.Digest(); err != nil {
		return nil, err
	}
	return image, nil
}

// history makes all entries as old as the image. Those without a layer, of which
// nobody knows between which layers they belong once others follow, are left out.
func (a *assembly) history(lifecycle *Lifecycle) {
	created := a.recipe.created()
	history := slices.DeleteFunc(oci.Accounted(a.config), func(h v1.History) bool { return h.EmptyLayer })
	all := make([]*v1.History, 0, len(history)+len(a.adds))
	for i := range history {
		all = append(all, &history[i])
	}
	for i := range a.adds {
		all = append(all, &a.adds[i].History)
	}
	for _, h := range all {
		if lifecycle.NoHistory {
			*h = v1.History{}
		}
		h.Created = created
	}
	a.config.History = history
}
