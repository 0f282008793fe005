package build

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// Walked is the state of a tree's files once it is finished. It is taken once,
// for the cache and for packing.
type Walked struct {
	// Layers are the indexes of all layers on disk, by layer id.
	Layers map[string]pack.Index
	// App is the index of the app directory without the layers.
	App pack.Index
}

// Walk walks a tree. What leftOut names of the app is not there for those who
// pack it; nil names nothing. Known are indexes of layers before the build, by
// layer id (pack.WalkOptions). Errors are those of pack.Walk.
func Walk(ctx context.Context, tree artifact.Tree, leftOut func(path string, isDir bool) bool, known map[string]pack.Index) (w Walked, err error) {
	if w.Layers, err = WalkLayers(ctx, tree, known); err != nil {
		return Walked{}, err
	}
	if w.App, err = walkApp(ctx, tree, leftOut); err != nil {
		return Walked{}, err
	}
	return w, nil
}

// WalkLayers walks every layer of a tree that is on disk once, and returns the
// indexes by layer id. Known is as for Walk.
func WalkLayers(ctx context.Context, tree artifact.Tree, known map[string]pack.Index) (map[string]pack.Index, error) {
	var layers []buildpacks.Layer
	seen := map[string]bool{}
	for _, l := range append(append([]buildpacks.Layer(nil), tree.LaunchLayers...), tree.CacheLayers...) {
		if !seen[l.ID()] && l.Dir.Host != "" {
			seen[l.ID()] = true
			layers = append(layers, l)
		}
	}
	found := make([]pack.Index, len(layers))
	walks, ctx := errgroup.WithContext(ctx)
	walks.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range layers {
		walks.Go(func() (err error) {
			found[i], err = pack.Walk(ctx, l.Dir.Host, pack.WalkOptions{Known: known[l.ID()]})
			return err
		})
	}
	if err := walks.Wait(); err != nil {
		return nil, err
	}
	indexes := make(map[string]pack.Index, len(layers))
	for i, l := range layers {
		indexes[l.ID()] = found[i]
	}
	return indexes, nil
}

// walkApp walks the app directory, the layers below it left out, in the order
// in which both forms pack it, so that they share its compressed bytes.
func walkApp(ctx context.Context, tree artifact.Tree, leftOut func(path string, isDir bool) bool) (pack.Index, error) {
	layers, err := filepath.Rel(tree.App.Host, tree.Layers.Host)
	if err != nil {
		return nil, fmt.Errorf("packing the app: %w", err)
	}
	index, err := pack.Walk(ctx, tree.App.Host, pack.WalkOptions{
		Exclude: func(rel string, isDir bool) bool {
			return rel == layers || leftOut != nil && leftOut(filepath.ToSlash(rel), isDir)
		},
	})
	return index.ByPath(), err
}
