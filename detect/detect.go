package detect

import (
	"context"

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
	roll, err := newRoll(site, order, probers)
	if err != nil {
		return Plan{}, err
	}
	var plan Plan
	err = asking(ctx, site, roll.questions(), func() error {
		plan, err = roll.resolve(ctx)
		return err
	})
	return plan, err
}

// resolve tries group by group.
func (r *roll) resolve(ctx context.Context) (Plan, error) {
	var reasons []string
	resolver := newResolver()
	for _, group := range r.groups {
		for _, s := range group {
			if !s.ask {
				continue
			}
			if err := s.wait(ctx); err != nil {
				return Plan{}, err
			}
		}
		resolved := resolver.group(members(group), answers(group))
		if resolved.Passed {
			return r.plan(resolved, group), nil
		}
		reasons = append(reasons, resolved.Reasons...)
		r.tried(group, resolved.Reasons[0])
	}
	plan := r.plan(Resolution{}, nil)
	return plan, &NoMatchError{Answers: plan.Answers, Reasons: reasons}
}
