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

// amend keeps for the next build what buildpacks fetched before one of them
// failed, so that it need not be fetched again: what classic ones put into their
// cache, and the layers that a builtin one says are whole.
func (d Deploy) amend(ctx context.Context, work workplace, plan planned, secrets map[string]string, failure error) {
	failed, is := errors.AsType[*buildpacks.CompileError](failure)
	if !is || work.site.Keep {
		return
	}
	kept := []buildpacks.Layer{{Buildpack: classic.CacheOwner, Name: classic.CacheLayer, Dir: work.site.Cache, Cache: true}}
	if own := plan.library[failed.Buildpack.ID]; own != nil {
		left, err := own.Left(work.site)
		if err != nil {
			d.Voice.Warningf("%v\nThe next build will take longer.", err)
		}
		kept = append(kept, left...)
	}
	for _, l := range kept {
		if err := d.amendLayer(ctx, work, l, secrets); err != nil {
			d.Voice.Warningf("%v\nThe next build will take longer.", err)
		}
	}
}

// amendLayer keeps one layer of a build that failed.
func (d Deploy) amendLayer(ctx context.Context, work workplace, l buildpacks.Layer, secrets map[string]string) error {
	// Whoever failed may have put a link in its place, or on the way to it.
	for dir := l.Dir.Host; dir != filepath.Dir(work.site.App.Host); dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			return nil
		}
	}
	index, err := pack.Walk(ctx, l.Dir.Host, pack.WalkOptions{Known: work.entry.Restored()[l.ID()]})
	if err == nil {
		err = newGuardian(secrets).files(ctx, l.Dir.Host, l.Dir.Path, index)
	}
	if _, leak := errors.AsType[*LeakError](err); leak {
		return errors.Join(err, sandbox.Remove(l.Dir.Host))
	}
	if err != nil {
		return err
	}
	return work.entry.Amend(ctx, l, index)
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
