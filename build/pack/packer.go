package pack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build/artifact"
)

// Packer packs parts into segments.
type Packer struct {
	// Store keeps segments for the next time. Without one, every part is
	// packed and its segments stay in Temp.
	Store Store
	// Temp is the directory in which segments are made, best on the file
	// system of the store. Pack leaves nothing there that it does not return.
	Temp string
	// Workers is the number of members compressed at a time; GOMAXPROCS when
	// zero. Each takes some 2 MiB of memory. It does not change the bytes.
	Workers int
	// Progress is called now and then with the number of bytes of files that
	// went into segments so far, and of all that will: one call at a time,
	// from another goroutine.
	Progress func(done, total int64)
	// Warn hears of trouble with the store, which costs time at the next
	// build and nothing else. It is called from several goroutines. Without
	// it such trouble is an error.
	Warn func(error)
}

// Pack returns, for each job and each of its shapes, the segment. What the
// store holds and what has not changed since is returned with Reused set, and
// no file of the part is opened. All other parts are packed in one pass; a
// file that several of them hold is read once, and compressed once per level.
//
// A tree that is written to meanwhile is an error that wraps ErrChanged.
func (p Packer) Pack(ctx context.Context, jobs []Job) ([][]artifact.Segment, error) {
	if p.Temp == "" {
		return nil, errors.New("packing needs a directory for temporary files")
	}
	if p.Workers <= 0 {
		p.Workers = runtime.GOMAXPROCS(0)
	}
	parts, err := p.index(ctx, jobs)
	if err != nil {
		return nil, err
	}
	segments := make([][]artifact.Segment, len(jobs))
	var outputs []*output
	for i := range parts {
		segments[i] = make([]artifact.Segment, len(jobs[i].Shapes))
		for j := range jobs[i].Shapes {
			shape := &jobs[i].Shapes[j]
			if level := shape.level(); !shape.Raw && (level < 1 || level > 9) {
				return nil, fmt.Errorf("compression level %d of %s: expected 1 to 9", level, shape.Name)
			}
			outputs = append(outputs, &output{
				part:    &parts[i],
				shape:   shape,
				key:     parts[i].Key(*shape),
				segment: &segments[i][j],
			})
		}
	}
	donors, err := p.reuse(ctx, outputs)
	if err != nil {
		return nil, err
	}
	pair(outputs)
	if err := p.stream(ctx, outputs, donors); err != nil {
		return nil, err
	}
	return segments, nil
}

// pair finds the outputs that have the bytes of another one, but for the gzip.
func pair(outputs []*output) {
	sums := map[*Part][]*output{}
	for _, o := range outputs {
		if o.done {
			continue
		}
		o.made = make(chan struct{})
		for _, other := range sums[o.part] {
			if o.shape.alike(other.shape) {
				o.twin = other
				break
			}
		}
		if o.twin == nil {
			sums[o.part] = append(sums[o.part], o)
		}
	}
}

// index returns the parts of the jobs, each that lies on disk with its index.
// A directory that several parts name is walked once.
func (p Packer) index(ctx context.Context, jobs []Job) ([]Part, error) {
	parts := make([]Part, len(jobs))
	first := map[string]int{}
	same := map[int]int{}
	group, walking := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range jobs {
		part := jobs[i].Part
		if part.Dir != "" {
			part.Dir = filepath.Clean(part.Dir)
		}
		parts[i] = part
		if part.Dir == "" || part.Index != nil {
			continue
		}
		if part.Exclude == nil {
			if j, walked := first[part.Dir]; walked {
				same[i] = j
				continue
			}
			first[part.Dir] = i
		}
		group.Go(func() (err error) {
			parts[i].Index, err = Walk(walking, part.Dir, WalkOptions{Exclude: part.Exclude})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, j := range same {
		parts[i].Index = parts[j].Index
	}
	return parts, nil
}

// trouble reports what went wrong with the store.
func (p Packer) trouble(err error) error {
	if p.Warn == nil {
		return err
	}
	p.Warn(err)
	return nil
}

// keep moves a finished segment to the store and records it.
func (p Packer) keep(o *output, file string) error {
	o.segment.File = file
	if p.Store == nil {
		return nil
	}
	kept, err := p.Store.Keep(file, o.segment.Digest)
	if err != nil {
		return p.trouble(fmt.Errorf("keeping the segment of %s: %w", o.part.Name, err))
	}
	o.segment.File = kept
	return p.record(o, o.index())
}

// record says in the store what the segment of o was made of.
func (p Packer) record(o *output, index Index) error {
	state, err := FingerprintOf(o.segment.File)
	if err == nil {
		err = p.Store.Put(o.key, Record{Segment: *o.segment, File: state, Index: index, Members: o.members})
	}
	if err != nil {
		return p.trouble(fmt.Errorf("recording the segment of %s: %w", o.part.Name, err))
	}
	return nil
}
