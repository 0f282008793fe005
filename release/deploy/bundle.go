package deploy

import (
	"reflect"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// bundle gathers the jobs of all forms, so that a layer that more than one of
// them wants is read once.
type bundle struct {
	jobs []pack.Job
	// places say, for every form and each of its jobs, which segment is its.
	places [][]place
}

type place struct{ job, shape int }

// add takes the jobs of the next form.
func (b *bundle) add(jobs []pack.Job) {
	var places []place
	for _, job := range jobs {
		at := b.job(job.Part)
		places = append(places, place{at, b.shape(at, job.Shapes[0])})
	}
	b.places = append(b.places, places)
}

// job is the number of the job that packs a part: a new one, unless the part
// is a whole directory that has one already.
func (b *bundle) job(part pack.Part) int {
	for i, job := range b.jobs {
		if part.Dir != "" && part.Index == nil && job.Part.Dir == part.Dir && job.Part.Name == part.Name {
			return i
		}
	}
	b.jobs = append(b.jobs, pack.Job{Part: part})
	return len(b.jobs) - 1
}

// shape is the number of a shape in a job.
func (b *bundle) shape(job int, shape pack.Shape) int {
	shapes := b.jobs[job].Shapes
	for i, s := range shapes {
		if reflect.DeepEqual(s, shape) {
			return i
		}
	}
	b.jobs[job].Shapes = append(shapes, shape)
	return len(shapes)
}

// pick returns the segments of one form, in the order of its jobs.
func (b *bundle) pick(form int, segments [][]artifact.Segment) [][]artifact.Segment {
	picked := make([][]artifact.Segment, len(b.places[form]))
	for i, at := range b.places[form] {
		picked[i] = []artifact.Segment{segments[at.job][at.shape]}
	}
	return picked
}
