package resolve

import (
	"cmp"
	"iter"
	"slices"

	"github.com/slugc/slugc/stack/debian/control"
)

// Universe is what can be selected, for one architecture.
type Universe interface {
	// Named returns the packages of a name: all versions in all suites, of the
	// architecture and of "all". There are none for a name that is not known.
	Named(name string) ([]Candidate, error)
	// Providing returns the packages that provide a name.
	Providing(name string) ([]Candidate, error)
}

// Lister is a Universe that can tell what there is, for the errors of those
// who have mistyped a name.
type Lister interface {
	Names() iter.Seq[string]
}

// index is a universe for one search: it asks for each name once, and knows
// which of several versions counts.
type index struct {
	universe Universe
	arch     string
	// bounds are relations that the version of a name has to satisfy, beside
	// those that are met on the way: see search.
	bounds    map[string][]control.Possibility
	named     map[string][]*Candidate
	providing map[string][]*Candidate
}

func newIndex(u Universe, arch string) *index {
	return &index{
		universe: u, arch: arch, bounds: map[string][]control.Possibility{},
		named: map[string][]*Candidate{}, providing: map[string][]*Candidate{},
	}
}

// versions returns the packages of a name, the highest version first.
func (x *index) versions(name string) ([]*Candidate, error) {
	if all, asked := x.named[name]; asked {
		return all, nil
	}
	found, err := x.universe.Named(name)
	if err != nil {
		return nil, err
	}
	all := x.usable(found)
	slices.SortStableFunc(all, func(a, b *Candidate) int {
		return cmp.Or(control.Compare(b.Version, a.Version), compareArch(a, b))
	})
	x.named[name] = all
	return all, nil
}

// compareArch puts what was built for the architecture before what is for all.
func compareArch(a, b *Candidate) int {
	switch a.Architecture {
	case b.Architecture:
		return 0
	case "all":
		return 1
	}
	return -1
}

// usable are those of the architecture, or of none.
func (x *index) usable(found []Candidate) []*Candidate {
	all := make([]*Candidate, 0, len(found))
	for i := range found {
		if c := &found[i]; c.Architecture == x.arch || c.Architecture == "all" {
			all = append(all, c)
		}
	}
	return all
}

// best returns the highest version of a name that is as a relation and the
// bounds want it, nil when there is none.
func (x *index) best(p control.Possibility) (*Candidate, error) {
	all, err := x.versions(p.Name)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.is(p, x.arch) && x.within(c) {
			return c, nil
		}
	}
	return nil, nil
}

func (x *index) within(c *Candidate) bool {
	for _, p := range x.bounds[c.Name] {
		if !p.Admits(c.Version) {
			return false
		}
	}
	return true
}

// providers returns the packages that provide what is asked for in the version
// that counts, in the order of preference.
func (x *index) providers(p control.Possibility) ([]*Candidate, error) {
	all, asked := x.providing[p.Name]
	if !asked {
		found, err := x.universe.Providing(p.Name)
		if err != nil {
			return nil, err
		}
		all = x.usable(found)
		slices.SortStableFunc(all, func(a, b *Candidate) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name))
		})
		x.providing[p.Name] = all
	}
	var those []*Candidate
	has := map[string]bool{}
	for _, c := range all {
		if c.Name == p.Name || !c.provides(p, x.arch) || has[c.Name] {
			continue
		}
		// The universe has it in all versions.
		counts, err := x.best(control.Possibility{Name: c.Name})
		if err != nil {
			return nil, err
		}
		if counts != nil && counts.provides(p, x.arch) {
			those = append(those, counts)
			has[c.Name] = true
		}
	}
	return those, nil
}

// known says whether there is anything that is or provides a name.
func (x *index) known(name string) (bool, error) {
	all, err := x.versions(name)
	if err != nil || len(all) > 0 {
		return len(all) > 0, err
	}
	providers, err := x.providers(control.Possibility{Name: name})
	return len(providers) > 0, err
}
