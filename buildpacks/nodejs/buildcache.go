package nodejs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// buildCacheLayer keeps what build tools keep for their next run.
const buildCacheLayer = "build-cache"

// toolCache is where a build tool keeps what it made for its next run, and what
// it notes about a run: when it was, and how long it took. Neither has a part in
// what starts.
type toolCache struct {
	of           string
	dirs, traces []string
}

// toolCaches are those outside of node_modules/.cache, which is a part of the
// packages.
var toolCaches = []toolCache{
	// Without its cache Next.js makes new keys in each build.
	{"next", []string{".next/cache"}, []string{".next/trace", ".next/trace-build", ".next/diagnostics"}},
	{"@angular/cli", []string{".angular/cache"}, nil},
	{"parcel", []string{".parcel-cache"}, nil},
	{"@docusaurus/core", []string{".docusaurus"}, nil},
}

// buildCache are the caches of an app's build tools.
type buildCache struct {
	b *build
	// root is the directory that all paths are below.
	root string
	slot layer.Slot
	// moved are directories that only build tools use, copied those that the
	// app lists itself, which it may need otherwise.
	moved, copied []string
	traces        []string
	inputs        map[string]string
}

// openBuildCache finds out what there is to keep. Node is the version of Node.js
// that the tools run on.
func (b *build) openBuildCache(a app, node string) (*buildCache, error) {
	slot, err := layer.Open(b.Layers, buildCacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return nil, err
	}
	c := &buildCache{b: b, root: a.root.dir, slot: slot, inputs: map[string]string{"key": node}}
	members := map[string]manifest{"": a.root.manifest}
	for dir, m := range a.members {
		members[dir] = m
	}
	for _, dir := range sortedKeys(members) {
		for _, tool := range toolCaches {
			if !members[dir].depends(tool.of) {
				continue
			}
			for _, name := range tool.dirs {
				c.moved = append(c.moved, path.Join(dir, name))
			}
			for _, name := range tool.traces {
				c.traces = append(c.traces, path.Join(dir, name))
			}
		}
	}
	for _, raw := range []json.RawMessage{a.manifest.CacheDirectories, a.manifest.CacheDirectoriesOld} {
		var list []string
		if json.Unmarshal(raw, &list) != nil {
			continue
		}
		for _, name := range list {
			name = path.Clean(name)
			local := filepath.IsLocal(name) && name != "."
			name = a.root.at(name)
			if local && path.Base(name) != "node_modules" && !slices.Contains(c.moved, name) {
				c.copied = append(c.copied, name)
			}
		}
	}
	return c, nil
}

// restore puts into the app what the last build kept. What the app brings itself
// stays.
func (c *buildCache) restore() error {
	if kept, _ := c.slot.Keeps(c.inputs); !kept {
		return nil
	}
	count := 0
	for _, name := range append(slices.Clone(c.moved), c.copied...) {
		from, to := filepath.Join(c.slot.Layer.Path, name), filepath.Join(c.root, name)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		err := layer.Move(from, to)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("restoring the cache of build tools: %w", err)
		}
		count++
	}
	if count > 0 {
		c.b.Print.Detail("Restored what build tools kept: %d directories", count)
	}
	return nil
}

// kept is the layer as an earlier build left it, for a build that runs no tools.
func (c *buildCache) kept() []libcnb.Layer {
	if kept, _ := c.slot.Keeps(c.inputs); !kept {
		return nil
	}
	return []libcnb.Layer{c.slot.Describe(c.inputs, nil)}
}

// save keeps for the next build what there is now, and takes it out of the app.
func (c *buildCache) save() ([]libcnb.Layer, error) {
	fresh := c.b.Scratch.Path(buildCacheLayer)
	count := 0
	for i, name := range append(slices.Clone(c.moved), c.copied...) {
		from, to := filepath.Join(c.root, name), filepath.Join(fresh, name)
		if info, err := os.Lstat(from); err != nil || !info.IsDir() {
			continue
		}
		var err error
		if i < len(c.moved) {
			err = layer.Move(from, to)
		} else if err = os.MkdirAll(filepath.Dir(to), 0o755); err == nil {
			err = layer.CopyTree(from, to, layer.CopyFile, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("keeping the cache of build tools: %w", err)
		}
		count++
	}
	for _, name := range c.traces {
		if err := c.b.Scratch.Discard(filepath.Join(c.root, name)); err != nil {
			return nil, fmt.Errorf("removing what build tools noted: %w", err)
		}
	}
	if count == 0 {
		return nil, nil
	}
	if err := c.b.Scratch.Replace(c.slot.Layer.Path, "", fresh); err != nil {
		return nil, fmt.Errorf("keeping the cache of build tools: %w", err)
	}
	return []libcnb.Layer{c.slot.Describe(c.inputs, nil)}, nil
}
