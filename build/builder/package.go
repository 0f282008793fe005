package builder

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
)

// Packager makes buildpackages (CNB Distribution API 0.3, "Buildpackage").
type Packager struct {
	// Fetcher brings what a package.toml names. Its Base and its Target are
	// those of the package, whatever they were.
	Fetcher fetch.Fetcher
	// Temp is the directory in which layers are made. It has to stay until the
	// images are exported.
	Temp string
	// Exclude keeps files and directories out of a package that lie in a
	// buildpack, by their absolute paths: what the package is written to. It
	// may be nil.
	Exclude func(file string) bool
	// Progress is told of the bytes that were packed. It may be nil.
	Progress func(done, total int64)
}

// Package is a buildpackage: a buildpack with all that its order names.
type Package struct {
	// Root is the buildpack that the package is of.
	Root buildpacks.Descriptor
	// Images are one for each of Targets, in their order.
	Images  []oci.Image
	Targets []buildpacks.Target
	// Buildpacks are those in it, the root as the last.
	Buildpacks []buildpacks.Descriptor
}

// PackageError says why what somebody wrote makes no package.
type PackageError struct {
	// From is the directory or the package.toml, as it was named.
	From string
	Err  error
}

func (e *PackageError) Error() string { return fmt.Sprintf("packaging %s: %v", e.From, e.Err) }

// Unwrap returns the cause.
func (e *PackageError) Unwrap() error { return e.Err }

// Package packs the buildpack in a directory, or what a package.toml says. A
// package.toml in the directory is read. Without targets they are those that
// the files name. An error is a *PackageError unless packing failed.
func (p Packager) Package(ctx context.Context, from string, targets []buildpacks.Target) (Package, error) {
	contents, err := p.contents(ctx, from, targets)
	if err != nil {
		return Package{}, &PackageError{From: from, Err: err}
	}
	made, err := p.pack(ctx, contents)
	if err != nil {
		return Package{}, fmt.Errorf("packaging %s: %w", from, err)
	}
	return made, nil
}

// content is what goes into the image for one target.
type content struct {
	target buildpacks.Target
	// modules are the buildpacks, the root as the last.
	modules []module
	// stacks are those that all of them can be built on.
	stacks []stackRef
}

// contents finds what goes into the images of a package.
func (p Packager) contents(ctx context.Context, from string, targets []buildpacks.Target) ([]content, error) {
	c, err := readConfig(from)
	if err != nil {
		return nil, err
	}
	if targets, err = c.platforms(targets); err != nil {
		return nil, err
	}
	var contents []content
	for _, t := range targets {
		modules, err := p.gather(ctx, c, t)
		if err != nil {
			return nil, err
		}
		stacks, err := commonStacks(modules)
		if err != nil {
			return nil, err
		}
		contents = append(contents, content{target: t, modules: modules, stacks: stacks})
	}
	return contents, nil
}

// pack makes the images of a package.
func (p Packager) pack(ctx context.Context, contents []content) (Package, error) {
	var made Package
	var all []module
	for _, c := range contents {
		all = append(all, c.modules...)
	}
	layers, err := p.layers(ctx, all)
	if err != nil {
		return Package{}, err
	}
	for _, c := range contents {
		image, err := c.compose(layers)
		if err != nil {
			return Package{}, err
		}
		made.Images, made.Targets = append(made.Images, image), append(made.Targets, c.target)
	}
	for _, m := range contents[0].modules {
		made.Buildpacks = append(made.Buildpacks, m.Descriptor)
		made.Root = m.Descriptor
	}
	return made, nil
}

// layers packs buildpacks, each directory once, and returns the layers by
// directory.
func (p Packager) layers(ctx context.Context, modules []module) (map[string]artifact.Segment, error) {
	var jobs []pack.Job
	var dirs []string
	for _, m := range modules {
		if slices.Contains(dirs, m.dir) {
			continue
		}
		job, err := p.job(ctx, m)
		if err != nil {
			return nil, err
		}
		jobs, dirs = append(jobs, job), append(dirs, m.dir)
	}
	segments, err := p.packer().Pack(ctx, jobs)
	if err != nil {
		return nil, err
	}
	layers := map[string]artifact.Segment{}
	for i, dir := range dirs {
		layers[dir] = segments[i][0]
	}
	return layers, nil
}

func (p Packager) packer() pack.Packer {
	return pack.Packer{Temp: p.Temp, Progress: p.Progress}
}

// job packs a buildpack as its layer.
func (p Packager) job(ctx context.Context, m module) (pack.Job, error) {
	index, err := pack.Walk(ctx, m.dir, pack.WalkOptions{Exclude: func(rel string, _ bool) bool {
		return rel == ".git" || p.Exclude != nil && p.Exclude(filepath.Join(m.dir, rel))
	}})
	if err != nil {
		return pack.Job{}, err
	}
	parent := func(name string) pack.Parent { return pack.Parent{Name: name, Mode: 0o755} }
	return pack.Job{
		Part: pack.Part{Name: m.String(), Dir: m.dir, Index: index, Attributes: attributes(index)},
		Shapes: []pack.Shape{{
			Name: "buildpackage", Prefix: m.at(), ModTime: pack.Epoch(), Trailer: true,
			Parents: []pack.Parent{parent(m.above()), parent(m.at())},
		}},
	}, nil
}

// compose makes the image.
func (c content) compose(layers map[string]artifact.Segment) (oci.Image, error) {
	var segments []artifact.Segment
	var diffIDs []string
	for _, m := range c.modules {
		segments, diffIDs = append(segments, layers[m.dir]), append(diffIDs, layers[m.dir].DiffID)
	}
	said, err := c.labels(diffIDs)
	if err != nil {
		return oci.Image{}, err
	}
	return oci.Compose(v1.ConfigFile{
		OS: c.target.OS, Architecture: c.target.Arch, Variant: c.target.Variant, Created: v1.Time{Time: pack.Epoch()},
		Config: v1.Config{Labels: said},
	}, "slugc buildpack package", segments...)
}

// String is the package for people: id@version for linux/amd64, linux/arm64.
func (p Package) String() string {
	var targets []string
	for _, t := range p.Targets {
		targets = append(targets, t.String())
	}
	return p.Root.String() + " for " + strings.Join(targets, ", ")
}
