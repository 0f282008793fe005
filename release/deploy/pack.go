package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/stack/sandbox"
)

// save keeps for the next build what it can use of a tree. A build never fails
// for its cache.
func (d Deploy) save(ctx context.Context, work workplace, tree artifact.Tree, found build.Walked) {
	if err := work.entry.Save(ctx, tree, found.Layers); err != nil {
		d.Voice.Warningf("%v\nThe next build will take longer.", err)
	}
}

// amend keeps for the next build what classic buildpacks put into their cache
// before one of them failed, such as packages that it need not fetch again.
func (d Deploy) amend(ctx context.Context, work workplace, secrets map[string]string, failure error) {
	if _, failed := errors.AsType[*buildpacks.CompileError](failure); !failed || work.site.Keep {
		return
	}
	cache := buildpacks.Layer{Buildpack: classic.CacheOwner, Name: classic.CacheLayer, Dir: work.site.Cache, Cache: true}
	// Whoever failed may have put a link in its place, or on the way to it.
	for dir := cache.Dir.Host; dir != filepath.Dir(work.site.App.Host); dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			return
		}
	}
	index, err := pack.Walk(ctx, cache.Dir.Host, pack.WalkOptions{})
	if err == nil {
		err = newGuardian(secrets).files(ctx, cache.Dir.Host, cache.Dir.Path, index)
	}
	if _, leak := errors.AsType[*LeakError](err); leak {
		err = errors.Join(err, sandbox.Remove(cache.Dir.Host))
	}
	if err == nil {
		err = work.entry.Amend(ctx, cache, index)
	}
	if err != nil {
		d.Voice.Warningf("%v\nThe next build will take longer.", err)
	}
}

// pack packs a tree once for all forms and has each write its artifacts. It also
// returns what was packed.
func (d Deploy) pack(ctx context.Context, work workplace, tree artifact.Tree, found build.Walked, req Request) ([]artifact.Artifact, []pack.Job, error) {
	var b bundle
	for _, form := range req.Forms {
		jobs, err := form.Jobs(tree, found.App)
		if err != nil {
			return nil, nil, err
		}
		b.add(jobs)
	}
	for i, job := range b.jobs {
		if index, ok := found.Layers[job.Part.Name]; ok && job.Part.Dir != "" {
			b.jobs[i].Part.Index = index
		}
	}
	store := pack.DirStore{Dir: work.entry.Packed()}
	segments, err := d.compress(ctx, work, b.jobs, store)
	if err != nil {
		return nil, nil, err
	}
	var artifacts []artifact.Artifact
	for i, form := range req.Forms {
		made, err := form.Export(ctx, Packed{
			Tree: tree, App: found.App, Segments: b.pick(i, segments), Memory: store, DaemonState: work.entry.DaemonState(),
			Previous: req.Previous, Project: projectOf(work.source, work.wishes.project),
		})
		if err != nil {
			return nil, nil, err
		}
		artifacts = append(artifacts, made...)
	}
	if err := work.entry.Trim(ctx, grown(segments)); err != nil {
		d.Voice.Warningf("%v", err)
	}
	return artifacts, b.jobs, nil
}

// compress makes the segments of all jobs.
func (d Deploy) compress(ctx context.Context, work workplace, jobs []pack.Job, store pack.Store) ([][]artifact.Segment, error) {
	temp := work.entry.Temp("pack")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, err
	}
	d.Voice.Stepf("Packing")
	tell, end := d.Progress("Packing")
	segments, err := pack.Packer{
		Store: store, Temp: temp, Workers: runtime.GOMAXPROCS(0), Progress: tell,
		Warn: func(err error) { d.Voice.Warningf("%v", err) },
	}.Pack(ctx, jobs)
	end()
	if err != nil {
		return nil, err
	}
	d.sayReuse(segments)
	return segments, nil
}

// grown tells whether there are segments that no earlier build made.
func grown(segments [][]artifact.Segment) bool {
	return slices.ContainsFunc(segments, func(shapes []artifact.Segment) bool {
		return slices.ContainsFunc(shapes, func(s artifact.Segment) bool { return !s.Reused })
	})
}
