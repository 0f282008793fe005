package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Compiler is a buildpack that can build. See buildpacks.CompileError for what
// Compile returns when the build is at fault.
type Compiler interface {
	Descriptor() buildpacks.Descriptor
	Compile(ctx context.Context, site buildpacks.Site, job buildpacks.Job) (buildpacks.Contribution, error)
}

// Builder runs the buildpacks of a plan.
type Builder struct {
	// Compilers are the buildpacks by id.
	Compilers map[string]Compiler
	// Started is told which buildpack is about to build; it may be nil.
	Started func(buildpacks.Descriptor)
}

// Build runs every buildpack of the plan and returns the tree that they made.
func (b Builder) Build(ctx context.Context, site buildpacks.Site, plan detect.Plan) (artifact.Tree, error) {
	if len(plan.Group) == 0 {
		return artifact.Tree{}, errors.New("the plan names no buildpack")
	}
	env := launch.Env{"PATH": stack.DefaultPath}
	met := map[string]bool{}
	var done []contribution
	for _, choice := range plan.Group {
		compiler := b.Compilers[choice.ID]
		if compiler == nil {
			return artifact.Tree{}, fmt.Errorf("the plan names buildpack %s, which is not there", choice.ID)
		}
		if b.Started != nil {
			b.Started(choice.Descriptor)
		}
		job := buildpacks.Job{Plan: plan.JobFor(choice.ID, met), Env: env.Clone()}
		c, err := compiler.Compile(ctx, site, job)
		if err != nil {
			return artifact.Tree{}, err
		}
		done = append(done, contribution{choice.Descriptor, c})
		settle(met, job.Plan, c.Unmet)
		var seen []launch.LayerDir
		for _, l := range c.Layers {
			if l.Build && l.Dir.Host != "" {
				seen = append(seen, launch.LayerDir(l.Dir))
			}
		}
		if err := launch.ApplyBuild(env, seen...); err != nil {
			return artifact.Tree{}, &buildpacks.CompileError{Buildpack: choice.Descriptor, Step: "layers", Err: err}
		}
	}
	return merge(site, done), nil
}

// settle marks the plan entries that a buildpack met: all it was given, those
// excepted that it passes on.
func settle(met map[string]bool, given []buildpacks.Requirement, unmet []string) {
	passed := map[string]bool{}
	for _, name := range unmet {
		passed[name] = true
	}
	for _, req := range given {
		if !passed[req.Name] {
			met[req.Name] = true
		}
	}
}

// contribution is what one buildpack made.
type contribution struct {
	by buildpacks.Descriptor
	buildpacks.Contribution
}

// merge makes the tree of all contributions, in build order.
func merge(site buildpacks.Site, done []contribution) artifact.Tree {
	tree := artifact.Tree{
		App: site.App, Layers: site.Layers, Stack: site.Stack,
		Stores: map[string]map[string]any{},
	}
	for _, c := range done {
		tree.Buildpacks = append(tree.Buildpacks, c.by)
		tree.Metadata.Buildpacks = append(tree.Metadata.Buildpacks, launch.Buildpack{
			ID: c.by.ID, Version: c.by.Version, API: c.by.API, Homepage: c.by.Homepage,
		})
		tree.Labels = append(tree.Labels, c.Labels...)
		if len(c.Store) > 0 {
			tree.Stores[c.by.ID] = c.Store
		}
		for _, l := range c.Layers {
			if l.Launch {
				tree.LaunchLayers = append(tree.LaunchLayers, l)
			}
			if l.Cache {
				tree.CacheLayers = append(tree.CacheLayers, l)
			}
		}
		for _, p := range c.Processes {
			tree.Metadata = declare(tree.Metadata, p)
		}
	}
	return tree
}

// declare adds a process. One of a type that is there replaces it. The last
// default wins; a type that is declared again without default is the default
// no more (CNB Platform API, "metadata.toml").
func declare(m launch.Metadata, p launch.Process) launch.Metadata {
	kept := make([]launch.Process, 0, len(m.Processes)+1)
	for _, old := range m.Processes {
		if old.Type != p.Type {
			kept = append(kept, old)
		}
	}
	switch {
	case p.Default:
		m.DefaultProcess = p.Type
	case m.DefaultProcess == p.Type:
		m.DefaultProcess = ""
	}
	p.Default = false
	m.Processes = append(kept, p)
	return m
}

// Prepare makes the directories of a site that buildpacks expect, and the
// platform directory with the person's variables (CNB Platform API, "Platform
// directory").
func Prepare(site buildpacks.Site) error {
	if err := clearWay(site); err != nil {
		return fmt.Errorf("preparing the build: %w", err)
	}
	for _, dir := range []string{site.App.Host, site.Layers.Host, site.Temp.Host, site.Scratch, site.Platform.Host} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
	}
	// The layers may lie some directories below the app; all are the build's.
	for dir := site.Layers.Host; len(dir) > len(site.App.Host); dir = filepath.Dir(dir) {
		if err := sandbox.Give(dir); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
	}
	for _, dir := range []string{site.App.Host, site.Layers.Host, site.Temp.Host} {
		if err := sandbox.Give(dir); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
	}
	vars := filepath.Join(site.Platform.Host, "env")
	if err := sandbox.Remove(vars); err != nil {
		return fmt.Errorf("preparing the build: %w", err)
	}
	if err := os.MkdirAll(vars, 0o755); err != nil {
		return fmt.Errorf("preparing the build: %w", err)
	}
	for name, value := range site.Env {
		file := path.Join(vars, name)
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
		if err := sandbox.Give(file); err != nil {
			return fmt.Errorf("preparing the build: %w", err)
		}
	}
	return nil
}

// clearWay leaves nothing on the way from the app down to its layers but the
// directories themselves: what an earlier build put beside them is no part of
// this one, and a link in their place would lead out of the app.
func clearWay(site buildpacks.Site) error {
	rel, err := filepath.Rel(site.App.Host, site.Layers.Host)
	if err != nil || !filepath.IsLocal(rel) {
		return nil // the layers lie elsewhere
	}
	dir := site.App.Host
	for i, name := range strings.Split(rel, string(filepath.Separator)) {
		if i > 0 {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return err
			}
			for _, entry := range entries {
				if entry.Name() == name {
					continue
				}
				if err := sandbox.Remove(filepath.Join(dir, entry.Name())); err != nil {
					return err
				}
			}
		}
		dir = filepath.Join(dir, name)
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return sandbox.Remove(dir)
		}
	}
	return nil
}
