package resolve

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/debian/control"
)

// Request is what a root filesystem has to have.
type Request struct {
	// Arch is the architecture as Debian calls it.
	Arch string
	// Wanted are relations: "bash", "python3 (>= 3.11)", "a | b".
	Wanted []string
	// Omit are names of packages that others may need and nobody gets, unless
	// they are wanted.
	Omit []string
	// Installed are the packages of a base that is there already. They satisfy
	// relations with the versions they have, and are not selected again.
	Installed []control.Package
}

// Resolve returns the packages to unpack for a request, sorted by name. An
// error is an *UnknownPackageError or an *UnsatisfiableError, or it is the
// universe's.
func Resolve(u Universe, r Request) ([]control.Package, error) {
	if r.Arch == "" {
		return nil, fmt.Errorf("resolving packages: expected an architecture")
	}
	wanted, err := r.relations()
	if err != nil {
		return nil, err
	}
	s := &search{index: newIndex(u, r.Arch), omitted: map[string]bool{}}
	for _, name := range r.Omit {
		s.omitted[name] = !slices.ContainsFunc(wanted, func(w control.Relation) bool { return asksFor(w, name) })
	}
	base, err := s.base(r.Installed)
	if err != nil {
		return nil, err
	}
	for _, relation := range wanted {
		if err := s.check(base, relation); err != nil {
			return nil, err
		}
		base.pending = append(base.pending, demand{relation: relation})
	}
	selected, err := s.run(base)
	if err != nil {
		return nil, err
	}
	return selected.packages(), nil
}

// relations are what is wanted, in an order that is not the caller's.
func (r Request) relations() ([]control.Relation, error) {
	var all []control.Relation
	for _, text := range r.Wanted {
		relations, err := control.ParseRelations(text, r.Arch)
		if err != nil {
			return nil, fmt.Errorf("reading the packages that are wanted: %w", err)
		}
		all = append(all, relations...)
	}
	slices.SortFunc(all, func(a, b control.Relation) int { return cmp.Compare(a.String(), b.String()) })
	return all, nil
}

// asksFor says whether a relation can be satisfied by a name alone.
func asksFor(r control.Relation, name string) bool {
	return len(r.Alternatives) == 1 && r.Alternatives[0].Name == name
}

// base is a selection of packages that are there already.
func (s *search) base(installed []control.Package) (*selection, error) {
	base := newSelection(s.index.arch)
	for _, p := range installed {
		all, err := s.index.versions(p.Name)
		if err != nil {
			return nil, err
		}
		c := Candidate{}
		if len(all) > 0 {
			c = *all[0]
		}
		for _, same := range all {
			if same.Version == p.Version {
				c = *same
			}
		}
		c.Package = p
		base.add(&choice{Candidate: &c, base: true})
	}
	return base, nil
}

// check says whether a relation that is wanted has a name that nobody knows.
func (s *search) check(base *selection, r control.Relation) error {
	for _, p := range r.Alternatives {
		if s.omitted[p.Name] || base.has(control.Possibility{Name: p.Name}) {
			return nil
		}
		known, err := s.index.known(p.Name)
		if err != nil || known {
			return err
		}
	}
	unknown := &UnknownPackageError{Name: r.Alternatives[0].Name, Arch: s.index.arch}
	if l, ok := s.index.universe.(Lister); ok {
		unknown.Near = nearest(strings.ToLower(unknown.Name), l.Names())
	}
	return unknown
}

// run completes a selection. Where that fails because the highest version of a
// package was selected and another relation asks for a lower one, it starts
// again with that relation known from the beginning.
func (s *search) run(base *selection) (*selection, error) {
	var first *UnsatisfiableError
	for {
		done, fail, err := s.complete(base.clone(), 0)
		if err != nil || fail == nil {
			return done, err
		}
		if first == nil {
			first = fail.err
		}
		if fail.bound == nil || slices.Contains(s.index.bounds[fail.bound.Name], *fail.bound) {
			return nil, first
		}
		s.index.bounds[fail.bound.Name] = append(s.index.bounds[fail.bound.Name], *fail.bound)
	}
}

// packages are those that were not there before.
func (s *selection) packages() []control.Package {
	var all []control.Package
	for _, name := range slices.Sorted(maps.Keys(s.selected)) {
		if c := s.selected[name]; !c.base {
			all = append(all, c.Package)
		}
	}
	return all
}
