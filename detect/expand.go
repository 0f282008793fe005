package detect

import (
	"fmt"
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// What an order may expand to. Every composite multiplies the groups by its
// own, so a page of TOML can ask for more groups than there are atoms; real
// orders stay below a few hundred groups of a few dozen.
const (
	maxGroups    = 10_000
	maxGroup     = 500
	maxExpansion = 1_000_000 // members, in all groups and on the way to them
)

// Expand replaces the composite buildpacks of an order by the groups of their
// own orders, depth first and left to right, until only buildpacks are left
// that run something (CNB Buildpack API, "Order Resolution"). Of a group with
// an optional composite there is, last, one without it.
//
// Composites are those there are, by Key; a member without a version means the
// only one of its id. A member that is no composite stays as it is. Of an id
// that stands in a group twice only the first counts; a second one goes here
// unless it counts where the first does not, which Detect decides. Neither
// argument is changed.
//
// It returns a *CycleError, a *MissingError for a composite without a version
// of which there are several, or a *SizeError.
func Expand(order buildpacks.Order, composites map[string]buildpacks.Composite) (buildpacks.Order, error) {
	flat, _, err := ExpandMarked(order, nil, composites)
	return flat, err
}

// ExpandMarked is Expand with an order of image extensions, whose groups stand
// before every group of the order, in turn and last none of them (CNB Platform
// API, "order.toml"). It tells of each group whether something in it is optional,
// composite or group of extensions, so that there is one without it behind it.
func ExpandMarked(order, extensions buildpacks.Order, composites map[string]buildpacks.Composite) (flat buildpacks.Order, optional []bool, err error) {
	e := expansion{composites: composites, versions: map[string][]string{}}
	for _, c := range composites {
		e.versions[c.ID] = append(e.versions[c.ID], c.Version)
	}
	for _, versions := range e.versions {
		slices.Sort(versions)
	}
	for _, group := range order {
		e.spare++
		for _, before := range extensions {
			if err := e.walk(nil, named(slices.Concat(asExtensions(before), group), nil)); err != nil {
				return nil, nil, err
			}
		}
		e.spare--
		if err := e.walk(nil, named(group, nil)); err != nil {
			return nil, nil, err
		}
	}
	return e.flat, e.optional, nil
}

// asExtensions are the members of a group of extensions, all of which are optional.
func asExtensions(group buildpacks.Group) buildpacks.Group {
	all := slices.Clone(group)
	for i := range all {
		all[i].Extension, all[i].Optional = true, true
	}
	return all
}

// expansion is an order that is being expanded.
type expansion struct {
	composites map[string]buildpacks.Composite
	// versions are those of each composite's id, sorted.
	versions map[string][]string
	flat     buildpacks.Order
	// optional marks the groups with something optional to do without, of which there are so
	// many on the way down.
	optional []bool
	spare    int
	// looked counts the members of what was expanded so far.
	looked int
}

// place is a member and the composite whose order named it.
type place struct {
	buildpacks.Member
	by *link
}

// link is a composite on the way down to a member.
type link struct {
	key string
	// execEnvs are those in which its members stand there.
	execEnvs buildpacks.ExecEnvs
	up       *link
}

// named are the members of a group, of a composite's order if by is one.
func named(group buildpacks.Group, by *link) []place {
	places := make([]place, 0, len(group))
	for _, m := range group {
		if by != nil {
			m.ExecEnvs = m.ExecEnvs.And(by.execEnvs)
		}
		if !m.ExecEnvs.None() {
			places = append(places, place{m, by})
		}
	}
	return places
}

// repeats reports whether the place adds nothing to a group with m before it,
// whatever the execution environment and the target turn out to be.
func (p place) repeats(m buildpacks.Member) bool {
	return Name(m) == Name(p.Member) && m.Version == p.Version &&
		(p.Optional || !m.Optional) && (m.ExecEnvs == "" || m.ExecEnvs == p.ExecEnvs)
}

// walk expands the rest of a group of which done is expanded.
func (e *expansion) walk(done buildpacks.Group, rest []place) error {
	size := len(done) + len(rest)
	e.looked += size
	switch {
	case len(e.flat) == maxGroups:
		return &SizeError{Over: fmt.Sprintf("more than %d groups", maxGroups)}
	case size > maxGroup:
		return &SizeError{Over: fmt.Sprintf("a group of more than %d buildpacks", maxGroup)}
	case e.looked > maxExpansion:
		return &SizeError{Over: fmt.Sprintf("more than %d members of groups", maxExpansion)}
	}
	done = slices.Clip(done)
	for i, p := range rest {
		if slices.ContainsFunc(done, p.repeats) {
			continue
		}
		composite, is, err := e.composite(p)
		if err != nil {
			return err
		}
		if !is {
			done = append(done, p.Member)
			continue
		}
		by := &link{key: Key(buildpacks.Member{ID: composite.ID, Version: composite.Version}), execEnvs: p.ExecEnvs, up: p.by}
		if chain := by.cycle(); chain != nil {
			return &CycleError{Chain: chain}
		}
		if p.Optional {
			e.spare++
		}
		for _, group := range composite.Order {
			if err := e.walk(done, append(named(group, by), rest[i+1:]...)); err != nil {
				return err
			}
		}
		if p.Optional {
			e.spare--
			return e.walk(done, rest[i+1:])
		}
		return nil
	}
	e.flat = append(e.flat, done)
	e.optional = append(e.optional, e.spare > 0)
	return nil
}

// composite finds the composite that a member names.
func (e *expansion) composite(p place) (buildpacks.Composite, bool, error) {
	if p.Extension {
		return buildpacks.Composite{}, false, nil
	}
	versions := e.versions[p.ID]
	if p.Version != "" || len(versions) == 0 {
		c, is := e.composites[Key(p.Member)]
		return c, is, nil
	}
	if len(versions) > 1 {
		missing := &MissingError{Member: p.ID, Have: versions}
		if p.by != nil {
			missing.By = p.by.key
		}
		return buildpacks.Composite{}, false, missing
	}
	c, is := e.composites[Key(buildpacks.Member{ID: p.ID, Version: versions[0]})]
	return c, is, nil
}

// cycle is the way from the link up to itself, from above, or nil.
func (l *link) cycle() []string {
	chain := []string{l.key}
	for up := l.up; up != nil; up = up.up {
		chain = append(chain, up.key)
		if up.key == l.key {
			slices.Reverse(chain)
			return chain
		}
	}
	return nil
}
