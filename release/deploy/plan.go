package deploy

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/detect"
)

// planned is who builds an app, as far as that can be told before anybody does.
type planned struct {
	selection
	detect.Plan
}

// detect opens the buildpacks and asks them.
func (d Deploy) detect(ctx context.Context, work workplace, refs []string) (p planned, err error) {
	library, err := builtin.Install(work.entry.Temp("builtin"), d.Exe)
	if err != nil {
		return p, err
	}
	if p.selection, err = d.choose(ctx, work, refs, library); err != nil {
		return p, err
	}
	switch {
	case p.by == "":
		p.Plan, err = detect.Survey(ctx, work.site, p.order, p.surveyed())
	case len(p.order) == 1:
		p.Plan, err = detect.Stage(ctx, work.site, p.order[0], p.probers())
	default:
		p.Plan, err = detect.Detect(ctx, work.site, p.order, p.probers())
	}
	if err != nil {
		return p, withRoot(err, work.sourceApp())
	}
	if rivals := d.withoutAssisted(p); len(rivals) > 0 {
		d.Voice.Warningf("%s could build this app too: %s builds, because it stands first. Pin the choice: slugc detect --pin",
			strings.Join(rivals, ", "), p.first())
	}
	return p, nil
}

// withoutAssisted are the rivals of a plan but for those whose part another
// buildpack of the group does, or was asked to do and said why not. Only groups of
// builtin buildpacks have such.
func (d Deploy) withoutAssisted(p planned) (rivals []string) {
	if p.library[p.first()] == nil {
		return p.Rivals
	}
	for _, id := range p.Rivals {
		at := slices.IndexFunc(p.Answers, func(a detect.Answer) bool { return a.ID == builtin.AssistantOf(id) })
		if at < 0 {
			rivals = append(rivals, id)
			continue
		}
		if a := p.Answers[at]; a.Verdict == buildpacks.Fail {
			d.Voice.Stepf("%s has no part in this app", id)
			for line := range strings.Lines(a.Reason) {
				d.Voice.Detailf("%s", strings.TrimRight(line, "\n"))
			}
		}
	}
	return rivals
}

// first is the first buildpack of the group that not every group has, and that is
// no assistant of another one.
func (p planned) first() string {
	for _, c := range p.Group {
		if !c.Optional && !slices.ContainsFunc(p.extra, func(m buildpacks.Member) bool { return m.ID == c.ID }) {
			return c.ID
		}
	}
	return p.Group[0].ID
}

// withRoot adds to an error what lies in a directory that nobody can build.
func withRoot(err error, dir string) error {
	if none, ok := errors.AsType[*detect.NoMatchError](err); ok {
		none.Root = rootNames(dir)
	}
	return err
}

// plans are the plans of a build in their order. Who is asked later is asked
// when all that stand before it have built.
func (p planned) plans(ctx context.Context, site buildpacks.Site) iter.Seq2[detect.Plan, error] {
	return func(yield func(detect.Plan, error) bool) {
		plan := p.Plan
		for yield(plan, nil) && len(plan.Later) > 0 {
			next, err := detect.Stage(ctx, site, membersOf(plan.Later), p.probers())
			if _, none := errors.AsType[*detect.NoMatchError](err); none && optional(plan.Later) {
				return // nobody was needed
			}
			if err != nil {
				yield(next, withRoot(err, site.AppDir().Host))
				return
			}
			plan = next
		}
	}
}

// optional is whether a build can do without all of them.
func optional(choices []detect.Choice) bool {
	return !slices.ContainsFunc(choices, func(c detect.Choice) bool { return !c.Optional })
}

// membersOf are choices as the members of a group.
func membersOf(choices []detect.Choice) buildpacks.Group {
	var group buildpacks.Group
	for _, c := range choices {
		group = append(group, buildpacks.Member{ID: c.ID, Version: c.Version, Optional: c.Optional})
	}
	return group
}

// members are all who may build, in order.
func (p planned) members() buildpacks.Group { return membersOf(slices.Concat(p.Group, p.Later)) }

// descriptors are all whose layers the cache may hold. The classic buildpacks of
// an app have one together.
func (p planned) descriptors() []buildpacks.Descriptor {
	var group []buildpacks.Descriptor
	shared := false
	for _, c := range slices.Concat(p.Group, p.Later) {
		group = append(group, c.Descriptor)
		shared = shared || c.Dialect == buildpacks.Classic
	}
	if shared {
		group = append(group, buildpacks.Descriptor{ID: classic.CacheOwner, Dialect: buildpacks.Classic})
	}
	return group
}
