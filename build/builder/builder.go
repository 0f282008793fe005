package builder

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Creator makes builder images (CNB Platform API, "Build Image"): a base with a
// lifecycle, buildpacks and an order, for platforms that build in containers.
type Creator struct {
	// Fetcher brings the buildpacks. Its Base and its Target are those of the
	// builder, whatever they were.
	Fetcher fetch.Fetcher
	// Opener opens the build image, and the run images to look at them. Its
	// Target is that of the builder.
	Opener oci.Opener
	// Temp is the directory in which layers are made. It has to stay until the
	// images are exported.
	Temp string
	// Builtin lays out the builtin buildpack of an id and returns its directory;
	// is says whether there is one. It may be nil.
	Builtin func(id string) (dir string, is bool, err error)
	// Lifecycle is slugc's own for an architecture of Linux, for builders that
	// name no other.
	Lifecycle func(arch string) (LifecycleArchive, error)
	// Flatten are buildpacks that share a layer, a list for each such layer.
	Flatten [][]buildpacks.Member
	// Labels are put on the images besides.
	Labels map[string]string
	// Offline leaves the run images alone, which builds need and a builder does
	// not.
	Offline bool
	// Progress is told of the bytes of buildpacks that were packed. It may be
	// nil.
	Progress func(done, total int64)
	// Warn hears of what may not have been meant. It may be nil.
	Warn func(error)
}

// Created is what one builder.toml came to.
type Created struct {
	// Images are one for each of Targets, in their order.
	Images  []oci.Image
	Targets []stack.Target
}

// CreateError says why what somebody wrote makes no builder.
type CreateError struct {
	// File is the builder.toml, as it was named.
	File string
	Err  error
}

func (e *CreateError) Error() string { return fmt.Sprintf("%s: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *CreateError) Unwrap() error { return e.Err }

// Create makes the builders that a builder.toml describes, one for each target:
// those that were asked for, else those of the file, else this machine. An error
// is a *CreateError unless packing failed.
func (c Creator) Create(ctx context.Context, file string, targets []buildpacks.Target) (Created, error) {
	config, err := readBuilderConfig(file)
	if err != nil {
		return Created{}, &CreateError{file, err}
	}
	for _, w := range config.warnings {
		c.warn(fmt.Errorf("%s: %s", file, w))
	}
	if len(targets) == 0 {
		targets = config.targets
	}
	if targets, err = builderTargets(targets); err != nil {
		return Created{}, &CreateError{file, err}
	}
	var made Created
	for _, t := range targets {
		plan, err := c.plan(ctx, config, t)
		if err != nil {
			return Created{}, &CreateError{file, err}
		}
		image, err := c.make(ctx, config, plan)
		if err != nil {
			return Created{}, fmt.Errorf("making the builder for %s: %w", plan.on, err)
		}
		made.Images, made.Targets = append(made.Images, image), append(made.Targets, plan.on.target)
	}
	return made, nil
}

func (c Creator) warn(err error) {
	if c.Warn != nil {
		c.Warn(err)
	}
}

// builderTargets are what builders are made for, each once. A builder is for one
// architecture: this machine's where a target has none.
func builderTargets(targets []buildpacks.Target) ([]buildpacks.Target, error) {
	if len(targets) == 0 {
		targets = []buildpacks.Target{{OS: linux}}
	}
	var all []buildpacks.Target
	for _, t := range targets {
		if t.OS == "" {
			t.OS = linux
		}
		if t.Arch == "" {
			t.Arch = runtime.GOARCH
		}
		if t.OS != linux {
			continue
		}
		at := slices.IndexFunc(all, func(o buildpacks.Target) bool {
			return o.OS == t.OS && o.Arch == t.Arch && o.Variant == t.Variant
		})
		if at < 0 {
			all = append(all, t)
		} else {
			all[at].Distros = append(all[at].Distros, t.Distros...)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("none of its targets is for linux, and slugc builds for nothing else")
	}
	return all, nil
}

// plan is all that goes into the builder for one target, checked.
type plan struct {
	base      oci.Base
	on        builderBase
	lifecycle lifecycle
	members
	// info is the label, with what the base said before.
	info builderInfo
	// layers and extensionLayers are the labels of what the base has.
	layers, extensionLayers moduleLayers
	// order, orderExtensions and system have the versions that are meant.
	order, orderExtensions []groupInfo
	system                 systemInfo
}

// plan finds what goes into a builder, and looks for mistakes.
func (c Creator) plan(ctx context.Context, config builderConfig, t buildpacks.Target) (plan, error) {
	p := plan{layers: moduleLayers{}, extensionLayers: moduleLayers{}}
	target := stack.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
	if err := c.openBase(ctx, config, t, &p); err != nil {
		return plan{}, err
	}
	if err := c.checkRunImages(ctx, config, target); err != nil {
		return plan{}, err
	}
	archive, err := c.lifecycleOf(ctx, config, target)
	if err != nil {
		return plan{}, fmt.Errorf("lifecycle: %w", err)
	}
	if p.lifecycle, err = archive.read(target.Arch); err != nil {
		return plan{}, fmt.Errorf("lifecycle: %w", err)
	}
	if p.members, err = c.gather(ctx, config, target); err != nil {
		return plan{}, err
	}
	if err := p.has(c.Flatten); err != nil {
		return plan{}, err
	}
	if err := p.check(p.info, p.lifecycle.lifecycleInfo, p.on); err != nil {
		return plan{}, err
	}
	p.describe(config)
	return p, p.resolve(config)
}

// openBase opens the build image and reads what it says.
func (c Creator) openBase(ctx context.Context, config builderConfig, t buildpacks.Target, p *plan) (err error) {
	opener := c.Opener
	opener.Target = stack.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
	if p.base, err = opener.Open(ctx, config.at(config.buildImage)); err != nil {
		return fmt.Errorf("build image: %w", err)
	}
	base, err := p.base.Image.ConfigFile()
	if err != nil {
		return fmt.Errorf("build image %s: %w", config.buildImage, err)
	}
	if p.on, err = describeBase(config.buildImage, p.base.Target, base); err != nil {
		return fmt.Errorf("build image %s: %w", config.buildImage, err)
	}
	if !t.Fits(p.base.Target) {
		return fmt.Errorf("target %s: the build image %s is for %s", t, config.buildImage, p.on)
	}
	if config.stackID != "" && config.stackID != p.on.stackID {
		return fmt.Errorf("stack.id is %s, and the build image %s is of the stack %q", config.stackID, config.buildImage, p.on.stackID)
	}
	_, err = readLabel(base, builderLabel, &p.info)
	_, layersErr := readLabel(base, layersLabel, &p.layers)
	_, extensionsErr := readLabel(base, extensionLayersLabel, &p.extensionLayers)
	if err := errors.Join(err, layersErr, extensionsErr); err != nil {
		return fmt.Errorf("build image %s: %w", config.buildImage, err)
	}
	return nil
}

// idIn is the number that an image sets as a user or a group of builds.
func idIn(environ []string, variable string) (int, error) {
	value, set := launch.NewEnv(environ)[variable]
	if !set {
		return 0, fmt.Errorf("it does not set %s, as an image to build on does", variable)
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("it sets %s=%.100s; expected a number", variable, value)
	}
	return int(n), nil
}

// checkRunImages looks at the run images that can be reached: one that is for
// something else is of no use.
func (c Creator) checkRunImages(ctx context.Context, config builderConfig, target stack.Target) error {
	if c.Offline {
		return nil
	}
	opener := c.Opener
	opener.Target = target
	for _, r := range config.runImages {
		for _, image := range append([]string{r.Image}, r.Mirrors...) {
			opened, err := opener.Open(ctx, "docker://"+image)
			if failed, ok := errors.AsType[*oci.OpenError](err); ok && failed.OtherPlatform() {
				return fmt.Errorf("run image: %w", err)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				c.warn(fmt.Errorf("the run image cannot be looked at, and builds will need it: %w", err))
				continue
			}
			about, err := opened.Image.ConfigFile()
			if err != nil {
				return fmt.Errorf("run image %s: %w", image, err)
			}
			if id := about.Config.Labels[stackLabel]; config.stackID != "" && id != config.stackID {
				return fmt.Errorf("stack.id is %s, and the run image %s is of the stack %q", config.stackID, image, id)
			}
		}
	}
	return nil
}

// describe fills in the label of the builder.
func (p *plan) describe(config builderConfig) {
	p.info.Description, p.info.Lifecycle, p.info.CreatedBy = config.description, p.lifecycle.lifecycleInfo, madeBy()
	for _, b := range p.buildpacks {
		p.info.Buildpacks = append(p.info.Buildpacks, b.info())
	}
	for _, e := range p.extensions {
		p.info.Extensions = append(p.info.Extensions, e.info())
	}
	if config.stackID != "" {
		p.info.Stack = stackRunImage{config.runImages[0]}
	}
	p.info.RunImages = config.runImages
}

// resolve finds the versions that the orders mean.
func (p *plan) resolve(config builderConfig) (err error) {
	if p.order, err = resolveOrder("order", "buildpack", p.info.Buildpacks, config.order); err != nil {
		return err
	}
	if p.orderExtensions, err = resolveOrder("order-extensions", "extension", p.info.Extensions, config.orderExtensions); err != nil {
		return err
	}
	if p.system.Pre.Buildpacks, err = resolve("buildpack", p.info.Buildpacks, config.system.Pre.Buildpacks); err != nil {
		return fmt.Errorf("system.pre: %w", err)
	}
	if p.system.Post.Buildpacks, err = resolve("buildpack", p.info.Buildpacks, config.system.Post.Buildpacks); err != nil {
		return fmt.Errorf("system.post: %w", err)
	}
	return nil
}
