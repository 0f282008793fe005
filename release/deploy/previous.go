package deploy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// carried are layers, by id, of which a buildpack gets what it noted when it
// made the previous image. What is in them stays in that image, where they can
// be reused.
type carried map[string]bool

// carry gives the buildpacks of a group what the previous image says about the
// layers that only processes need, and about no others, whose contents a build
// might want (CNB Platform API, "Restorer"). What the cache gave them counts
// more. Nothing is carried into a build that is to forget earlier ones, that
// makes a slug, which is whole, or that puts its layers elsewhere than the image
// has them. With an error it
// returns what was carried nevertheless.
func (d Deploy) carry(ctx context.Context, work workplace, group []buildpacks.Descriptor, req Request) (carried, error) {
	layers := carried{}
	onlyImages := !slices.ContainsFunc(req.Forms, func(form Form) bool { _, image := form.(Image); return !image })
	previous := req.Previous
	if previous.Image == nil || req.ClearCache || !onlyImages || previous.LayersPath != work.site.Layers.Path ||
		cmp.Or(previous.ExecEnv, buildpacks.DefaultExecEnv) != cmp.Or(work.site.ExecEnv, buildpacks.DefaultExecEnv) {
		return layers, nil
	}
	for _, by := range group {
		for _, old := range previous.Metadata.Buildpacks {
			if old.ID != by.ID {
				continue
			}
			c := carrier{previous: previous, dir: launch.EscapeID(by.ID), layers: work.site.Layers.Host, carried: layers}
			if err := c.buildpack(ctx, old); err != nil {
				return layers, fmt.Errorf("restoring what the previous image says of %s: %w", by, err)
			}
		}
	}
	return layers, nil
}

// carrier carries the layers of one buildpack, whose directory is dir below
// the directory of the layers.
type carrier struct {
	previous    oci.Previous
	dir, layers string
	carried     carried
}

func (c carrier) buildpack(ctx context.Context, old oci.BuildpackLayers) error {
	if old.Store != nil && len(old.Store.Metadata) > 0 {
		if _, err := c.add("store.toml", old.Store.Metadata); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old.Layers)) {
		said, there := c.previous.Layer(old.ID, name)
		if !there || !said.Launch || said.Build || said.Cache || filepath.Base(name) != name || !filepath.IsLocal(name) {
			continue
		}
		switch added, err := c.add(name+".toml", said.Data); {
		case err != nil:
			return err
		case !added:
			continue
		}
		c.carried[buildpacks.Layer{Buildpack: old.ID, Name: name}.ID()] = true
		sboms, err := c.previous.LayerSBOMs(ctx, c.dir, name)
		if err != nil {
			return err
		}
		for format, data := range sboms {
			if err := c.write(name+".sbom."+format, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// add writes metadata, unless the cache gave the buildpack some.
func (c carrier) add(name string, metadata map[string]any) (added bool, err error) {
	if _, err := os.Lstat(filepath.Join(c.layers, c.dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(map[string]any{"metadata": metadata}); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return true, c.write(name, text.Bytes())
}

// write writes a file for a buildpack, as the user that it runs as.
func (c carrier) write(name string, data []byte) error {
	file := filepath.Join(c.layers, c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return err
	}
	for _, path := range []string{filepath.Dir(file), file} {
		if err := sandbox.Give(path); err != nil {
			return err
		}
	}
	return nil
}

// reclaim takes the contents of layers that are to be used as they were from
// the cache, and leaves those of carried layers where they are, in the
// previous image.
func (c carried) reclaim(tree artifact.Tree, fromCache func(artifact.Tree) (artifact.Tree, error)) (artifact.Tree, error) {
	inCache := tree
	inCache.LaunchLayers = slices.DeleteFunc(slices.Clone(tree.LaunchLayers), c.stays)
	inCache, err := fromCache(inCache)
	if err != nil {
		return tree, err
	}
	found := inCache.LaunchLayers
	merged := slices.Clone(tree.LaunchLayers)
	for i, layer := range merged {
		if !c.stays(layer) {
			merged[i], found = found[0], found[1:]
		}
	}
	inCache.LaunchLayers = merged
	return inCache, nil
}

// stays says whether the contents of a layer are in the previous image alone.
func (c carried) stays(layer buildpacks.Layer) bool {
	return layer.Dir.Host == "" && c[layer.ID()]
}

// sayKept names the layers whose contents stay in the previous image.
func (d Deploy) sayKept(tree artifact.Tree) {
	for _, l := range tree.LaunchLayers {
		if l.Dir.Host == "" {
			d.Voice.Detailf("Reusing layer %s of the previous image", l.ID())
		}
	}
}

// onDisk is a tree without the layers whose contents are elsewhere.
func onDisk(tree artifact.Tree) artifact.Tree {
	tree.LaunchLayers = slices.DeleteFunc(slices.Clone(tree.LaunchLayers), func(l buildpacks.Layer) bool { return l.Dir.Host == "" })
	return tree
}
