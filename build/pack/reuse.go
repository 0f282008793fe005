package pack

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// reuse looks for the segment of each output in the store. Where the part has
// not changed it fills in the segment and marks the output as done. It returns
// the earlier segments whose members can still serve.
func (p Packer) reuse(ctx context.Context, outputs []*output) (map[place][]*donor, error) {
	if p.Store == nil {
		return nil, nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	found := make([]*donor, len(outputs))
	for i, o := range outputs {
		group.Go(func() error {
			record, ok := p.Store.Lookup(o.key)
			if !ok || !record.Intact() {
				return ctx.Err()
			}
			if len(record.Members) > 0 {
				found[i] = &donor{record: record}
			}
			return p.match(ctx, o, &record)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	donors := map[place][]*donor{}
	for i, o := range outputs {
		if found[i] != nil {
			donors[o.place()] = append(donors[o.place()], found[i])
		}
	}
	return donors, nil
}

// match decides whether the part of o is still what the record says.
func (p Packer) match(ctx context.Context, o *output, record *Record) error {
	index, rewritten, ok := compare(o.part.Index, record.Index)
	if !ok {
		return nil
	}
	if len(rewritten) > 0 {
		equal, err := rehash(ctx, o.part.Dir, index, rewritten)
		if err != nil || !equal {
			return err
		}
	}
	*o.segment = record.Segment
	o.segment.Name = o.part.Name
	o.segment.Reused = true
	o.done = true
	if len(rewritten) > 0 {
		o.members = record.Members
		return p.record(o, index)
	}
	return nil
}

// compare returns the index with the sums of old, and the positions of small
// files that were written again since. It returns false if anything else
// differs.
func compare(index, old Index) (Index, []int, bool) {
	if len(index) != len(old) {
		return nil, nil, false
	}
	var rewritten []int
	for i := range index {
		a, b := &index[i], &old[i]
		switch {
		case a.Path != b.Path:
			return nil, nil, false
		case a.same(b):
		case a.alike(b) && (a.Size == 0 || b.Sum != (Sum{})):
			rewritten = append(rewritten, i)
		default:
			return nil, nil, false
		}
	}
	if len(rewritten) == 0 {
		return index, nil, true
	}
	merged := make(Index, len(index))
	for i := range index {
		merged[i] = index[i]
		merged[i].Sum = old[i].Sum
	}
	return merged, rewritten, true
}

// rehash says whether the files at the positions still have the content of
// their sums.
func rehash(ctx context.Context, dir string, index Index, positions []int) (equal bool, err error) {
	root, err := openRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.close(&err)
	buf := make([]byte, bodySize)
	for _, i := range positions {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		e := &index[i]
		if e.Size == 0 {
			continue
		}
		content := buf[:e.Size]
		if err := root.read(e, 0, content); err != nil {
			return false, err
		}
		if sumOf(content) != e.Sum {
			return false, nil
		}
	}
	return true, nil
}

// place is what outputs have in common that can have the same members: the
// directory and the gzip level.
type place struct {
	dir   string
	level int
}

// donor is an earlier segment. The members of a file that has not changed
// since, and mixed members that hold the same, are copied from it.
type donor struct {
	record Record
	file   *os.File
	// bodies are the files that have members of their own, by path.
	bodies map[string]body
	// pieces are the members of bodies.
	pieces []Member
	// seen is how many entries of the index lie before what was last asked for.
	seen int
}

// body is the position of a file in the index and of its first piece.
type body struct{ entry, piece int }

// offer is a mixed member of a donor. The zero value is none.
type offer struct {
	donor  *donor
	member Member
}

// take is the member, nil unless it holds exactly raw.
func (o offer) take(raw []byte) []byte {
	if o.donor == nil {
		return nil
	}
	return o.donor.take(o.member, raw)
}

// open readies a donor. It returns false if its file cannot be read.
func (d *donor) open() bool {
	file, err := os.Open(d.record.Segment.File)
	if err != nil {
		return false
	}
	d.file, d.bodies = file, map[string]body{}
	next := 0
	for i := range d.record.Index {
		e := &d.record.Index[i]
		if e.Mode.IsRegular() && e.Size >= bodySize {
			d.bodies[e.Path] = body{entry: i, piece: next}
			next += memberCount(e.Size)
		}
	}
	for _, m := range d.record.Members {
		if m.Sum == (Sum{}) {
			d.pieces = append(d.pieces, m)
		}
	}
	return next == len(d.pieces)
}

// offer adds the mixed members of the donor to offers.
func (d *donor) offer(offers map[Sum]offer) {
	for _, m := range d.record.Members {
		if m.Sum != (Sum{}) {
			offers[m.Sum] = offer{d, m}
		}
	}
}

// members returns those of the body of e, nil if the donor has them not.
func (d *donor) members(e *Entry) []Member {
	b, ok := d.bodies[e.Path]
	if !ok || !d.record.Index[b.entry].same(e) {
		return nil
	}
	return d.pieces[b.piece:][:memberCount(e.Size)]
}

// before returns the members of the body that a file at the path of e had; nil if
// it had none. Pieces that are as they were can still serve.
func (d *donor) before(e *Entry) []Member {
	b, ok := d.bodies[e.Path]
	if !ok {
		return nil
	}
	return d.pieces[b.piece:][:memberCount(d.record.Index[b.entry].Size)]
}

// sum is that of the content of e, zero if it is not known. Entries are asked for in
// the order of a walk; in another one they may not be found.
func (d *donor) sum(e *Entry) Sum {
	ix := d.record.Index
	for d.seen < len(ix) && compareNames(ix[d.seen].Path, e.Path) < 0 {
		d.seen++
	}
	if d.seen < len(ix) && ix[d.seen].Path == e.Path && ix[d.seen].same(e) {
		return ix[d.seen].Sum
	}
	return Sum{}
}

// take reads a member and returns nil unless, by its checksum, it holds raw. Who
// calls it knows more: that the file is the same.
func (d *donor) take(m Member, raw []byte) []byte {
	if m.Size > maxMember {
		return nil
	}
	packed := make([]byte, m.Size)
	if _, err := d.file.ReadAt(packed, m.Offset); err != nil || !holds(packed, raw) {
		return nil
	}
	return packed
}

// takeEqual is take for a file that was written again: the member is unpacked and
// compared, which takes a quarter of the time of packing raw.
func (d *donor) takeEqual(m Member, raw []byte, z *unpacker) []byte {
	packed := d.take(m, raw)
	if packed == nil || !z.unpacks(packed, raw) {
		return nil
	}
	return packed
}

func (d *donor) close() error {
	if d.file == nil {
		return nil
	}
	if err := d.file.Close(); err != nil {
		return fmt.Errorf("closing an earlier segment: %w", err)
	}
	return nil
}
