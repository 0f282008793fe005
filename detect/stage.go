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
// The plan is that of all members who can build now. Those in later have to be
// asked again when the plan has been built; without classic members there are
// none. It returns a *NoMatchError when waiting does not help.
func Stage(ctx context.Context, site buildpacks.Site, group buildpacks.Group, probers map[string]Prober) (plan Plan, later buildpacks.Group, err error) {
	plan, err = Detect(ctx, site, buildpacks.Order{group}, probers)
	classic := func(m buildpacks.Member) bool {
		p := probers[Key(m)]
		return p != nil && p.Descriptor().Dialect == buildpacks.Classic
	}
	if none, isNone := errors.AsType[*NoMatchError](err); isNone {
		refusal := slices.IndexFunc(group, func(m buildpacks.Member) bool { return !m.Optional && said(none.Answers, m) == buildpacks.Fail })
		if refusal < 0 {
			return plan, nil, err
		}
		for last, m := range slices.Backward(group[:refusal]) {
			if !classic(m) {
				continue
			}
			if now, nowErr := Detect(ctx, site, buildpacks.Order{group[:last+1]}, probers); nowErr == nil {
				now.Answers = none.Answers
				return now, group[last+1:], nil
			}
			break
		}
	}
	if err != nil {
		return plan, nil, err
	}
	// What is optional may be of use later, behind the last one that builds.
	first := slices.IndexFunc(group, classic)
	for i, m := range slices.Backward(group) {
		if i <= first || first < 0 || !m.Optional || said(plan.Answers, m) != buildpacks.Fail {
			break
		}
		later = append(buildpacks.Group{m}, later...)
	}
	return plan, later, nil
}

// said is the verdict of a member.
func said(answers []Answer, m buildpacks.Member) buildpacks.Verdict {
	for _, a := range answers {
		if a.ID == m.ID && (m.Version == "" || a.Version == m.Version) {
			return a.Verdict
		}
	}
	return ""
}
