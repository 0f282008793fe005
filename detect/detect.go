package detect

import (
	"context"
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// Prober is a buildpack that can be asked whether it can build an app.
// An error of its own making is a Detection with the verdict Error; the
// returned error is for what keeps anyone from asking: the context ended, or
// the sandbox could not start.
type Prober interface {
	Descriptor() buildpacks.Descriptor
	Probe(ctx context.Context, site buildpacks.Site) (buildpacks.Detection, error)
}

// Detect asks the buildpacks of a flat order (see Expand) and picks the first
// group that can build together. Probers are the buildpacks there are, by Key;
// a member without a version means the only one of its id.
//
// It asks each buildpack at most once, several at a time, in the order in which
// they stand, until a group passes. Who was not asked, or asked in vain, is in
// the plan's answers with why; what they say depends on the order and on the
// buildpacks alone, not on who was faster.
//
// It returns a *NoMatchError when no group passes and a *MissingError when the
// order names a buildpack that is not there.
func Detect(ctx context.Context, site buildpacks.Site, order buildpacks.Order, probers map[string]Prober) (Plan, error) {
	return detect(ctx, site, order, probers, (*roll).resolve)
}

// Survey is Detect for an order that nobody chose for the app: it asks all
// buildpacks, so that the plan also tells who else could build (Plan.Rivals).
func Survey(ctx context.Context, site buildpacks.Site, order buildpacks.Order, probers map[string]Prober) (Plan, error) {
	return detect(ctx, site, order, probers, (*roll).survey)
}

// Seat is a buildpack in a group that is tried; see Watch.
type Seat struct {
	Choice
	// Asked tells a buildpack that was asked from one that is required and does
	// not fit the target.
	Asked bool
	// Detection is what it said when it was asked.
	Detection buildpacks.Detection
}

// Watch is Detect that tells of each group that it tries, when all who were asked
// in it have answered and before it is resolved.
func Watch(ctx context.Context, site buildpacks.Site, order buildpacks.Order, probers map[string]Prober, tell func([]Seat)) (Plan, error) {
	return detect(ctx, site, order, probers, func(r *roll, ctx context.Context) (Plan, error) {
		r.tell = tell
		return r.resolve(ctx)
	})
}

func detect(ctx context.Context, site buildpacks.Site, order buildpacks.Order, probers map[string]Prober,
	use func(*roll, context.Context) (Plan, error),
) (Plan, error) {
	roll, err := newRoll(site, order, probers)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	err = asking(ctx, site, roll.questions(), func() error {
		plan, err = use(roll, ctx)
		return err
	})
	return plan, err
}

// resolve tries group by group.
func (r *roll) resolve(ctx context.Context) (Plan, error) {
	var reasons []string
	resolver := newResolver()
	for i, group := range r.groups {
		resolved, err := r.try(ctx, resolver, group)
		if err != nil {
			return Plan{}, err
		}
		if resolved.Passed {
			r.chosen = i
			return r.plan(resolved, group), nil
		}
		reasons = append(reasons, resolved.Reasons...)
		r.tried(group, resolved.Reasons[0])
	}
	plan := r.plan(Resolution{}, nil)
	return plan, &NoMatchError{Answers: plan.Answers, Reasons: reasons}
}

// try resolves one group, when those in it have answered.
func (r *roll) try(ctx context.Context, resolver *resolver, group []seat) (Resolution, error) {
	for _, s := range group {
		if !s.ask {
			continue
		}
		if err := s.wait(ctx); err != nil {
			return Resolution{}, err
		}
	}
	if r.tell != nil {
		r.tell(seats(group))
	}
	return resolver.group(members(group), answers(group)), nil
}

// seats is a group as others see it.
func seats(group []seat) []Seat {
	all := make([]Seat, len(group))
	for i, s := range group {
		all[i] = Seat{Choice: Choice{Descriptor: s.descriptor, Optional: s.member.Optional}, Asked: s.ask}
		if s.ask {
			all[i].Detection = s.detection
		}
	}
	return all
}

// survey tries all groups.
func (r *roll) survey(ctx context.Context) (Plan, error) {
	plan, err := r.resolve(ctx)
	if err != nil {
		return plan, err
	}
	resolver := newResolver()
	for _, group := range r.groups[r.chosen+1:] {
		resolved, err := r.try(ctx, resolver, group)
		if err != nil {
			return Plan{}, err
		}
		if !resolved.Passed {
			r.tried(group, resolved.Reasons[0])
			continue
		}
		r.tried(group, "another buildpack stands before it in the order")
		for _, m := range resolved.Group {
			if !m.Optional && !slices.ContainsFunc(plan.Group, func(c Choice) bool { return c.ID == m.ID }) && !slices.Contains(plan.Rivals, m.ID) {
				plan.Rivals = append(plan.Rivals, m.ID)
			}
		}
	}
	plan.Answers = r.answers(plan.Chosen())
	return plan, nil
}
