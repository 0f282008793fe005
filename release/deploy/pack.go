package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// Form is a kind of artifact, with all destinations that want it.
type Form interface {
	// Jobs are the parts of the tree that the artifact is made of, each in one
	// shape. App is the index of the app directory without the layers.
	Jobs(tree artifact.Tree, app pack.Index) ([]pack.Job, error)
	// Export writes the artifact to every destination.
	Export(ctx context.Context, packed Packed) ([]artifact.Artifact, error)
}

// Packed is a tree of which all parts that a form wants are packed.
type Packed struct {
	Tree artifact.Tree
	// App is the index of the app directory without the layers.
	App pack.Index
	// Segments are those of the form's jobs, in their order.
	Segments [][]artifact.Segment
	// Memory remembers what was written where.
	Memory pack.Store
}

// pack packs a tree once for all exporters, keeps what the next build can use,
// and lets every exporter write its artifact.
func (d Deploy) pack(ctx context.Context, req Request, work workplace, tree artifact.Tree) ([]artifact.Artifact, error) {
	indexes, err := indexLayers(ctx, tree)
	if err != nil {
		return nil, err
	}
	app, err := indexApp(ctx, tree)
	if err != nil {
		return nil, err
	}
	if err := work.entry.Save(tree, indexes); err != nil {
		// A build never fails for its cache.
		d.Voice.Warningf("%v\nThe next build will take longer.", err)
	}

	var p plan
	for _, form := range req.Forms {
		jobs, err := form.Jobs(tree, app)
		if err != nil {
			return nil, err
		}
		p.add(jobs)
	}
	for i, job := range p.jobs {
		if index, ok := indexes[job.Part.Name]; ok && job.Part.Dir != "" {
			p.jobs[i].Part.Index = index
		}
	}
	temp := work.entry.Temp("pack")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, err
	}
	tell, end := d.Progress("Packing")
	store := pack.DirStore{Dir: work.entry.Packed()}
	packer := pack.Packer{
		Store: store, Temp: temp,
		Workers: runtime.GOMAXPROCS(0), Progress: tell,
		Warn: func(err error) { d.Voice.Warningf("%v", err) },
	}
	d.Voice.Stepf("Packing")
	segments, err := packer.Pack(ctx, p.jobs)
	end()
	if err != nil {
		return nil, err
	}
	grown := d.sayReuse(segments)

	var artifacts []artifact.Artifact
	for i, form := range req.Forms {
		made, err := form.Export(ctx, Packed{Tree: tree, App: app, Segments: p.pick(i, segments), Memory: store})
		if err != nil {
			return nil, err
		}
		artifacts = append(artifacts, made...)
	}
	if err := work.entry.Trim(ctx, grown); err != nil {
		d.Voice.Warningf("%v", err)
	}
	return artifacts, nil
}

// sayReuse tells what was packed and what was there already, and whether
// anything was packed.
func (d Deploy) sayReuse(segments [][]artifact.Segment) bool {
	var made []string
	total, reused := 0, 0
	for _, shapes := range segments {
		for _, s := range shapes {
			total++
			switch {
			case s.Reused:
				reused++
			case !slices.Contains(made, s.Name):
				made = append(made, s.Name)
			}
		}
	}
	switch reused {
	case total:
		d.Voice.Detailf("All %d segments reused", total)
	case 0:
		d.Voice.Detailf("%d segments", total)
	default:
		d.Voice.Detailf("Packed again: %s; %d of %d segments reused", strings.Join(made, ", "), reused, total)
	}
	return reused < total
}

// indexLayers walks every layer of a tree once, for the cache and for packing.
func indexLayers(ctx context.Context, tree artifact.Tree) (map[string]pack.Index, error) {
	var layers []buildpacks.Layer
	seen := map[string]bool{}
	for _, l := range append(append([]buildpacks.Layer(nil), tree.LaunchLayers...), tree.CacheLayers...) {
		if !seen[l.ID()] && l.Dir.Host != "" {
			seen[l.ID()] = true
			layers = append(layers, l)
		}
	}
	walked := make([]pack.Index, len(layers))
	walks, ctx := errgroup.WithContext(ctx)
	walks.SetLimit(runtime.GOMAXPROCS(0))
	for i, l := range layers {
		walks.Go(func() (err error) {
			walked[i], err = pack.Walk(ctx, l.Dir.Host, pack.WalkOptions{})
			return err
		})
	}
	if err := walks.Wait(); err != nil {
		return nil, err
	}
	indexes := make(map[string]pack.Index, len(layers))
	for i, l := range layers {
		indexes[l.ID()] = walked[i]
	}
	return indexes, nil
}

// indexApp walks the app directory, the layers below it left out, in the order
// in which both forms pack it, so that they share its compressed bytes.
func indexApp(ctx context.Context, tree artifact.Tree) (pack.Index, error) {
	layers, err := filepath.Rel(tree.App.Host, tree.Layers.Host)
	if err != nil {
		return nil, fmt.Errorf("packing the app: %w", err)
	}
	index, err := pack.Walk(ctx, tree.App.Host, pack.WalkOptions{
		Exclude: func(rel string, _ bool) bool { return rel == layers },
	})
	return index.ByPath(), err
}

// plan gathers the jobs of all forms, so that a layer that more than one of
// them wants is read once.
type plan struct {
	jobs []pack.Job
	// places say, for every form and each of its jobs, which segment is its.
	places [][]place
}

type place struct{ job, shape int }

// add takes the jobs of the next form.
func (p *plan) add(jobs []pack.Job) {
	var places []place
	for _, job := range jobs {
		at := p.job(job.Part)
		places = append(places, place{at, p.shape(at, job.Shapes[0])})
	}
	p.places = append(p.places, places)
}

// job is the number of the job that packs a part: a new one, unless the part
// is a whole directory that has one already.
func (p *plan) job(part pack.Part) int {
	for i, job := range p.jobs {
		if part.Dir != "" && part.Index == nil && job.Part.Dir == part.Dir && job.Part.Name == part.Name {
			return i
		}
	}
	p.jobs = append(p.jobs, pack.Job{Part: part})
	return len(p.jobs) - 1
}

// shape is the number of a shape in a job.
func (p *plan) shape(job int, shape pack.Shape) int {
	shapes := p.jobs[job].Shapes
	for i, s := range shapes {
		if reflect.DeepEqual(s, shape) {
			return i
		}
	}
	p.jobs[job].Shapes = append(shapes, shape)
	return len(shapes)
}

// pick returns the segments of one form, in the order of its jobs.
func (p *plan) pick(form int, segments [][]artifact.Segment) [][]artifact.Segment {
	picked := make([][]artifact.Segment, len(p.places[form]))
	for i, at := range p.places[form] {
		picked[i] = []artifact.Segment{segments[at.job][at.shape]}
	}
	return picked
}
