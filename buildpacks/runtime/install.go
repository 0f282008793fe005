package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Install downloads and verifies a release and unpacks it into a directory,
// which appears whole or not at all, ready to run. A directory that is there is
// replaced; its parent must exist.
func (r *Resolver) Install(ctx context.Context, release Release, dir string) (layout Layout, err error) {
	w, err := r.sourceOf(release)
	if err != nil {
		return Layout{}, err
	}
	from := r.carrier(w.source)
	if from == nil {
		return Layout{}, fmt.Errorf("installing %s: the registry that carries it is not set up here", release)
	}
	beside, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*")
	if err != nil {
		return Layout{}, fmt.Errorf("installing %s: %w", release, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	tree := filepath.Join(beside, "tree")
	// What goes wrong here says which package it is.
	if err := from.install(ctx, w, release, tree); err != nil {
		return Layout{}, err
	}
	if err := w.link(release, tree); err != nil {
		return Layout{}, fmt.Errorf("installing %s: %w", release, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return Layout{}, fmt.Errorf("installing %s: %w", release, err)
	}
	if err := os.Rename(tree, dir); err != nil {
		return Layout{}, fmt.Errorf("installing %s: %w", release, err)
	}
	return r.Layout(release, dir)
}

// sourceOf is the source of a release in the catalogue.
func (r *Resolver) sourceOf(release Release) (wish, error) {
	w, err := r.wish(Request{Runtime: release.Runtime, Arch: release.Arch, Parts: release.Parts})
	if err != nil {
		return wish{}, err
	}
	if release.Source < 0 || release.Source >= len(w.entry.Sources) {
		return wish{}, fmt.Errorf("the catalogue of runtimes has no source number %d of %s", release.Source, w.entry.Title)
	}
	w.source = w.entry.Sources[release.Source]
	return w, nil
}

// link makes the links of the catalogue in an installed tree.
func (w wish) link(release Release, tree string) error {
	if len(w.source.Links) == 0 {
		return nil
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer root.Close()
	fill := filler(w.machine, release.Version)
	for _, name := range slices.Sorted(maps.Keys(w.source.Links)) {
		target := fill.Replace(w.source.Links[name])
		name = fill.Replace(name)
		_, err := root.Lstat(name)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := root.Stat(path.Join(path.Dir(name), target)); err != nil {
			return fmt.Errorf("linking %s: %w", name, err)
		}
		if err := root.Symlink(target, name); err != nil {
			return err
		}
	}
	return nil
}
