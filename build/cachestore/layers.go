package cachestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// recordFile names the file that says which layers an entry holds.
const recordFile = "layers.toml"

// record is the layers that the last successful build left.
type record struct {
	Layers []recordedLayer           `toml:"layers"`
	Stores map[string]map[string]any `toml:"stores"`
}

type recordedLayer struct {
	Buildpack string         `toml:"buildpack"`
	Name      string         `toml:"name"`
	Metadata  map[string]any `toml:"metadata"`
	// Index is the sha256 of the layer's index.
	Index string `toml:"index"`
	// Content is what pack.Contents says of the layer. It is empty for a layer
	// of which a packed segment can say whether a copy has its content.
	Content string `toml:"content,omitempty"`
	// SBOM are the sha256 of the files that say what is in the layer, by format.
	SBOM map[string]string `toml:"sbom,omitempty"`
	// Aside layers are for processes alone: their buildpack gets back what it
	// noted about them, not what is in them.
	Aside bool `toml:"aside,omitempty"`
}

// id is the layer's name in messages.
func (l recordedLayer) id() string { return l.Buildpack + ":" + l.Name }

// path is where the layer lies below a directory of layers.
func (l recordedLayer) path(dir string) string {
	return filepath.Join(dir, launch.EscapeID(l.Buildpack), l.Name)
}

// Restored tells what became of a layer that the last build left.
type Restored struct {
	// Layer is its id, <buildpack>:<layer>.
	Layer string
	// Dropped says why it is not there any more; empty when it is.
	Dropped string
}

// Restore makes the layers directory hold what the buildpacks of a group may
// reuse, and nothing else (CNB Buildpack API, "Layer Types"): the contents,
// metadata and SBOM of cached layers, the metadata and SBOM of layers that only
// processes need, and store.toml. The contents of the latter are set aside for
// Reclaim.
func (e *Entry) Restore(ctx context.Context, layersDir string, group []buildpacks.Descriptor) ([]Restored, error) {
	if err := mend(layersDir); err != nil {
		return nil, fmt.Errorf("restoring the cache: %w", err)
	}
	rec := e.readRecord()
	inGroup := map[string]bool{}
	for _, d := range group {
		inGroup[d.ID] = true
	}
	var wanted []recordedLayer
	for _, l := range rec.Layers {
		if inGroup[l.Buildpack] {
			wanted = append(wanted, l)
		}
	}
	found, err := e.find(ctx, layersDir, wanted)
	if err != nil {
		return nil, err
	}

	if err := e.settle(ctx, rec, wanted, found); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		for i := range wanted {
			if found[i].copied != nil {
				found[i].dropped = fmt.Sprintf("it is a copy, and noting that does not work: %v", err)
			}
		}
	}

	results, err := e.arrange(layersDir, wanted, found)
	if err == nil {
		err = e.handBack(layersDir, results, wanted)
	}
	for id, metadata := range rec.Stores {
		if err == nil && inGroup[id] {
			err = writeTOML(filepath.Join(layersDir, launch.EscapeID(id), "store.toml"), map[string]any{"metadata": metadata})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("restoring the cache: %w", err)
	}
	return results, nil
}

// arrange leaves the layers in place that are as they should be and that
// buildpacks may see, sets those aside that they may not, and removes all else.
func (e *Entry) arrange(layersDir string, wanted []recordedLayer, found []checked) ([]Restored, error) {
	results := make([]Restored, len(wanted))
	e.restored = map[string]pack.Index{}
	keep := map[string]bool{}
	for i, l := range wanted {
		results[i] = Restored{Layer: l.id(), Dropped: found[i].dropped}
		if found[i].dropped != "" {
			continue
		}
		e.restored[l.id()] = found[i].now
		if !l.Aside {
			keep[l.path("")] = true
		} else if err := move(l.path(layersDir), l.path(e.aside())); err != nil {
			return nil, err
		}
	}
	return results, sweep(layersDir, keep)
}

// handBack writes what the buildpacks noted about their layers.
func (e *Entry) handBack(layersDir string, results []Restored, wanted []recordedLayer) error {
	for i, l := range wanted {
		if results[i].Dropped != "" {
			continue
		}
		file := filepath.Join(layersDir, launch.EscapeID(l.Buildpack), l.Name+".toml")
		if err := writeTOML(file, map[string]any{"metadata": l.Metadata}); err != nil {
			return err
		}
		if err := e.restoreSBOM(l, layersDir); err != nil {
			return err
		}
	}
	return nil
}

// find checks layers, those at which nobody has looked so far.
func (e *Entry) find(ctx context.Context, layersDir string, wanted []recordedLayer) ([]checked, error) {
	early := e.looking
	if early == nil {
		return e.checkAll(ctx, layersDir, wanted)
	}
	e.looking = nil
	early.end()
	found := make([]checked, len(wanted))
	var rest []recordedLayer
	var places []int
	for i, l := range wanted {
		var ok bool
		if found[i], ok = early.of(l); !ok {
			rest, places = append(rest, l), append(places, i)
		}
	}
	late, err := e.checkAll(ctx, layersDir, rest)
	for i, place := range places {
		found[place] = late[i]
	}
	return found, err
}

// Forget is for when Restore does not work: it leaves nothing in the layers
// directory, and no note of what was there.
func (e *Entry) Forget(layersDir string) error {
	for _, path := range []string{e.path(recordFile), layersDir} {
		if err := sandbox.Remove(path); err != nil {
			return fmt.Errorf("clearing the cache: %w", err)
		}
	}
	if err := errors.Join(os.MkdirAll(layersDir, 0o755), sandbox.Give(layersDir)); err != nil {
		return fmt.Errorf("clearing the cache: %w", err)
	}
	return nil
}

// aside is where the contents of layers wait that buildpacks do not see.
func (e *Entry) aside() string { return e.path("tmp", "aside") }

// Reclaim puts back the layers that Restore set aside and of which their
// buildpack says that they are to be used as they were: it declared them anew
// and made no directory (CNB Buildpack API, "Layer Types"). It returns a
// *buildpacks.CompileError for a layer of which nothing is there.
func (e *Entry) Reclaim(tree artifact.Tree) (artifact.Tree, error) {
	layers := slices.Clone(tree.LaunchLayers)
	for i, l := range layers {
		if l.Dir.Host != "" {
			continue
		}
		was := recordedLayer{Buildpack: l.Buildpack, Name: l.Name}
		err := move(was.path(e.aside()), was.path(tree.Layers.Host))
		if errors.Is(err, fs.ErrNotExist) {
			by := buildpacks.Descriptor{ID: l.Buildpack}
			return tree, &buildpacks.CompileError{Buildpack: by, Step: "layer " + l.Name, Err: errors.New("it is to be reused, but the last build left none; build again with --clear-cache")}
		}
		if err != nil {
			return tree, fmt.Errorf("reusing layer %s: %w", l.ID(), err)
		}
		layers[i].Dir.Host = was.path(tree.Layers.Host)
	}
	tree.LaunchLayers = layers
	return tree, nil
}

// move renames a directory, to a place below directories that need not exist.
// It keeps the mode, which is part of the layer's index, whatever it is.
func move(from, to string) error {
	if _, err := os.Lstat(from); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	for _, parent := range []string{filepath.Dir(from), filepath.Dir(to)} {
		if err := sandbox.Mend(parent); err != nil {
			return err
		}
	}
	return sandbox.Move(from, to)
}

// mend opens up the layers directory and the directories of the buildpacks in
// it, whatever a build did to their modes.
func mend(layersDir string) error {
	if err := sandbox.Mend(layersDir); err != nil {
		return err
	}
	owners, err := os.ReadDir(layersDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, owner := range owners {
		err = errors.Join(err, sandbox.Mend(filepath.Join(layersDir, owner.Name())))
	}
	return err
}

// sweep removes everything below the layers directory but the layers to keep.
func sweep(layersDir string, keep map[string]bool) error {
	owners, err := os.ReadDir(layersDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if !owner.IsDir() {
			if err := sandbox.Remove(filepath.Join(layersDir, owner.Name())); err != nil {
				return err
			}
			continue
		}
		names, err := os.ReadDir(filepath.Join(layersDir, owner.Name()))
		if err != nil {
			return err
		}
		for _, name := range names {
			if rel := filepath.Join(owner.Name(), name.Name()); !keep[rel] {
				if err := sandbox.Remove(filepath.Join(layersDir, rel)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Save records the layers of a tree for the next build. Indexes are those of
// the tree's layers by id, taken after the build with those of Restored as what
// is known. A layer that no artifact holds is read where it changed, so that a
// copy of it can be told from something else; of the others the segment tells.
func (e *Entry) Save(ctx context.Context, tree artifact.Tree, indexes map[string]pack.Index) error {
	known := map[string]recordedLayer{}
	for _, l := range e.readRecord().Layers {
		known[l.id()] = l
	}
	rec := record{Stores: tree.Stores}
	inUse, sboms := map[string]bool{}, map[string]bool{}
	keep := slices.Clone(tree.CacheLayers)
	packed := map[string]bool{}
	for _, l := range tree.LaunchLayers {
		packed[l.ID()] = true
		if !l.Cache && !l.Build {
			keep = append(keep, l)
		}
	}
	for _, l := range keep {
		index, ok := indexes[l.ID()]
		if !ok {
			return fmt.Errorf("saving the cache: no index of layer %s", l.ID())
		}
		noted, err := e.note(ctx, l, index, known[l.ID()], packed[l.ID()])
		if err != nil {
			return fmt.Errorf("saving the cache: %w", err)
		}
		inUse[noted.Index] = true
		if noted.SBOM, err = e.keepSBOM(l, tree.SBOM); err != nil {
			return fmt.Errorf("saving the cache: %w", err)
		}
		for _, sum := range noted.SBOM {
			sboms[sum] = true
		}
		rec.Layers = append(rec.Layers, noted)
	}
	if err := e.writeRecord(rec); err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	if err := errors.Join(e.dropFiles(indexDir, inUse), e.dropFiles(sbomDir, sboms)); err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	return nil
}

// note is the record of a layer, whose state was that of known. It has the sum
// of the content, but for a layer that is packed, of which it may not be known.
func (e *Entry) note(ctx context.Context, l buildpacks.Layer, index pack.Index, known recordedLayer, packed bool) (noted recordedLayer, err error) {
	noted = recordedLayer{Buildpack: l.Buildpack, Name: l.Name, Metadata: l.Metadata, Aside: !l.Cache}
	if noted.Index, err = e.writeIndex(index); err != nil {
		return noted, err
	}
	if known.Index == noted.Index {
		noted.Content = known.Content
	}
	if noted.Content != "" || packed {
		return noted, nil
	}
	// The sums go along with the index: a file that stays is read once.
	noted.Content, index, err = pack.Contents(ctx, l.Dir.Host, index)
	if err == nil {
		noted.Index, err = e.writeIndex(index)
	}
	return noted, err
}

// Amend records one layer of a build that failed, as it is now; the others stay
// as the last successful build left them. It is for what a buildpack keeps while
// it works, such as packages that it has fetched, and not only when it is done.
func (e *Entry) Amend(ctx context.Context, l buildpacks.Layer, index pack.Index) error {
	rec := e.readRecord()
	at := slices.IndexFunc(rec.Layers, func(known recordedLayer) bool { return known.id() == l.ID() })
	known := recordedLayer{}
	if at >= 0 {
		known = rec.Layers[at]
	}
	noted, err := e.note(ctx, l, index, known, false)
	if err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	if noted.Index == known.Index {
		noted.SBOM = known.SBOM
	}
	if at < 0 {
		rec.Layers = append(rec.Layers, noted)
	} else {
		rec.Layers[at] = noted
	}
	if err := e.writeRecord(rec); err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	return nil
}

// writeRecord replaces the record, unless it is the same.
func (e *Entry) writeRecord(rec record) error {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(rec); err != nil {
		return err
	}
	if old, err := os.ReadFile(e.path(recordFile)); err == nil && bytes.Equal(old, text.Bytes()) {
		return nil
	}
	return e.replace(recordFile, text.Bytes())
}

func (e *Entry) readRecord() record {
	var rec record
	data, err := os.ReadFile(e.path(recordFile))
	if err != nil {
		return record{}
	}
	if _, err := toml.Decode(string(data), &rec); err != nil {
		return record{}
	}
	kept := rec.Layers[:0]
	for _, l := range rec.Layers {
		if filepath.IsLocal(l.Name) && filepath.Base(l.Name) == l.Name && filepath.IsLocal(launch.EscapeID(l.Buildpack)) {
			kept = append(kept, l)
		}
	}
	rec.Layers = kept
	return rec
}

// writeTOML writes a file for a buildpack.
func writeTOML(file string, doc map[string]any) error {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(doc); err != nil {
		return err
	}
	return hand(file, text.Bytes())
}

// hand writes a file for a buildpack, as the user that it runs as.
func hand(file string, data []byte) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return err
	}
	for _, path := range []string{dir, file} {
		if err := sandbox.Give(path); err != nil {
			return err
		}
	}
	return nil
}
