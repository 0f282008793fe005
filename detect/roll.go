package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// roll is who has a seat in which group of an order, for one build.
type roll struct {
	// all are the buildpacks that the order names, by first mention.
	all    []*inquiry
	groups [][]seat
	// chosen is the group that passed, once one did.
	chosen int
	// tell is told of every group that is tried; it may be nil.
	tell func([]Seat)
}

// seat is a place in a group.
type seat struct {
	member buildpacks.Member
	*inquiry
	// ask: what it answers counts. Without that it counts as no.
	ask bool
}

// newRoll gives the members of the order their seats. A buildpack for another
// execution environment has none, required or not, and neither has a second
// one of an id that has.
//
// A buildpack that does not fit the target has a seat. Where it is required,
// the answer is no without asking (CNB Buildpack API, "Phase #1: Detection").
// Where it is optional, the specification leaves it open, and it is asked as by
// the reference lifecycle, which also remembers: once required in vain, it is
// not asked any more.
func newRoll(site buildpacks.Site, order buildpacks.Order, probers map[string]Prober) (*roll, error) {
	versions := map[string][]string{}
	for _, p := range probers {
		d := p.Descriptor()
		name := Name(memberOf(d))
		versions[name] = append(versions[name], d.Version)
	}
	r := &roll{}
	inquiries := map[string]*inquiry{}
	refused := map[*inquiry]bool{}
	for _, group := range order {
		var seats []seat
		for _, m := range group {
			if have := versions[Name(m)]; m.Version == "" && len(have) == 1 {
				m.Version = have[0]
			}
			prober := probers[Key(m)]
			if prober == nil {
				return nil, missing(m, versions[Name(m)])
			}
			q := inquiries[Key(m)]
			if q == nil {
				q = &inquiry{prober: prober, descriptor: prober.Descriptor(), answered: make(chan struct{})}
				q.misfit = misfit(q.descriptor, site)
				inquiries[Key(m)] = q
				r.all = append(r.all, q)
			}
			s := seat{member: m, inquiry: q}
			if slices.ContainsFunc(seats, func(other seat) bool { return other.inquiry == q }) {
				continue
			}
			if why := s.leaves(site, seats); why != "" {
				q.left = why
				continue
			}
			refused[q] = refused[q] || s.unfit()
			s.ask = !refused[q]
			seats = append(seats, s)
		}
		r.groups = append(r.groups, seats)
	}
	return r, nil
}

// memberOf is a buildpack as a required member.
func memberOf(d buildpacks.Descriptor) buildpacks.Member {
	return buildpacks.Member{ID: d.ID, Version: d.Version, Extension: d.Extension}
}

func missing(m buildpacks.Member, have []string) *MissingError {
	slices.Sort(have)
	name := Key(m)
	if m.Version == "" {
		name = Name(m)
	}
	return &MissingError{Member: name, Have: have}
}

// unfit reports whether a buildpack that does not fit the target is required.
func (s seat) unfit() bool { return s.misfit != "" && !s.member.Optional }

// leaves says why the buildpack gets no seat besides those that are taken.
func (s seat) leaves(site buildpacks.Site, taken []seat) string {
	for _, other := range taken {
		if Name(other.member) == Name(s.member) {
			return fmt.Sprintf("version %s of it stands before it in its group", other.descriptor.Version)
		}
	}
	envs := s.member.ExecEnvs
	// As in the reference lifecycle, the target comes before what the buildpack
	// itself says of execution environments.
	if !s.unfit() {
		envs = envs.And(buildpacks.NewExecEnvs(s.descriptor.ExecEnvs))
	}
	if envs.Has(site.ExecEnv) {
		return ""
	}
	return fmt.Sprintf("is for execution environment %s, this build is for %s", envs, cmp.Or(site.ExecEnv, buildpacks.DefaultExecEnv))
}

// misfit says what keeps a buildpack from building for the site's target.
func misfit(d buildpacks.Descriptor, site buildpacks.Site) string {
	t := site.Stack.Target
	if d.Fits(t) {
		return ""
	}
	distro := false
	var own []string
	for _, target := range d.Targets {
		own = append(own, target.String())
		distro = distro || len(target.Distros) > 0
	}
	this := buildpacks.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
	if distro {
		this.Distros = []buildpacks.Distro{{Name: t.DistroName, Version: t.DistroVersion}}
	}
	s := fmt.Sprintf("is for %s, this build is for %s", strings.Join(own, ", "), this)
	if distro && t.DistroName == "" && t.DistroVersion == "" {
		s += " on an unknown distribution"
	}
	return s
}

// questions are the buildpacks whose answers may count, by first use.
func (r *roll) questions() []*inquiry {
	var all []*inquiry
	known := map[*inquiry]bool{}
	for _, group := range r.groups {
		for _, s := range group {
			if s.ask && !known[s.inquiry] {
				known[s.inquiry] = true
				all = append(all, s.inquiry)
			}
		}
	}
	return all
}

// members are those of a group that have a seat.
func members(group []seat) buildpacks.Group {
	all := make(buildpacks.Group, len(group))
	for i, s := range group {
		all[i] = s.member
	}
	return all
}

// answers tells what the seats of a group answered.
func answers(group []seat) func(buildpacks.Member) (buildpacks.Detection, bool) {
	return func(m buildpacks.Member) (buildpacks.Detection, bool) {
		i := slices.IndexFunc(group, func(s seat) bool { return Name(s.member) == Name(m) })
		if !group[i].ask {
			return buildpacks.Detection{}, false
		}
		return group[i].detection, true
	}
}

// tried notes that a group did not pass.
func (r *roll) tried(group []seat, why string) {
	for _, s := range group {
		s.called = true
		if s.blame == "" {
			s.blame = why
		}
	}
}

// plan tells what a resolution means for every buildpack of the order. Group is
// the one that passed; nil when none did.
func (r *roll) plan(resolved Resolution, group []seat) Plan {
	plan := Plan{Entries: resolved.Entries}
	for _, s := range group {
		s.called = true
		if why, dropped := resolved.Dropped[Name(s.member)]; dropped {
			s.blame = why
		}
	}
	for _, m := range resolved.Group {
		s := group[slices.IndexFunc(group, func(s seat) bool { return Name(s.member) == Name(m) })]
		choice := Choice{s.descriptor, m.Optional, s.detection.Found}
		if m.Extension {
			plan.Extensions = append(plan.Extensions, choice)
			continue
		}
		plan.Group = append(plan.Group, choice)
	}
	plan.Later = later(group)
	plan.Answers = r.answers(plan.Chosen())
	return plan
}

// later are the optional members at the end of a group that said no and stand
// behind a classic one.
func later(group []seat) []Choice {
	first := slices.IndexFunc(group, func(s seat) bool { return s.descriptor.Dialect == buildpacks.Classic })
	if first < 0 {
		return nil
	}
	end := len(group)
	for end > first+1 && group[end-1].member.Optional && group[end-1].detection.Verdict == buildpacks.Fail {
		end--
	}
	var all []Choice
	for _, s := range group[end:] {
		all = append(all, Choice{Descriptor: s.descriptor, Optional: true})
	}
	return all
}

// answers are those of all buildpacks, where a group was chosen, or none.
func (r *roll) answers(chosen []Choice) []Answer {
	var all []Answer
	for _, q := range r.all {
		a := q.answer()
		builds := slices.ContainsFunc(chosen, func(c Choice) bool { return Key(memberOf(c.Descriptor)) == Key(memberOf(q.descriptor)) })
		if len(chosen) > 0 && a.Verdict == buildpacks.Pass && !builds {
			a.Reason = "passed, but " + q.blame
		}
		all = append(all, a)
	}
	return all
}
