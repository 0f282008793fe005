package detect

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// Resolve picks the first group of the order that can build together and
// returns its members and the dependencies they agreed on
// (CNB Buildpack API, "Phase #1: Detection").
//
// Found holds the answer of every member by its key (see Key); a member without
// an answer counts as failed. Reasons says, for every group that did not pass,
// why; it is as long as the number of groups that were tried. Passed is false
// when no group did.
func Resolve(order buildpacks.Order, found map[string]buildpacks.Detection) (r Resolution) {
	for _, group := range order {
		members, why := passing(group, found)
		if why == "" {
			var chosen trial
			if chosen, why = tryAll(nil, members); why == "" {
				r.Group, r.Entries, r.Passed = chosen.members(), newDependencies(chosen).entries(), true
				return r
			}
		}
		r.Reasons = append(r.Reasons, why)
	}
	return r
}

// Resolution is what Resolve came to.
type Resolution struct {
	Passed  bool
	Group   []buildpacks.Member
	Entries []Entry
	Reasons []string
}

// Key names a member among the detections: one buildpack at one version is
// asked once, in however many groups it stands.
func Key(m buildpacks.Member) string { return m.ID + "@" + m.Version }

// candidate is a member that passed, with the plans that it offers.
type candidate struct {
	member buildpacks.Member
	plans  []buildpacks.Alternative
}

// option is a candidate with one of its plans.
type option struct {
	member buildpacks.Member
	plan   buildpacks.Alternative
}

// trial is one option of every candidate.
type trial []option

func (t trial) members() []buildpacks.Member {
	members := make([]buildpacks.Member, len(t))
	for i, o := range t {
		members[i] = o.member
	}
	return members
}

func (t trial) without(id string) trial {
	return slices.DeleteFunc(slices.Clone(t), func(o option) bool { return o.member.ID == id })
}

// passing drops the optional members that failed. It says why when a required
// one failed or nobody is left.
func passing(group buildpacks.Group, found map[string]buildpacks.Detection) ([]candidate, string) {
	var members []candidate
	seen := map[string]bool{}
	for _, m := range group {
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		d, asked := found[Key(m)]
		switch {
		case asked && d.Verdict == buildpacks.Pass:
			plans := d.Plans
			if len(plans) == 0 {
				plans = []buildpacks.Alternative{{}}
			}
			members = append(members, candidate{m, plans})
		case !m.Optional:
			return nil, fmt.Sprintf("%s did not pass", m.ID)
		}
	}
	if len(members) == 0 {
		return nil, "none of its optional buildpacks passed"
	}
	return members, ""
}

// tryAll walks the alternatives of the candidates left to right, depth first,
// and returns the first trial that holds, or why the last one did not.
// An optional member may only be dropped at its last alternative.
func tryAll(prefix trial, rest []candidate) (trial, string) {
	if len(rest) == 0 {
		return settle(prefix)
	}
	why := ""
	for i, plan := range rest[0].plans {
		m := rest[0].member
		m.Optional = m.Optional && i == len(rest[0].plans)-1
		var chosen trial
		if chosen, why = tryAll(append(slices.Clone(prefix), option{m, plan}), rest[1:]); why == "" {
			return chosen, ""
		}
	}
	return nil, why
}

// settle drops optional members with unmet requirements or unused provisions
// until the trial holds, or says why it cannot.
func settle(t trial) (trial, string) {
	for {
		deps := newDependencies(t)
		drop := map[string]bool{}
		for _, u := range deps.unmet() {
			if !u.member.Optional {
				return nil, u.why
			}
			drop[u.member.ID] = true
		}
		if len(drop) == 0 {
			break
		}
		for id := range drop {
			t = t.without(id)
		}
	}
	if len(t) == 0 {
		return nil, "every buildpack of the group was dropped"
	}
	return t, ""
}

// dependencies collects who provides and who requires each name. A require is
// met by a provide of the same or an earlier member.
type dependencies map[string]*dependency

type dependency struct {
	providers []buildpacks.Member
	requires  []buildpacks.Requirement
	// unused are providers after the last require so far, early are members
	// that required the name before anyone provided it.
	unused, early []buildpacks.Member
}

func newDependencies(t trial) dependencies {
	deps := dependencies{}
	at := func(name string) *dependency {
		if deps[name] == nil {
			deps[name] = &dependency{}
		}
		return deps[name]
	}
	for _, o := range t {
		for _, name := range o.plan.Provides {
			d := at(name)
			d.unused = append(d.unused, o.member)
		}
		for _, req := range o.plan.Requires {
			d := at(req.Name)
			d.providers = append(d.providers, d.unused...)
			d.unused = nil
			if len(d.providers) == 0 {
				d.early = append(d.early, o.member)
				continue
			}
			d.requires = append(d.requires, req)
		}
	}
	return deps
}

// fault is a member that keeps a trial from holding.
type fault struct {
	member buildpacks.Member
	why    string
}

// unmet lists the members with unmet requires or, when there are none, those
// with unused provides, by name.
func (deps dependencies) unmet() []fault {
	names := make([]string, 0, len(deps))
	for name := range deps {
		names = append(names, name)
	}
	sort.Strings(names)
	var requires, provides []fault
	for _, name := range names {
		for _, m := range deps[name].early {
			requires = append(requires, fault{m, fmt.Sprintf("%s requires %s, which no buildpack before it provides", m.ID, name)})
		}
		for _, m := range deps[name].unused {
			provides = append(provides, fault{m, fmt.Sprintf("%s provides %s, which no buildpack requires", m.ID, name)})
		}
	}
	if len(requires) > 0 {
		return requires
	}
	return provides
}

// entries are the agreed dependencies, by name.
func (deps dependencies) entries() []Entry {
	entries := []Entry{}
	for name, d := range deps {
		if len(d.requires) == 0 {
			continue
		}
		e := Entry{Name: name, Requires: d.requires}
		for _, m := range d.providers {
			e.Providers = append(e.Providers, m.ID)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}
