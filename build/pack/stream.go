package pack

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
)

// readers is the number of tasks that are read at a time. Compression needs
// less than one; a disk likes to be asked for more.
const readers = 4

// stream is one pass over all that has to be packed:
//
//	planner -> readers -> gatherer -> compressors -> one writer per output
//
// The planner lays out the entries in tasks of a member's size. Readers fill
// tasks in any order; the gatherer takes them in theirs and cuts the streams
// into chunks. A writer takes the chunks of its output in order, hashes the
// raw bytes while the chunk is compressed, and then hashes and writes the
// member. The number of task buffers and of tickets for mixed chunks bounds
// the memory; nobody who holds either waits for another of its kind.
type stream struct {
	packer  Packer
	donors  map[place][]*donor
	offers  map[place]map[Sum]offer
	total   int64
	buffers chan *buffer
	reads   chan *task
	tasks   chan *task
	chunks  chan *chunk
	tickets chan struct{}
	mixed   freelist
	roots   []*root
	group   *errgroup.Group
}

// stream packs the outputs that are not done.
func (p Packer) stream(ctx context.Context, outputs []*output, donors map[place][]*donor) (err error) {
	todo := passes(outputs)
	if len(todo) == 0 {
		return ctx.Err()
	}
	ahead := p.Workers + readers
	s := &stream{
		packer:  p,
		donors:  map[place][]*donor{},
		offers:  map[place]map[Sum]offer{},
		buffers: make(chan *buffer, ahead),
		reads:   make(chan *task, ahead),
		tasks:   make(chan *task, ahead),
		chunks:  make(chan *chunk, queueLength),
		tickets: make(chan struct{}, p.Workers+1),
		mixed:   freelist{size: memberSize},
	}
	for range ahead {
		s.buffers <- &buffer{home: s.buffers}
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, pass := range todo {
		for _, o := range pass.outputs {
			s.total += o.part.size()
			s.recruit(o.place(), donors)
		}
	}

	group, ctx := errgroup.WithContext(ctx)
	s.group = group
	group.Go(func() error { return (&planner{stream: s}).run(ctx, todo) })
	for range readers {
		group.Go(func() error { return s.read(ctx) })
	}
	group.Go(func() error { return (&gatherer{stream: s}).run(ctx) })
	for range p.Workers {
		group.Go(func() error { return s.compress(ctx) })
	}
	if err := group.Wait(); err != nil {
		return errors.Join(err, discard(outputs))
	}
	return nil
}

// recruit opens the donors of a place, once.
func (s *stream) recruit(at place, donors map[place][]*donor) {
	if s.offers[at] != nil {
		return
	}
	s.offers[at] = map[Sum]offer{}
	for _, d := range donors[at] {
		if d.open() {
			s.donors[at] = append(s.donors[at], d)
			d.offer(s.offers[at])
		}
	}
}

// donor returns who has the members of the body of e for an output, and them;
// nil if nobody has. They are sure to be those of e, or of what was at its path
// before.
func (s *stream) donor(o *output, e *Entry) (d *donor, members []Member, sure bool) {
	for _, d := range s.donors[o.place()] {
		if members := d.members(e); members != nil {
			return d, members, true
		}
	}
	for _, d := range s.donors[o.place()] {
		if members := d.before(e); members != nil {
			return d, members, false
		}
	}
	return nil, nil, false
}

// sum is that of the content of e, zero if no donor of the outputs knows it.
func (s *stream) sum(outputs []*output, e *Entry) Sum {
	for _, o := range outputs {
		for _, d := range s.donors[o.place()] {
			if sum := d.sum(e); sum != (Sum{}) {
				return sum
			}
		}
	}
	return Sum{}
}

// discard removes segments that were finished before another one broke.
func discard(outputs []*output) error {
	var failed error
	for _, o := range outputs {
		if o.temp == "" {
			continue
		}
		if err := os.Remove(o.temp); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("removing an unfinished segment: %w", err))
		}
	}
	return failed
}

// open opens a directory until the stream closes.
func (s *stream) open(dir string) (*root, error) {
	root, err := openRoot(dir)
	if err == nil {
		s.roots = append(s.roots, root)
	}
	return root, err
}

func (s *stream) close() (err error) {
	for _, r := range s.roots {
		r.close(&err)
	}
	for _, donors := range s.donors {
		for _, d := range donors {
			err = errors.Join(err, d.close())
		}
	}
	return err
}

// read fills tasks.
func (s *stream) read(ctx context.Context) error {
	var z unpacker
	for t := range s.reads {
		for i := range t.items {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.items[i].read(t.root, &z); err != nil {
				return err
			}
		}
		close(t.done)
	}
	return nil
}

// read fills what the item has room for.
func (it *item) read(root *root, z *unpacker) error {
	switch {
	case root == nil:
	case it.content != nil:
		if err := root.read(it.entry, 0, it.content); err != nil {
			return err
		}
		if it.sum == (Sum{}) {
			it.sum = sumOf(it.content)
		}
	case len(it.pieces) > 0:
		raw := it.pieces[0].chunk.raw
		size := min(int64(len(raw)), it.entry.Size-it.offset)
		if err := root.read(it.entry, it.offset, raw[:size]); err != nil {
			return err
		}
		clear(raw[size:])
		for _, p := range it.pieces {
			switch {
			case p.donor == nil:
			case p.sure:
				p.chunk.packed = p.donor.take(p.member, raw)
			default:
				p.chunk.packed = p.donor.takeEqual(p.member, raw, z)
			}
		}
	}
	return nil
}

// compress turns chunks into members.
func (s *stream) compress(ctx context.Context) (err error) {
	presses := map[int]*press{}
	for {
		select {
		case c, more := <-s.chunks:
			if !more {
				return nil
			}
			if c.packed = c.earlier[c.sum].take(c.raw); c.packed == nil {
				p := presses[c.level]
				if p == nil {
					p, err = newPress(c.level)
					presses[c.level] = p
				}
				if err == nil {
					c.packed, err = p.member(c.raw)
				}
				if err != nil {
					return fmt.Errorf("compressing: %w", err)
				}
			}
			close(c.done)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
