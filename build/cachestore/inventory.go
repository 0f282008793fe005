package cachestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// cacheLevel is the gzip level of layers that are in no artifact: they travel
// between the machines that build, which is cheaper than the time that
// compressing better takes.
const cacheLevel = 1

// inventory describes the layers that the entry has recorded of a tree, and
// packs those that nobody has. It returns the files of their blobs by digest.
// It notes what their content is, by which another machine knows them.
func (e *Entry) inventory(ctx context.Context, tree artifact.Tree, jobs []pack.Job) (all inventory, files map[string]string, err error) {
	dirs := map[string]buildpacks.Layer{}
	for _, l := range append(append([]buildpacks.Layer(nil), tree.LaunchLayers...), tree.CacheLayers...) {
		dirs[l.ID()] = l
	}
	all = inventory{Schema: schemaVersion, Stores: map[string]string{}}
	files = map[string]string{}
	rec := e.readRecord()
	for i := range rec.Layers {
		l := &rec.Layers[i]
		index, err := e.readIndex(l.Index)
		if err != nil || len(index) == 0 {
			return all, nil, fmt.Errorf("layer %s: its record is damaged", l.id())
		}
		if l.Content == "" {
			if l.Content, _, err = pack.Contents(ctx, dirs[l.id()].Dir.Host, index); err != nil {
				return all, nil, fmt.Errorf("layer %s: %w", l.id(), err)
			}
		}
		part := pack.Part{Name: l.id(), Dir: dirs[l.id()].Dir.Host, Index: index}
		segment, file, err := e.segment(ctx, part, jobs)
		if err != nil {
			return all, nil, fmt.Errorf("layer %s: %w", l.id(), err)
		}
		metadata, err := table(l.Metadata)
		if err != nil {
			return all, nil, fmt.Errorf("layer %s: %w", l.id(), err)
		}
		files[segment.Digest] = file
		described := remoteLayer{
			Buildpack: l.Buildpack, Name: l.Name, Metadata: metadata, Aside: l.Aside,
			Content: l.Content, Mode: index[0].Mode, Segment: segment,
		}
		for format, sum := range l.SBOM {
			info, err := os.Stat(e.path(sbomDir, sum))
			if err != nil {
				return all, nil, fmt.Errorf("layer %s: %w", l.id(), err)
			}
			if described.SBOM == nil {
				described.SBOM = map[string]remoteFile{}
			}
			described.SBOM[format] = remoteFile{Digest: "sha256:" + sum, Size: info.Size()}
			files["sha256:"+sum] = e.path(sbomDir, sum)
		}
		all.Layers = append(all.Layers, described)
	}
	for id, values := range rec.Stores {
		if all.Stores[id], err = table(values); err != nil {
			return all, nil, fmt.Errorf("the store of %s: %w", id, err)
		}
	}
	return all, files, e.writeRecord(rec)
}

// segment finds the segment of a layer that was packed for an artifact, or
// packs the layer.
func (e *Entry) segment(ctx context.Context, part pack.Part, jobs []pack.Job) (remoteSegment, string, error) {
	store := pack.DirStore{Dir: e.Packed()}
	for _, shape := range shapesOf(part, jobs) {
		key := part.Key(shape)
		if record, found := store.Lookup(key); found && record.Intact() && record.Index.Unchanged(part.Index) {
			return newRemoteSegment(key, shape.Prefix, record), record.Segment.File, nil
		}
	}
	shape := pack.Shape{Name: "cache", Level: cacheLevel, Prefix: "layer", ModTime: pack.Epoch(), Root: true, Trailer: true}
	temp := e.Temp("push")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return remoteSegment{}, "", err
	}
	packer := pack.Packer{Store: store, Temp: temp, Workers: runtime.GOMAXPROCS(0)}
	if _, err := packer.Pack(ctx, []pack.Job{{Part: part, Shapes: []pack.Shape{shape}}}); err != nil {
		return remoteSegment{}, "", err
	}
	key := part.Key(shape)
	record, found := store.Lookup(key)
	if !found {
		return remoteSegment{}, "", errors.New("its segment is gone")
	}
	return newRemoteSegment(key, shape.Prefix, record), record.Segment.File, nil
}

// shapesOf are the shapes in which a layer was packed with its root and compressed.
// The first ones are whole archives, as images have them: such a blob serves both.
func shapesOf(part pack.Part, jobs []pack.Job) []pack.Shape {
	var whole, others []pack.Shape
	for _, job := range jobs {
		if job.Part.Name != part.Name || job.Part.Dir != part.Dir || len(job.Part.Attributes) > 0 {
			continue
		}
		for _, shape := range job.Shapes {
			switch {
			case !shape.Root, shape.Raw:
			case shape.Trailer:
				whole = append(whole, shape)
			default:
				others = append(others, shape)
			}
		}
	}
	return append(whole, others...)
}
