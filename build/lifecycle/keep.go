package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// keeping is what an export keeps for the next build.
type keeping struct {
	// records are those of the cache, nil for none.
	records *cache.Records
	// held are to be released when the export is over.
	held []func() error
	// indexes are the layers on disk.
	indexes map[string]pack.Index
	// forms are the layers in the form that the cache wants, by id.
	forms map[string]artifact.Segment
	// fresh says that there are new segments in the records.
	fresh bool
}

// unused is how long what no build asks for stays in the records.
const unused = 7 * 24 * time.Hour

// recall takes what a restorer handed over, where it was another process.
func (x *export) recall() {
	x.records = recordsOf(x.Cache)
	if x.Known == nil && x.records != nil {
		x.Known = x.records.Taken()
	}
}

// forget lets go what is of no use any more.
func (x *export) forget() {
	if err := x.release(); err != nil {
		x.Log.Debugf("Removing layers in the making: %v", err)
	}
	if x.fresh {
		if _, err := x.records.Segments().Prune(context.Background(), unused); err != nil && !errors.Is(err, pack.ErrInUse) {
			x.Log.Debugf("Removing layers of earlier builds: %v", err)
		}
	}
}

func (x *export) release() (err error) {
	for _, release := range x.held {
		err = errors.Join(err, release())
	}
	x.held = nil
	return err
}

// pack packs what the image lacks and what only the cache wants. Where the file
// system of the cache is full or cannot be written to, it does without.
func (x *export) pack(ctx context.Context, recipe assemble.Recipe, walked build.Walked) error {
	x.indexes = walked.Layers
	if x.records != nil {
		err := x.packBeside(ctx, recipe, walked)
		if err == nil || !ofCache(err) {
			return err
		}
		x.Log.Warnf("The cache is of no use for this export: %v", err)
		if err := x.release(); err != nil {
			return err
		}
		x.records, x.fresh = nil, false
	}
	return x.packIn(ctx, x.Temp, recipe, walked)
}

// packBeside packs on the file system of the cache, with its records.
func (x *export) packBeside(ctx context.Context, recipe assemble.Recipe, walked build.Walked) error {
	temp, release, err := x.records.Temp()
	if err != nil {
		return &recordsError{err}
	}
	x.held = append(x.held, release)
	// No other build prunes segments away on their way to the target.
	if release, err = x.records.Segments().Hold(); err != nil {
		return &recordsError{err}
	}
	x.held = append(x.held, release)
	return x.packIn(ctx, temp, recipe, walked)
}

// recordsError says that the records of a cache cannot be used.
type recordsError struct{ err error }

func (e *recordsError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *recordsError) Unwrap() error { return e.err }

// ofCache reports whether an error is that of the cache: of a file system that takes
// no more, or knows no locks.
func ofCache(err error) bool {
	if _, ok := errors.AsType[*recordsError](err); ok {
		return true
	}
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES)
}

// packIn packs with a directory for layers in the making.
func (x *export) packIn(ctx context.Context, temp string, recipe assemble.Recipe, walked build.Walked) error {
	layers, others, err := x.jobs(recipe, walked)
	if err != nil {
		return err
	}
	x.segments, x.forms = map[string]artifact.Segment{}, map[string]artifact.Segment{}
	packer := pack.Packer{Temp: temp}
	segments, err := packer.Pack(ctx, layers)
	if err != nil {
		return err
	}
	for _, shapes := range segments {
		name := shapes[0].Name
		x.segments[name], x.forms[name] = shapes[0], shapes[len(shapes)-1]
	}
	if x.records != nil {
		packer.Store = x.records.Segments()
		packer.Warn = func(err error) { x.Log.Debugf("Keeping layers for the next build: %v", err) }
	}
	if segments, err = packer.Pack(ctx, others); err != nil {
		return err
	}
	for _, shapes := range segments {
		x.segments[shapes[0].Name] = shapes[0]
		x.fresh = x.fresh || x.records != nil && !shapes[0].Reused
	}
	return nil
}

// jobs are those that pack the layers of buildpacks, in the forms that the target and
// the cache want, and those of everything else in the image.
func (x *export) jobs(recipe assemble.Recipe, walked build.Walked) (layers, others []pack.Job, err error) {
	only := map[string]bool{}
	if x.Cache != nil {
		own := x.cacheOnly(recipe)
		for _, l := range own {
			only[l.ID()] = true
		}
		recipe.Tree.LaunchLayers = append(slices.Clone(recipe.Tree.LaunchLayers), own...)
	}
	jobs, err := recipe.Jobs()
	if err != nil {
		return nil, nil, err
	}
	kept := map[string]bool{}
	for _, l := range x.tree.CacheLayers {
		kept[l.ID()] = x.Cache != nil && x.unchanged[l.ID()] == ""
	}
	for _, job := range jobs {
		name := job.Part.Name
		job.Shapes[0].Raw = x.unpacks()
		if index, is := walked.Layers[name]; is && job.Part.Dir != "" {
			job.Part.Index = index
		}
		if _, is := walked.Layers[name]; !is && !only[name] {
			others = append(others, job)
			continue
		}
		if only[name] || kept[name] {
			form := job.Shapes[0]
			form.Raw = x.Cache.Raw()
			switch {
			case only[name]:
				job.Shapes = []pack.Shape{form}
			case form.Raw != job.Shapes[0].Raw:
				job.Shapes = append(job.Shapes, form)
			}
		}
		layers = append(layers, job)
	}
	return layers, others, nil
}

// unpacks reports whether the target unpacks layers at once.
func (x *export) unpacks() bool {
	unpacker, is := x.Target.(target.Unpacker)
	return is && unpacker.Unpacks()
}

// cacheOnly are the layers that are packed for the cache alone: those that are not
// packed for the image, and did not come from the cache as they are.
func (x *export) cacheOnly(recipe assemble.Recipe) []buildpacks.Layer {
	var only []buildpacks.Layer
	for _, l := range x.tree.CacheLayers {
		inImage := slices.ContainsFunc(recipe.Tree.LaunchLayers, func(own buildpacks.Layer) bool {
			return own.ID() == l.ID() && own.Dir.Host != ""
		})
		if !inImage && x.unchanged[l.ID()] == "" && l.Dir.Host != "" {
			only = append(only, l)
		}
	}
	return append(only, x.sbomForCache()...)
}

// sbomForCache is the layer of SBOM files that the cache keeps, if there is one.
func (x *export) sbomForCache() []buildpacks.Layer {
	dir := filepath.Join(x.Layers, "sbom", "cache")
	if info, err := os.Stat(dir); !x.API.SBOM || err != nil || !info.IsDir() {
		return nil
	}
	return []buildpacks.Layer{{Buildpack: ownID, Name: cacheSBOM, Dir: buildpacks.Dir{Host: dir, Path: dir}}}
}

// cache makes the next state of the cache.
func (x *export) cache(ctx context.Context) (err error) {
	before, err := cachedBy(ctx, x.Cache, x.Log)
	if err != nil {
		return fmt.Errorf("metadata for previous cache: %w", err)
	}
	update, err := x.Cache.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, update.Abort()) }()
	var next cache.Metadata
	trees := map[string]cache.Settled{}
	for _, b := range x.Group {
		layers := oci.BuildpackLayers{ID: b.ID, Version: b.Version, Layers: map[string]oci.LayerMetadata{}}
		for _, l := range x.tree.CacheLayers {
			if l.Buildpack != b.ID {
				continue
			}
			if l.Dir.Host == "" {
				x.Log.Warnf("Failed to cache layer '%s' because it has no contents", l.ID())
				continue
			}
			diffID, err := x.keep(ctx, update, l, before.Buildpack(b.ID).Layers[l.Name].SHA)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				x.Log.Warnf("Failed to cache layer '%s': %v", l.ID(), err)
				continue
			}
			layers.Layers[l.Name] = oci.LayerMetadata{
				LayerRef: oci.LayerRef{SHA: diffID}, Data: l.Metadata, Build: l.Build, Launch: l.Launch, Cache: l.Cache,
			}
			trees[diffID] = cache.Settled{Dir: l.Dir.Host, Index: x.indexes[l.ID()], Unchanged: x.unchanged[l.ID()] == diffID}
		}
		next.Buildpacks = append(next.Buildpacks, layers)
	}
	for _, l := range x.sbomForCache() {
		if next.SBOM.SHA, err = x.keep(ctx, update, l, before.SBOM.SHA); err != nil {
			return err
		}
	}
	if all, have := treesOf(x.records); have {
		if err := all.Settle(ctx, trees); err != nil {
			x.Log.Debugf("The next build will unpack its layers: %v", err)
		}
	}
	select {
	case <-x.saved:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return update.Commit(ctx, next)
}

// keep puts a layer into the next state, and returns its diffID.
func (x *export) keep(ctx context.Context, update cache.Update, l buildpacks.Layer, before string) (string, error) {
	diffID := x.unchanged[l.ID()]
	form, packed := x.forms[l.ID()]
	if packed {
		diffID = form.DiffID
	}
	if diffID == "" {
		return "", errors.New("it has no contents")
	}
	if diffID == before {
		whole := x.Known[l.ID()].DiffID == diffID
		if err := update.Keep(ctx, diffID, whole); err == nil {
			x.Log.Infof("Reusing cache layer '%s'", l.ID())
			return diffID, nil
		}
	}
	if !packed {
		return "", errors.New("the cache does not have it any more")
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	x.Log.Infof("Adding cache layer '%s'", l.ID())
	return diffID, update.Add(ctx, form)
}
