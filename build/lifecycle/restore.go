package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/BurntSushi/toml"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Known is a layer that was restored.
type Known = cache.Known

// Restorer gives buildpacks back what they had at the previous build (CNB Platform
// API, "restorer"; Buildpack API, "Layer Types").
type Restorer struct {
	API    platform.API
	Layers string
	Group  []files.Element
	// Metadata is what the previous image says of its layers.
	Metadata oci.LifecycleMetadata
	// Cache has the layers; nil for none.
	Cache cache.Cache
	// SkipLayers restores no more than the stores of buildpacks.
	SkipLayers bool
	Log        *platform.Log
	// creator says that the exporter is in the same process, so that nothing need be
	// left for it in a file.
	creator bool
}

// Run returns the layers that are there again with their contents, by
// <buildpack>:<layer>. Its errors are of class RestoreError.
func (r Restorer) Run(ctx context.Context) (map[string]Known, error) {
	defer r.Log.Timer("Restorer")()
	records := recordsOf(r.Cache)
	known, err := r.run(ctx, records)
	if err != nil {
		return nil, &Failure{"restore", RestoreError, err}
	}
	if records != nil && !r.creator {
		if err := records.Handover(known); err != nil {
			r.Log.Debugf("The exporter will read all layers: %v", err)
		}
	}
	return known, nil
}

func (r Restorer) run(ctx context.Context, records *cache.Records) (map[string]Known, error) {
	var cached cache.Metadata
	if r.Cache != nil {
		var err error
		if cached, err = cachedBy(ctx, r.Cache, r.Log); err != nil {
			return nil, fmt.Errorf("retrieving cache metadata: %w", err)
		}
	}
	for _, b := range r.Group {
		for _, own := range r.Metadata.Buildpacks {
			if own.ID == b.ID && own.Store != nil {
				if err := writeTOML(filepath.Join(r.dir(b), "store.toml"), files.Store{Metadata: own.Store.Metadata}); err != nil {
					return nil, err
				}
			}
		}
	}
	if r.SkipLayers {
		r.Log.Infof("Skipping buildpack layer analysis")
		return nil, r.sbom(ctx, cache.Metadata{})
	}
	var restored sync.Mutex
	known := map[string]Known{}
	work, restoring := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, b := range r.Group {
		contents, err := r.metadata(b, cached)
		if err != nil {
			return nil, errors.Join(err, work.Wait())
		}
		for _, name := range slices.Sorted(maps.Keys(contents)) {
			id, diffID, dir := b.ID+":"+name, contents[name], filepath.Join(r.dir(b), name)
			r.Log.Infof("Restoring data for %q from cache", id)
			work.Go(func() error {
				index, err := r.layer(restoring, records, diffID, dir)
				if damaged, ok := errors.AsType[*cache.LayerError](err); ok {
					r.Log.Warnf("Skipping restore for layer %s: %v", id, damaged)
					// A buildpack that finds metadata takes the layer for whole.
					return os.Remove(dir + ".toml")
				}
				if err != nil {
					return fmt.Errorf("restoring layer %s: %w", id, err)
				}
				restored.Lock()
				defer restored.Unlock()
				known[id] = Known{DiffID: diffID, Index: index}
				return nil
			})
		}
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return known, r.sbom(ctx, cached)
}

// cachedBy is what a cache says that it has; nothing when there is none yet.
func cachedBy(ctx context.Context, c cache.Cache, log *platform.Log) (cache.Metadata, error) {
	there, err := c.Exists(ctx)
	if err != nil {
		return cache.Metadata{}, err
	}
	if !there {
		log.Infof("Layer cache not found")
	}
	return c.Metadata(ctx)
}

// layer restores the contents of a layer, of its tree where there is one.
func (r Restorer) layer(ctx context.Context, records *cache.Records, diffID, dir string) (pack.Index, error) {
	if trees, have := treesOf(records); have {
		index, err := trees.Lend(ctx, diffID, dir)
		if !errors.Is(err, cache.ErrNoTree) {
			return index, err
		}
		r.Log.Debugf("%v", err)
	}
	if err := r.Cache.Restore(ctx, diffID, dir, dir); err != nil {
		return nil, err
	}
	return pack.Walk(ctx, dir, pack.WalkOptions{})
}

// recordsOf are those of a cache, nil where it has none.
func recordsOf(c cache.Cache) *cache.Records {
	recorder, ok := c.(cache.Recorder)
	if !ok {
		return nil
	}
	return recorder.Records()
}

func treesOf(records *cache.Records) (cache.Trees, bool) {
	if records == nil {
		return cache.Trees{}, false
	}
	return records.Trees()
}

// dir is the directory of a buildpack's layers.
func (r Restorer) dir(b files.Element) string {
	return filepath.Join(r.Layers, launch.EscapeID(b.ID))
}

// metadata restores what a buildpack wrote of its layers, and returns the diffIDs of
// those whose contents are to be restored too, by name. The table is that of the
// Buildpack API, "Layer Types".
func (r Restorer) metadata(b files.Element, cached cache.Metadata) (map[string]string, error) {
	inImage := map[string]oci.LayerMetadata{}
	for _, own := range r.Metadata.Buildpacks {
		if own.ID == b.ID {
			inImage = own.Layers
		}
	}
	inCache := cached.Buildpack(b.ID).Layers
	write := func(name string, layer oci.LayerMetadata) error {
		return writeTOML(filepath.Join(r.dir(b), name+".toml"), map[string]any{"metadata": layer.Data})
	}
	shas := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(inImage)) {
		layer, id := inImage[name], b.ID+":"+name
		stored, isCached := inCache[name]
		switch {
		case !isName(name), !layer.Launch, layer.Build && !layer.Cache, layer.Cache && (!isCached || !stored.Cache):
			r.Log.Debugf("Not restoring metadata for %q", id)
			continue
		}
		r.Log.Infof("Restoring metadata for %q from app image", id)
		if err := write(name, layer); err != nil {
			return nil, err
		}
		shas[name] = layer.SHA
	}
	contents := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(inCache)) {
		layer, id := inCache[name], b.ID+":"+name
		if !isName(name) || !layer.Cache {
			continue
		}
		_, ofImage := inImage[name]
		if !layer.Launch || !ofImage && r.API.CacheMetadata {
			r.Log.Infof("Restoring metadata for %q from cache", id)
			if err := write(name, layer); err != nil {
				return nil, err
			}
			shas[name] = layer.SHA
		}
		sha, written := shas[name]
		switch {
		case !written:
		case sha != layer.SHA:
			r.Log.Infof("Removing %q, wrong sha", id)
			if err := os.Remove(filepath.Join(r.dir(b), name+".toml")); err != nil {
				return nil, err
			}
		default:
			contents[name] = layer.SHA
		}
	}
	return contents, nil
}

// isName reports whether a layer of that name stays in the directory of its
// buildpack.
func isName(name string) bool {
	return name != "" && filepath.IsLocal(name) && filepath.Base(name) == name && name != "."
}

// sbom restores the SBOM files of layers: those of the cache, and those of the
// previous image, which the analyzer left below sbom.
func (r Restorer) sbom(ctx context.Context, cached cache.Metadata) error {
	if !r.API.SBOM || r.SkipLayers {
		return nil
	}
	if cached.SBOM.SHA != "" {
		r.Log.Infof("Restoring data for SBOM from cache")
		at := filepath.Join(r.Layers, "sbom", "cache")
		err := r.Cache.Restore(ctx, cached.SBOM.SHA, at, at)
		if damaged, ok := errors.AsType[*cache.LayerError](err); ok {
			r.Log.Warnf("Skipping restore for the SBOM: %v", damaged)
		} else if err != nil {
			return err
		}
	}
	for _, scope := range []string{"cache", "launch"} {
		for _, b := range r.Group {
			if err := r.spread(filepath.Join(r.Layers, "sbom", scope, launch.EscapeID(b.ID)), r.dir(b)); err != nil {
				return err
			}
		}
	}
	return sandbox.Remove(filepath.Join(r.Layers, "sbom"))
}

// spread copies <from>/<layer>/sbom.<format> to <to>/<layer>.sbom.<format>, where to
// is there.
func (r Restorer) spread(from, to string) error {
	if _, err := os.Stat(to); err != nil {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(from, "*", "sbom.*json"))
	if err != nil {
		return err
	}
	for _, file := range found {
		data, err := sandbox.ReadFile(file, maxSBOM)
		if err != nil {
			return err
		}
		name := filepath.Base(filepath.Dir(file)) + "." + filepath.Base(file)
		if err := os.WriteFile(filepath.Join(to, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// maxSBOM bounds an SBOM file, in bytes.
const maxSBOM = 256 << 20

// writeTOML writes a file for a buildpack.
func writeTOML(file string, value any) error {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(value); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, text.Bytes(), 0o666)
}

// missing reports whether an error is that of a file that is not there.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
