package builder

import (
	"context"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
)

// make makes the image of a plan, with its layers in the order in which pack has
// them.
func (c Creator) make(ctx context.Context, config builderConfig, p plan) (oci.Image, error) {
	s := smallLayers{temp: c.Temp}
	if err := s.dirs(p.on.uid, p.on.gid); err != nil {
		return oci.Image{}, err
	}
	if err := s.lifecycle(p.lifecycle); err != nil {
		return oci.Image{}, err
	}
	if err := c.modules(ctx, &s, p.buildpacks, p.layers); err != nil {
		return oci.Image{}, err
	}
	if err := c.modules(ctx, &s, p.extensions, p.extensionLayers); err != nil {
		return oci.Image{}, err
	}
	if err := s.settings(config, p); err != nil {
		return oci.Image{}, err
	}
	return p.base.Compose(func(into *v1.Config) error { return c.label(into, config, p) }, "slugc builder create", s.made...)
}

// settings adds the files by which the lifecycle and its platforms know the
// builder.
func (s *smallLayers) settings(config builderConfig, p plan) error {
	if err := s.toml(orderPath, struct {
		Order      []groupInfo `toml:"order,omitempty"`
		Extensions []groupInfo `toml:"order-extensions,omitempty"`
	}{p.order, p.orderExtensions}); err != nil {
		return err
	}
	if !p.system.empty() {
		if err := s.toml(systemPath, struct {
			System systemInfo `toml:"system"`
		}{p.system}); err != nil {
			return err
		}
	}
	if err := s.toml(stackPath, stackRunImage{config.runImages[0]}); err != nil {
		return err
	}
	if err := s.toml(runPath, struct {
		Images []runImageInfo `toml:"images"`
	}{config.runImages}); err != nil {
		return err
	}
	if len(config.env) > 0 {
		if err := s.env(buildConfigDir+"/env", config.env); err != nil {
			return err
		}
	}
	return s.env(platformDir+"/env", nil)
}

// label says in the config of the image what is in it.
func (c Creator) label(into *v1.Config, config builderConfig, p plan) error {
	into.WorkingDir = layersDir
	labels := into.Labels
	for key, value := range c.Labels {
		labels[key] = value
	}
	if !p.system.empty() {
		if err := setLabel(labels, systemLabel, config.system); err != nil {
			return err
		}
	}
	for _, l := range []struct {
		name  string
		value any
	}{
		{layersLabel, p.layers}, {extensionLayersLabel, p.extensionLayers}, {orderLabel, config.order},
		{orderExtensionsLabel, config.orderExtensions}, {builderLabel, p.info}, {mixinsLabel, p.on.mixins},
	} {
		if err := setLabel(labels, l.name, l.value); err != nil {
			return err
		}
	}
	return nil
}

// modules adds the layers of buildpacks, or of extensions, and notes them. What
// the base has already stays; another with the same id and version takes its
// place.
func (c Creator) modules(ctx context.Context, s *smallLayers, all []module, known moduleLayers) error {
	together, alone := flattened(c.Flatten, all)
	packager := Packager{Temp: c.Temp, Progress: c.Progress}
	for _, group := range together {
		segment, err := packager.flatten(ctx, group)
		if err != nil {
			return err
		}
		if err := s.shared(group, segment, known); err != nil {
			return err
		}
	}
	packed, err := packager.layers(ctx, alone)
	if err != nil {
		return err
	}
	last := map[string]module{}
	for _, m := range alone {
		if earlier, found := last[m.String()]; found && packed[earlier.dir].DiffID != packed[m.dir].DiffID {
			c.warn(fmt.Errorf("%s is named twice with different contents; the last is taken, from %s", m, m.dir))
		}
		last[m.String()] = m
	}
	return s.modules(last, packed, known)
}

// shared adds buildpacks that were packed together.
func (s *smallLayers) shared(group shared, packed artifact.Segment, known moduleLayers) error {
	if !slices.ContainsFunc(group, func(m module) bool { return known[m.ID][m.Version].LayerDiffID != packed.DiffID }) {
		return nil
	}
	if err := s.whiteouts(group, known); err != nil {
		return err
	}
	s.made = append(s.made, packed)
	for _, m := range group {
		known.add(m, packed.DiffID)
	}
	return nil
}

// whiteouts adds a whiteout for each buildpack that the base has.
func (s *smallLayers) whiteouts(all []module, known moduleLayers) error {
	for _, m := range all {
		if _, found := known[m.ID][m.Version]; found {
			if err := s.whiteout(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// modules adds packed buildpacks in the order of their names.
func (s *smallLayers) modules(all map[string]module, packed map[string]artifact.Segment, known moduleLayers) error {
	var added []module
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if m := all[name]; known[m.ID][m.Version].LayerDiffID != packed[m.dir].DiffID {
			added = append(added, m)
		}
	}
	if err := s.whiteouts(added, known); err != nil {
		return err
	}
	for _, m := range added {
		s.made = append(s.made, packed[m.dir])
		known.add(m, packed[m.dir].DiffID)
	}
	return nil
}
