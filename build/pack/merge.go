package pack

import (
	"cmp"
	"slices"
)

// pass is a set of outputs whose entries are visited together, so that what
// several of them hold is read once.
type pass struct {
	dir     string
	outputs []*output
	// order compares paths; nil if there is only one output, whose own order
	// is kept.
	order func(a, b string) int
}

// passes groups the outputs that are still to be made: those of one directory
// together if there is an order in which all of them can be visited.
func passes(outputs []*output) []pass {
	var all []pass
	at := map[string]int{}
	for _, o := range outputs {
		if o.done {
			continue
		}
		i, ok := at[o.part.Dir]
		if o.part.Dir == "" || !ok {
			i = len(all)
			at[o.part.Dir] = i
			all = append(all, pass{dir: o.part.Dir})
		}
		all[i].outputs = append(all[i].outputs, o)
	}
	var split []pass
	for _, p := range all {
		if len(p.outputs) == 1 {
			split = append(split, p)
			continue
		}
		orders := []func(a, b string) int{compareNames, cmp.Compare[string]}
		usable := slices.IndexFunc(orders, p.sorted)
		if usable >= 0 {
			p.order = orders[usable]
			split = append(split, p)
			continue
		}
		for _, o := range p.outputs {
			split = append(split, pass{dir: p.dir, outputs: []*output{o}})
		}
	}
	// What is held in memory is let go first.
	slices.SortStableFunc(split, func(a, b pass) int { return cmp.Compare(min(len(a.dir), 1), min(len(b.dir), 1)) })
	return split
}

// sorted says whether the entries of every output are in order.
func (p *pass) sorted(order func(a, b string) int) bool {
	for _, o := range p.outputs {
		ix := o.part.Index
		for i := 1; i < len(ix); i++ {
			if order(ix[i-1].Path, ix[i].Path) >= 0 {
				return false
			}
		}
	}
	return true
}

// merge visits the entries of all outputs of a pass in order. The heads are
// sorted by their first entry.
type merge struct {
	pass  *pass
	heads []head
}

// head is what an output has not seen yet.
type head struct {
	output *output
	rest   Index
}

func newMerge(p *pass) *merge {
	m := &merge{pass: p}
	for _, o := range p.outputs {
		if len(o.part.Index) > 0 {
			m.heads = append(m.heads, head{o, o.part.Index})
		}
	}
	if p.order != nil {
		slices.SortStableFunc(m.heads, func(a, b head) int {
			return p.order(a.rest[0].Path, b.rest[0].Path)
		})
	}
	return m
}

// visit is an entry, the outputs that hold it, and those of them whose last
// entry it is.
type visit struct {
	entry         *Entry
	holders, last []*output
}

// next returns the next entry, or nil at the end. It fails with ErrChanged
// if two outputs know the entry in different states.
func (m *merge) next() (visit, error) {
	var v visit
	if len(m.heads) == 0 {
		return v, nil
	}
	v.entry = &m.heads[0].rest[0]
	v.holders = make([]*output, 0, 2)
	for i := range m.heads {
		h := &m.heads[i]
		if h.rest[0].Path != v.entry.Path {
			break
		}
		if !h.rest[0].same(v.entry) {
			return v, ErrChanged
		}
		v.holders = append(v.holders, h.output)
		h.rest = h.rest[1:]
	}
	// The heads that moved on sink to their new places; most stay in front.
	for i := len(v.holders) - 1; i >= 0; i-- {
		h := m.heads[i]
		if len(h.rest) == 0 {
			v.last = append(v.last, h.output)
			m.heads = slices.Delete(m.heads, i, i+1)
			continue
		}
		to := i
		for ; to+1 < len(m.heads) && m.pass.order(m.heads[to+1].rest[0].Path, h.rest[0].Path) < 0; to++ {
			m.heads[to] = m.heads[to+1]
		}
		m.heads[to] = h
	}
	return v, nil
}
