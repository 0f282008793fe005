package resolve

import (
	"maps"
	"slices"

	"github.com/slugc/slugc/stack/debian/control"
)

// choice is a package that is part of a selection.
type choice struct {
	*Candidate
	// base says that it was there already.
	base bool
	// cause is the demand that it was selected for.
	cause demand
	// levels are the decisions that led to it.
	levels levels
}

// demand is a relation that has to be satisfied.
type demand struct {
	// by is the package whose relation it is, nil when it is wanted by name.
	by       *choice
	relation control.Relation
}

// levels returns the decisions that led to the demand.
func (d demand) levels() levels {
	if d.by == nil {
		return nil
	}
	return d.by.levels
}

// threat is an enemy that a selected package names.
type threat struct {
	hostility
	by *choice
}

// selection is a part of a solution: the packages that are selected, and what
// they demand that was not looked at.
type selection struct {
	arch     string
	selected map[string]*choice
	// provided and threatened are the selected packages by the virtual packages
	// that they provide, and by the names that they are enemies of.
	provided   map[string][]*choice
	threatened map[string][]threat
	// pending are demands in the order in which they came up, and open those
	// that can be satisfied in several ways.
	pending, open []demand
}

func newSelection(arch string) *selection {
	return &selection{
		arch: arch, selected: map[string]*choice{},
		provided: map[string][]*choice{}, threatened: map[string][]threat{},
	}
}

func (s *selection) clone() *selection {
	return &selection{
		arch: s.arch, selected: maps.Clone(s.selected),
		provided: maps.Clone(s.provided), threatened: maps.Clone(s.threatened),
		pending: slices.Clip(s.pending), open: slices.Clip(s.open),
	}
}

// add makes a package part of the selection. What a base needs is there.
func (s *selection) add(c *choice) {
	s.selected[c.Name] = c
	// Slices are shared with the selections that this one was cloned from.
	for _, v := range c.Provides {
		s.provided[v.Name] = append(slices.Clip(s.provided[v.Name]), c)
	}
	for _, h := range c.enemies() {
		s.threatened[h.against.Name] = append(slices.Clip(s.threatened[h.against.Name]), threat{hostility: h, by: c})
	}
	if c.base {
		return
	}
	for _, r := range c.PreDepends {
		s.pending = append(s.pending, demand{by: c, relation: r})
	}
	for _, r := range c.Depends {
		s.pending = append(s.pending, demand{by: c, relation: r})
	}
}

// next takes the demand to look at, and says whether it was put off before.
func (s *selection) next() (d demand, putOff, more bool) {
	if len(s.pending) > 0 {
		d, s.pending = s.pending[0], s.pending[1:]
		return d, false, true
	}
	if len(s.open) > 0 {
		d, s.open = s.open[0], s.open[1:]
		return d, true, true
	}
	return demand{}, false, false
}

// has says whether a selected package is or provides what is asked for.
func (s *selection) has(p control.Possibility) bool {
	return len(s.having(p)) > 0
}

// having returns the selected packages that are or provide what is asked for.
func (s *selection) having(p control.Possibility) []*choice {
	var those []*choice
	if c := s.selected[p.Name]; c != nil && c.is(p, s.arch) {
		those = append(those, c)
	}
	for _, c := range s.provided[p.Name] {
		if c.provides(p, s.arch) {
			those = append(those, c)
		}
	}
	return those
}

// obstacle is what keeps a package from being selected.
type obstacle struct {
	by *choice
	// clash says how they clash; "" when by is another version of the package.
	clash string
}

// obstacle returns what keeps a package from being selected, false for none.
func (s *selection) obstacle(c *Candidate) (obstacle, bool) {
	if other := s.selected[c.Name]; other != nil {
		return obstacle{by: other}, true
	}
	for _, h := range c.enemies() {
		for _, other := range s.having(h.against) {
			return obstacle{by: other, clash: clash(c, h, other.Candidate)}, true
		}
	}
	names := []string{c.Name}
	for _, v := range c.Provides {
		names = append(names, v.Name)
	}
	for _, name := range names {
		for _, t := range s.threatened[name] {
			if c.satisfies(t.against, s.arch) {
				return obstacle{by: t.by, clash: clash(t.by.Candidate, t.hostility, c)}, true
			}
		}
	}
	return obstacle{}, false
}

// clash says that a package names another one as its enemy.
func clash(c *Candidate, h hostility, other *Candidate) string {
	text := label(c) + " " + h.verb + " " + h.against.String()
	if other.Name != h.against.Name {
		text += ", which " + label(other) + " provides"
	}
	return text
}

// label names a package in errors.
func label(c *Candidate) string { return c.Name + " " + c.Version }
