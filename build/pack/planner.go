package pack

import (
	"context"
	"fmt"
	"slices"
)

// maxItems limits the items of a task.
const maxItems = 2048

// planner lays out what is to be read and in which order it is to be written.
type planner struct {
	stream *stream
	task   *task
}

// run plans all passes and hands the tasks to the readers and, in the same
// order, to the gatherer.
func (p *planner) run(ctx context.Context, passes []pass) error {
	defer close(p.stream.reads)
	defer close(p.stream.tasks)
	for i := range passes {
		plan := p.directory
		if passes[i].dir == "" {
			plan = p.files
		}
		if err := plan(ctx, &passes[i]); err != nil {
			return err
		}
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// directory plans the entries of one directory.
func (p *planner) directory(ctx context.Context, pass *pass) error {
	root, err := p.stream.open(pass.dir)
	if err != nil {
		return err
	}
	m := newMerge(pass)
	for {
		v, err := m.next()
		if err != nil {
			return fmt.Errorf("%s %w", root.path(v.entry.Path), err)
		}
		if v.entry == nil {
			break
		}
		for _, o := range v.holders {
			if err := p.begin(ctx, root, o); err != nil {
				return err
			}
		}
		if err := p.entry(ctx, root, v); err != nil {
			return err
		}
		for _, o := range v.last {
			if err := p.add(ctx, root, 0, item{op: opEnd, outputs: []*output{o}}); err != nil {
				return err
			}
		}
	}
	for _, o := range pass.outputs {
		if o.begun {
			continue
		}
		if err := p.begin(ctx, root, o); err != nil {
			return err
		}
		if err := p.add(ctx, root, 0, item{op: opEnd, outputs: []*output{o}}); err != nil {
			return err
		}
	}
	return nil
}

// begin starts an output before its first entry.
func (p *planner) begin(ctx context.Context, root *root, o *output) error {
	if o.begun {
		return nil
	}
	o.begun = true
	return p.add(ctx, root, 0, item{op: opBegin, outputs: []*output{o}})
}

// entry plans one entry of a directory and, if it has one, its body.
func (p *planner) entry(ctx context.Context, root *root, v visit) error {
	e := v.entry
	if e.Size < bodySize {
		return p.add(ctx, root, int(e.Size), item{op: opEntry, outputs: v.holders, entry: e, sum: p.stream.sum(v.holders, e)})
	}
	if err := p.add(ctx, root, 0, item{op: opEntry, outputs: v.holders, entry: e}); err != nil {
		return err
	}
	groups := byLevel(v.holders)
	members := make([][]Member, len(groups))
	had := make([]piece, len(groups))
	for i, outputs := range groups {
		had[i].outputs = outputs
		had[i].donor, members[i], had[i].sure = p.stream.donor(outputs[0], e)
	}
	for n := range memberCount(e.Size) {
		it := item{op: opBody, outputs: v.holders, entry: e, offset: int64(n) * memberSize}
		it.pieces = slices.Clone(had)
		for i := range it.pieces {
			if n < len(members[i]) {
				it.pieces[i].member = members[i][n]
			} else {
				it.pieces[i].donor = nil
			}
		}
		size := min(memberSize, e.Size-it.offset)
		if err := p.add(ctx, root, int(size)+padding(size), it); err != nil {
			return err
		}
	}
	return nil
}

// byLevel groups outputs by the level of their shapes.
func byLevel(outputs []*output) [][]*output {
	var groups [][]*output
	for _, o := range outputs {
		i := slices.IndexFunc(groups, func(g []*output) bool { return g[0].shape.level() == o.shape.level() })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	return groups
}

// add puts an item that takes size bytes into the current task.
func (p *planner) add(ctx context.Context, root *root, size int, it item) error {
	if p.task != nil && (p.task.used+size > memberSize || len(p.task.items) == maxItems) {
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	if p.task == nil {
		select {
		case b := <-p.stream.buffers:
			if b.data == nil && root != nil {
				b.data = make([]byte, memberSize)
			}
			b.refs.Store(1)
			p.task = &task{root: root, buf: b, done: make(chan struct{})}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t := p.task
	switch {
	case size == 0:
	case it.op == opEntry:
		it.content = t.room(size)
	default:
		raw := t.room(size)
		for i := range it.pieces {
			it.pieces[i].chunk = &chunk{
				raw: raw, level: it.pieces[i].outputs[0].shape.level(), body: true,
				free: func([]byte) { t.buf.release() },
			}
			t.buf.refs.Add(1)
		}
	}
	t.items = append(t.items, it)
	return nil
}

// flush hands over the current task. The channels have room for every buffer
// there is.
func (p *planner) flush(ctx context.Context) error {
	t := p.task
	if t == nil {
		return ctx.Err()
	}
	p.task = nil
	p.stream.tasks <- t
	p.stream.reads <- t
	return ctx.Err()
}

// files plans files that are not on disk. They need no reader: the items
// point at the content.
func (p *planner) files(ctx context.Context, pass *pass) error {
	for _, o := range pass.outputs {
		outputs := []*output{o}
		if err := p.begin(ctx, nil, o); err != nil {
			return err
		}
		for i := range o.part.Files {
			f := &o.part.Files[i]
			content, err := f.content()
			if err != nil {
				return fmt.Errorf("unpacking %s of %s: %w", f.Path, o.part.Name, err)
			}
			e := &Entry{Path: f.Path, Mode: f.Mode, Link: f.Link}
			e.Size = int64(len(content))
			it := item{op: opEntry, outputs: outputs, entry: e}
			if e.Size < bodySize {
				it.content = content
			}
			if err := p.add(ctx, nil, 0, it); err != nil {
				return err
			}
			if e.Size < bodySize {
				continue
			}
			for offset := 0; offset < len(content); offset += memberSize {
				raw := content[offset:min(len(content), offset+memberSize)]
				if pad := padding(int64(len(raw))); pad > 0 {
					raw = append(raw[:len(raw):len(raw)], make([]byte, pad)...)
				}
				it := item{op: opBody, outputs: outputs, entry: e, pieces: []piece{{
					outputs: outputs, chunk: &chunk{raw: raw, level: o.shape.level(), body: true},
				}}}
				if err := p.add(ctx, nil, 0, it); err != nil {
					return err
				}
			}
		}
		if err := p.add(ctx, nil, 0, item{op: opEnd, outputs: outputs}); err != nil {
			return err
		}
	}
	return nil
}
