package detect

import (
	"context"
	"errors"
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// Stage is Detect for one flat group that somebody chose, in which classic
// buildpacks may stand. On Heroku a buildpack is asked when those before it have
// built, and that is what some are for: they move a directory of a repository to
// its top, or write a Procfile. So a member that says no, and stands behind a
// classic one, may say yes later.
//
// Who says yes at once is not asked again, even if a classic buildpack before it
// changes the app: what members provide and require has to fit together before
// any of them builds.
//
// The plan is that of all members who can build now; Plan.Later are to be asked
// again when it has been built. It returns a *NoMatchError when waiting does not
// help.
func Stage(ctx context.Context, site buildpacks.Site, group buildpacks.Group, probers map[string]Prober) (Plan, error) {
	plan, err := Detect(ctx, site, buildpacks.Order{group}, probers)
	none, isNone := errors.AsType[*NoMatchError](err)
	if !isNone {
		return plan, err
	}
	refusal := slices.IndexFunc(group, func(m buildpacks.Member) bool { return !m.Optional && none.said(m) == buildpacks.Fail })
	last := refusal - 1
	for last >= 0 && probers[Key(group[last])].Descriptor().Dialect != buildpacks.Classic {
		last--
	}
	if last < 0 {
		return plan, err
	}
	now, nowErr := Detect(ctx, site, buildpacks.Order{group[:last+1]}, probers)
	if nowErr != nil {
		return plan, err
	}
	now.Answers = none.Answers
	for _, m := range group[last+1:] {
		now.Later = append(now.Later, Choice{Descriptor: probers[Key(m)].Descriptor(), Optional: m.Optional})
	}
	return now, nil
}

// said is the verdict of a member.
func (e *NoMatchError) said(m buildpacks.Member) buildpacks.Verdict {
	for _, a := range e.Answers {
		if a.ID == m.ID && a.Version == m.Version {
			return a.Verdict
		}
	}
	return ""
}
