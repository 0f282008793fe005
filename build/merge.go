package build

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// contribution is what one buildpack made.
type contribution struct {
	by buildpacks.Descriptor
	buildpacks.Contribution
}

// merge makes the tree of all contributions, in build order. Of the process
// types of classic buildpacks those of the last one with bin/release count, and
// no others (Heroku, "Using multiple buildpacks"); a Procfile counts more, and
// so does a CNB behind it.
func merge(site buildpacks.Site, done []contribution) (tree artifact.Tree, warnings []string) {
	tree = artifact.Tree{
		App: site.App, Subdir: site.Subdir, Layers: site.Layers, Stack: site.Stack,
		ExecEnv: cmp.Or(site.ExecEnv, buildpacks.DefaultExecEnv),
		Stores:  map[string]map[string]any{}, ConfigVars: map[string]string{},
	}
	shared := map[string]bool{}
	last := -1
	for i, c := range done {
		if c.Release != nil {
			last = i
		}
	}
	for i, c := range done {
		if c.by.Dialect == buildpacks.Classic {
			tree.StackName = site.StackName()
		}
		if c.Release != nil {
			maps.Copy(tree.ConfigVars, c.Release.ConfigVars)
			for _, addon := range c.Release.Addons {
				if !slices.Contains(tree.Addons, addon) {
					tree.Addons = append(tree.Addons, addon)
				}
			}
			if i < last {
				c.Processes = nil
			}
		}
		tree.Buildpacks = append(tree.Buildpacks, c.by)
		tree.Metadata.Buildpacks = append(tree.Metadata.Buildpacks, launch.Buildpack{
			ID: c.by.ID, Version: c.by.Version, API: c.by.API, Homepage: c.by.Homepage,
		})
		tree.Labels = append(tree.Labels, c.Labels...)
		tree.Slices = append(tree.Slices, c.Slices...)
		tree.SBOM = append(tree.SBOM, c.SBOM...)
		if len(c.Store) > 0 {
			tree.Stores[c.by.ID] = c.Store
		}
		for _, l := range c.Layers {
			if shared[l.ID()] {
				continue // one that several buildpacks have together
			}
			shared[l.ID()] = true
			if l.Launch {
				tree.LaunchLayers = append(tree.LaunchLayers, l)
			}
			if l.Cache {
				tree.CacheLayers = append(tree.CacheLayers, l)
			}
		}
		for _, p := range c.Processes {
			was := tree.Metadata.DefaultProcess
			if tree.Metadata = declare(tree.Metadata, p); was == p.Type && tree.Metadata.DefaultProcess == "" {
				warnings = append(warnings, fmt.Sprintf("%s redefines the default process type %s and does not mark it as default", c.by, p.Type))
			}
		}
	}
	return tree, warnings
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
