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
	// later are asked when the plan is built; see detect.Stage.
	later buildpacks.Group
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
		p.Plan, err = detect.Survey(ctx, work.site, p.order, p.probers())
	case len(p.order) == 1:
		p.Plan, p.later, err = detect.Stage(ctx, work.site, p.order[0], p.probers())
	default:
		p.Plan, err = detect.Detect(ctx, work.site, p.order, p.probers())
	}
	if err != nil {
		return p, withRoot(err, work.source.Dir)
	}
	for _, m := range p.later {
		p.Later = append(p.Later, m.ID)
	}
	if len(p.Rivals) > 0 {
		d.Voice.Warningf("%s could build this app too: %s builds, because it stands first. Pin the choice: slugc detect --pin",
			strings.Join(p.Rivals, " and "), p.Group[0].ID)
	}
	return p, nil
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
		plan, later, err := p.Plan, p.later, error(nil)
		for {
			if _, none := errors.AsType[*detect.NoMatchError](err); none && optional(later) {
				return // nobody was needed
			}
			if !yield(plan, withRoot(err, site.App.Host)) || len(later) == 0 {
				return
			}
			asked := later
			plan, later, err = detect.Stage(ctx, site, asked, p.probers())
			if err != nil {
				later = asked
			}
		}
	}
}

// optional is whether a group can do without all of its members.
func optional(group buildpacks.Group) bool {
	return !slices.ContainsFunc(group, func(m buildpacks.Member) bool { return !m.Optional })
}

// members are all who may build, in order.
func (p planned) members() buildpacks.Group {
	var group buildpacks.Group
	for _, c := range p.Group {
		group = append(group, buildpacks.Member{ID: c.ID, Version: c.Version})
	}
	return append(group, p.later...)
}

// descriptors are all whose layers the cache may hold. The classic buildpacks of
// an app have one together.
func (p planned) descriptors() []buildpacks.Descriptor {
	var group []buildpacks.Descriptor
	shared := false
	for _, m := range p.members() {
		by := p.found[detect.Key(m)].Descriptor()
		group = append(group, by)
		shared = shared || by.Dialect == buildpacks.Classic
	}
	if shared {
		group = append(group, buildpacks.Descriptor{ID: classic.CacheOwner, Dialect: buildpacks.Classic})
	}
	return group
}
