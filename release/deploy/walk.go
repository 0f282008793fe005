package deploy

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

// walked is the state of a tree's files once it is finished. It is taken once,
// for the cache and for packing.
type walked struct {
	// layers are the indexes of all layers on disk, by layer id.
	layers map[string]pack.Index
	// app is the index of the app directory without the layers.
	app pack.Index
}

// walk walks a tree. What leftOut names of the app is not there for those who
// pack it; nil names nothing.
func walk(ctx context.Context, tree artifact.Tree, leftOut func(path string, isDir bool) bool) (w walked, err error) {
	if w.layers, err = walkLayers(ctx, tree); err != nil {
		return walked{}, err
	}
	if w.app, err = walkApp(ctx, tree, leftOut); err != nil {
		return walked{}, err
	}
	return w, nil
}

// walkLayers walks every layer of a tree once.
func walkLayers(ctx context.Context, tree artifact.Tree) (map[string]pack.Index, error) {
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
			found[i], err = pack.Walk(ctx, l.Dir.Host, pack.WalkOptions{})
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
