package pack

import (
	"context"
	"fmt"
)

// gatherer takes the tasks in order and cuts the streams of the outputs into
// chunks.
type gatherer struct {
	stream *stream
	done   int64
}

func (g *gatherer) run(ctx context.Context) error {
	defer close(g.stream.chunks)
	for {
		select {
		case t, more := <-g.stream.tasks:
			if !more {
				return nil
			}
			if err := g.task(ctx, t); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (g *gatherer) task(ctx context.Context, t *task) error {
	select {
	case <-t.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range t.items {
		if err := g.item(ctx, &t.items[i]); err != nil {
			return err
		}
	}
	t.buf.release()
	if g.stream.packer.Progress != nil {
		g.stream.packer.Progress(g.done, g.stream.total)
	}
	return nil
}

func (g *gatherer) item(ctx context.Context, it *item) error {
	switch it.op {
	case opBegin:
		return g.begin(ctx, it.outputs[0])
	case opEnd:
		return g.end(ctx, it.outputs[0])
	case opBody:
		return g.body(ctx, it)
	}
	for _, o := range it.outputs {
		if err := g.entry(ctx, o, it); err != nil {
			return fmt.Errorf("packing %s: %w", o.part.Name, err)
		}
	}
	return nil
}

// begin starts the writer of an output and adds what comes before the
// entries.
func (g *gatherer) begin(ctx context.Context, o *output) error {
	o.start(g.stream.packer.Store != nil)
	g.stream.group.Go(func() error { return g.stream.write(ctx, o) })
	for _, p := range o.shape.Parents {
		header, err := o.headers.parent(p)
		if err != nil {
			return fmt.Errorf("packing %s: %w", o.part.Name, err)
		}
		if err := g.mix(ctx, o, header, nil, Sum{}); err != nil {
			return err
		}
	}
	return nil
}

// entry adds the header of an entry and, if it is a small file, its content.
func (g *gatherer) entry(ctx context.Context, o *output, it *item) error {
	e := it.entry
	if o.sums != nil {
		o.sums[o.seen] = it.sum
	}
	o.seen++
	if e.Path == "" && !o.shape.Root {
		return nil
	}
	header, err := o.headers.entry(e.Path, e.Mode, e.Link, e.Size)
	if err != nil {
		return err
	}
	g.done += int64(len(it.content))
	if len(o.mixed) >= mixedSize && cuts(e.Path) {
		if err := g.flush(ctx, o); err != nil {
			return err
		}
	}
	return g.mix(ctx, o, header, it.content, it.sum)
}

// body adds a piece of a file as a chunk of its own, the same for all outputs
// of one level.
func (g *gatherer) body(ctx context.Context, it *item) error {
	for _, o := range it.outputs {
		if err := g.flush(ctx, o); err != nil {
			return err
		}
	}
	for _, p := range it.pieces {
		c := p.chunk
		c.refs.Store(int32(len(p.outputs)))
		c.done = make(chan struct{})
		if c.level == rawLevel {
			c.packed = c.raw
		}
		if c.packed != nil {
			close(c.done)
		} else if err := send(ctx, g.stream.chunks, c); err != nil {
			return err
		}
		g.done += min(int64(len(c.raw)), it.entry.Size-it.offset) * int64(len(p.outputs))
		for _, o := range p.outputs {
			if err := send(ctx, o.queue, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// end adds what comes after the entries and lets the writer finish.
func (g *gatherer) end(ctx context.Context, o *output) error {
	if o.shape.Trailer {
		if err := g.mix(ctx, o, make([]byte, 2*blockSize), nil, Sum{}); err != nil {
			return err
		}
	}
	if err := g.flush(ctx, o); err != nil {
		return err
	}
	close(o.queue)
	return nil
}

// mix adds a header, and the content behind it, which has a sum, to the mixed chunk
// of an output.
func (g *gatherer) mix(ctx context.Context, o *output, header, content []byte, sum Sum) error {
	pad := padding(int64(len(content)))
	if len(o.mixed)+len(header)+len(content)+pad > memberSize {
		if err := g.flush(ctx, o); err != nil {
			return err
		}
	}
	if o.mixed == nil {
		o.mixed = g.stream.mixed.get()[:0]
	}
	o.mixed = append(o.mixed, header...)
	o.mixed = append(o.mixed, content...)
	o.mixed = append(o.mixed, make([]byte, pad)...)
	if o.holds != nil {
		o.holds.Write(header)
		if len(content) > 0 {
			o.holds.Write(sum[:])
		}
	}
	return nil
}

// flush sends the mixed chunk of an output on its way.
func (g *gatherer) flush(ctx context.Context, o *output) error {
	if len(o.mixed) == 0 {
		return nil
	}
	if err := send(ctx, g.stream.tickets, struct{}{}); err != nil {
		return err
	}
	c := &chunk{
		raw: o.mixed, level: o.shape.level(), done: make(chan struct{}), free: g.stream.freeMixed,
		earlier: g.stream.offers[o.place()],
	}
	if o.holds != nil {
		c.sum = Sum(o.holds.Sum(nil)[:len(Sum{})])
		o.holds.Reset()
	}
	c.refs.Store(1)
	o.mixed = nil
	if c.level == rawLevel {
		c.packed = c.raw
		close(c.done)
	} else if err := send(ctx, g.stream.chunks, c); err != nil {
		return err
	}
	return send(ctx, o.queue, c)
}

// freeMixed takes back the buffer of a mixed chunk and its ticket.
func (s *stream) freeMixed(raw []byte) {
	s.mixed.put(raw)
	<-s.tickets
}

func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
