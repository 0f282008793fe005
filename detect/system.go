package detect

import (
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// System is the buildpacks that a platform puts around every group of an order
// (CNB Platform API 0.15, "system.toml").
type System struct {
	// Pre stand before a group, Post behind it.
	Pre, Post buildpacks.Group
}

// For is what a group gets of it: those whose id the group does not have
// itself, in whatever version.
func (s System) For(group buildpacks.Group) System {
	missing := func(all buildpacks.Group) buildpacks.Group {
		var some buildpacks.Group
		for _, m := range all {
			if !slices.ContainsFunc(group, func(has buildpacks.Member) bool { return has.ID == m.ID }) {
				some = append(some, m)
			}
		}
		return some
	}
	return System{Pre: missing(s.Pre), Post: missing(s.Post)}
}

// Around puts the buildpacks around a group.
func (s System) Around(group buildpacks.Group) buildpacks.Group {
	added := s.For(group)
	return slices.Concat(added.Pre, group, added.Post)
}
