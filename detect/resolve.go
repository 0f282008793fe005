package detect

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// Resolve picks the first group of a flat order (see Expand) that can build
// together and returns its members and the dependencies they agreed on
// (CNB Buildpack API, "Phase #1: Detection").
//
// Found holds the answer of every member by its key (see Key); a member without
// an answer counts as failed. It is a pure function.
func Resolve(order buildpacks.Order, found map[string]buildpacks.Detection) Resolution {
	var all Resolution
	r := newResolver()
	for _, group := range order {
		one := r.group(group, func(m buildpacks.Member) (buildpacks.Detection, bool) {
			d, asked := found[Key(m)]
			return d, asked
		})
		if one.Passed {
			one.Reasons = all.Reasons
			return one
		}
		all.Reasons = append(all.Reasons, one.Reasons...)
	}
	return all
}

// Resolution is what Resolve came to.
type Resolution struct {
	// Passed is false when no group passed.
	Passed bool
	// Group are the members that build, in order.
	Group []buildpacks.Member
	// Entries are the dependencies they agreed on, by name.
	Entries []Entry
	// Dropped says, by Name, why optional members of the group that passed do
	// not build although they passed.
	Dropped map[string]string
	// Reasons say, for every group that did not pass before the one that did,
	// why.
	Reasons []string
}

// Key names a member among the detections: one buildpack at one version is
// asked once, in however many groups it stands.
func Key(m buildpacks.Member) string { return Name(m) + "@" + m.Version }

// Name is the id of a member, which for an image extension has "extension " before
// it: each stands in a group once.
func Name(m buildpacks.Member) string {
	if m.Extension {
		return "extension " + m.ID
	}
	return m.ID
}

// maxLookups bounds the work of one Resolve, in names of build plans looked at.
// The trials of a group are the product of what its members offer, and picking
// the right ones is as hard as covering a set; groups in use need some
// thousands of lookups, this many take about a second.
const maxLookups = 1_000_000

// resolver resolves groups, until its lookups are used up.
type resolver struct {
	lookups int
}

func newResolver() *resolver { return &resolver{lookups: maxLookups} }

// group resolves one group.
func (r *resolver) group(group buildpacks.Group, found func(buildpacks.Member) (buildpacks.Detection, bool)) Resolution {
	members, why := passing(group, found)
	if why != "" {
		return Resolution{Reasons: []string{why}}
	}
	chosen, why := r.try(trial{}, members, 0, lastRequired(members))
	if why != "" {
		return Resolution{Reasons: []string{why}}
	}
	return Resolution{
		Passed: true, Group: chosen.members(), Entries: newDependencies(chosen.options).entries(), Dropped: chosen.dropped,
	}
}

// candidate is a member that passed, with the plans that it offers.
type candidate struct {
	member buildpacks.Member
	plans  []buildpacks.Alternative
}

// passing drops the optional members that failed. It says why when a required
// one failed or nobody is left.
func passing(group buildpacks.Group, found func(buildpacks.Member) (buildpacks.Detection, bool)) ([]candidate, string) {
	var members []candidate
	seen := map[string]bool{}
	builds := false
	for _, m := range group {
		if seen[Name(m)] {
			continue
		}
		seen[Name(m)] = true
		d, asked := found(m)
		switch {
		case asked && d.Verdict == buildpacks.Pass:
			plans := d.Plans
			if len(plans) == 0 {
				plans = []buildpacks.Alternative{{}}
			}
			members = append(members, candidate{m, plans})
			builds = builds || !m.Extension
		case !m.Optional:
			return nil, fmt.Sprintf("%s did not pass", m.ID)
		}
	}
	switch {
	case len(group) == 0:
		return nil, "it has no buildpack for this build"
	case !builds:
		return nil, "none of its optional buildpacks passed"
	}
	return members, ""
}

// lastRequired tells, of every name that any plan requires, the last member
// that may require it, by index.
func lastRequired(members []candidate) map[string]int {
	last := map[string]int{}
	for i, c := range members {
		for _, plan := range c.plans {
			for _, req := range plan.Requires {
				last[req.Name] = i
			}
		}
	}
	return last
}

// option is a candidate with one of its plans.
type option struct {
	member buildpacks.Member
	plan   buildpacks.Alternative
	// droppable: the member is optional, and this is its last alternative.
	droppable bool
}

// trial is one option of every candidate up to some index, without those that
// were dropped.
type trial struct {
	options []option
	// dropped says, by Name, why.
	dropped map[string]string
}

func (t trial) members() []buildpacks.Member {
	members := make([]buildpacks.Member, len(t.options))
	for i, o := range t.options {
		members[i] = o.member
	}
	return members
}

// try walks the alternatives of the candidates from index next on, left to
// right, depth first, and returns the first trial that holds, or why the last
// one did not. An optional member may only be dropped at its last alternative.
//
// A trial is settled as it grows: what a later member cannot mend fails or
// drops a member at once, so that the trials that share its beginning need not
// be tried. That changes no result, for dropping a member can only bring more
// faults, never mend one.
func (r *resolver) try(t trial, candidates []candidate, next int, last map[string]int) (trial, string) {
	if next == len(candidates) {
		if len(t.options) == 0 {
			return trial{}, "every buildpack of the group was dropped"
		}
		return t, ""
	}
	why := ""
	c := candidates[next]
	for i, plan := range c.plans {
		longer := trial{append(slices.Clip(t.options), option{c.member, plan, c.member.Optional && i == len(c.plans)-1}), t.dropped}
		if longer, why = r.settle(longer, next, last); why != "" {
			continue
		}
		var chosen trial
		if chosen, why = r.try(longer, candidates, next+1, last); why == "" {
			return chosen, ""
		}
	}
	return trial{}, why
}

// settle drops optional members with unmet requirements or unused provisions
// until the trial holds, or says why it cannot. A provision is not unused as
// long as a member after index now may require it.
func (r *resolver) settle(t trial, now int, last map[string]int) (trial, string) {
	for {
		for _, o := range t.options {
			r.lookups -= 1 + len(o.plan.Provides) + len(o.plan.Requires)
		}
		if r.lookups < 0 {
			return trial{}, "its buildpacks offer too many combinations of build plans to try; expected fewer alternatives"
		}
		drop := map[string]string{}
		for _, f := range newDependencies(t.options).unmet(func(name string) bool { return last[name] > now }) {
			if !f.droppable {
				return trial{}, f.why
			}
			if drop[Name(f.member)] == "" {
				drop[Name(f.member)] = f.why
			}
		}
		if len(drop) == 0 {
			return t, ""
		}
		t.options = slices.DeleteFunc(slices.Clone(t.options), func(o option) bool { return drop[Name(o.member)] != "" })
		maps.Copy(drop, t.dropped)
		t.dropped = drop
	}
}
