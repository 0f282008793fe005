package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
)

// procfileID is the buildpack that joins every group: what a Procfile says
// stands above what buildpacks propose.
const procfileID = "slugc/procfile"

// selection are the buildpacks of a build and the order in which they are
// tried.
type selection struct {
	order buildpacks.Order
	// found are the buildpacks that run, and composites the orders of others,
	// by detect.Key.
	found      map[string]*cnb.Buildpack
	composites map[string]buildpacks.Composite
	// library are the builtin buildpacks by id.
	library map[string]*cnb.Buildpack
}

// probers are the buildpacks to ask.
func (s selection) probers() map[string]detect.Prober {
	probers := map[string]detect.Prober{}
	for key, b := range s.found {
		probers[key] = b
	}
	return probers
}

// compilers are the buildpacks of a plan by id.
func (s selection) compilers(plan detect.Plan) map[string]build.Compiler {
	compilers := map[string]build.Compiler{}
	for _, c := range plan.Group {
		if b := s.found[detect.Key(buildpacks.Member{ID: c.ID, Version: c.Version})]; b != nil {
			compilers[c.ID] = b
		}
	}
	return compilers
}

// add adds a buildpack and returns its place in a group.
func (s selection) add(b *cnb.Buildpack) buildpacks.Member {
	d := b.Descriptor()
	m := buildpacks.Member{ID: d.ID, Version: d.Version}
	s.found[detect.Key(m)] = b
	return m
}

// choose finds the buildpacks of a build: those that the person names, else
// those of the app's project.toml, else the builtin ones, and in any case what
// project.toml wants before and after them.
func (d Deploy) choose(ctx context.Context, work workplace, refs []string, library map[string]*cnb.Buildpack) (selection, error) {
	s := selection{
		found: map[string]*cnb.Buildpack{}, composites: map[string]buildpacks.Composite{}, library: library,
	}
	c := chooser{deploy: d, work: work, selection: s}
	order, err := c.order(ctx, refs)
	if err != nil {
		return selection{}, err
	}
	pre, err := c.described(ctx, "pre", work.project.Pre)
	if err != nil {
		return selection{}, err
	}
	post, err := c.described(ctx, "post", work.project.Post)
	if err != nil {
		return selection{}, err
	}
	for i, group := range order {
		order[i] = withProcfile(slices.Concat(pre, group, post), s.add(library[procfileID]))
	}
	s.order, err = detect.Expand(order, s.composites)
	return s, err
}

// withProcfile puts the buildpack that reads the Procfile at the end of a
// group, unless the group names it itself.
func withProcfile(group buildpacks.Group, procfile buildpacks.Member) buildpacks.Group {
	at := slices.IndexFunc(group, func(m buildpacks.Member) bool { return m.ID == procfileID })
	if at >= 0 && !group[at].Optional {
		return group
	}
	if at >= 0 {
		group = slices.Delete(group, at, at+1)
	}
	procfile.Optional = true
	return append(group, procfile)
}

// chooser fills a selection.
type chooser struct {
	selection
	deploy Deploy
	work   workplace
}

// order is the order without what project.toml adds to it.
func (c chooser) order(ctx context.Context, refs []string) (buildpacks.Order, error) {
	if len(refs) > 0 {
		var group buildpacks.Group
		for _, ref := range refs {
			m, err := c.reference(ctx, ref)
			if err != nil {
				return nil, err
			}
			group = append(group, m)
		}
		return buildpacks.Order{group}, nil
	}
	group, err := c.described(ctx, "group", c.work.project.Group)
	if err != nil || len(group) > 0 {
		return buildpacks.Order{group}, err
	}
	order := builtin.Order()
	for _, group := range order {
		for i, m := range group {
			group[i].Version = c.add(c.library[m.ID]).Version
		}
	}
	return order, nil
}

// reference is the buildpack that a reference names: a builtin id, or one to
// fetch.
func (c chooser) reference(ctx context.Context, ref string) (buildpacks.Member, error) {
	if b := c.library[ref]; b != nil {
		return c.add(b), nil
	}
	fetched, err := c.deploy.Fetch(ctx, ref)
	if err != nil {
		return buildpacks.Member{}, err
	}
	for _, b := range fetched.Buildpacks {
		c.add(b)
	}
	for _, composite := range fetched.Composites {
		c.composites[detect.Key(buildpacks.Member{ID: composite.ID, Version: composite.Version})] = composite
	}
	return fetched.Root, nil
}

// described are the buildpacks of a list of project.toml.
func (c chooser) described(ctx context.Context, list string, all []project.Buildpack) (buildpacks.Group, error) {
	var group buildpacks.Group
	for i, b := range all {
		if !b.For(cmp.Or(c.work.site.ExecEnv, buildpacks.DefaultExecEnv)) {
			continue
		}
		m, err := c.one(ctx, fmt.Sprintf("%s-%d", list, i), b)
		if err != nil {
			return nil, err
		}
		group = append(group, m)
	}
	return group, nil
}

func (c chooser) one(ctx context.Context, name string, b project.Buildpack) (buildpacks.Member, error) {
	switch {
	case b.Script != nil:
		dir := c.work.entry.Temp(filepath.Join("inline", name))
		if err := b.InlineBuildpack(dir); err != nil {
			return buildpacks.Member{}, err
		}
		opened, err := cnb.Open(dir)
		if err != nil {
			return buildpacks.Member{}, fmt.Errorf("the script %s of %s: %w", b.ID, project.FileName, err)
		}
		return c.add(opened), nil
	case b.URI != "":
		return c.reference(ctx, b.URI)
	}
	known := c.library[b.ID]
	if known == nil || b.Version != "" && b.Version != known.Descriptor().Version {
		ref := buildpacks.Descriptor{ID: b.ID, Version: b.Version}.String()
		return buildpacks.Member{}, &fetch.RefError{Ref: ref, Err: errors.New(
			project.FileName + " names it by id, and no builtin buildpack is that; add its uri")}
	}
	return c.add(known), nil
}
