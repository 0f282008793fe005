package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/stack/launch"
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
	found      map[string]buildpack
	composites map[string]buildpacks.Composite
	// by says who named the buildpacks: a file, a variable, or byFlag; empty where
	// nobody did, and all that there are are asked.
	by string
	// references are how the buildpacks were named, by detect.Key.
	references map[string]string
	// library are the builtin buildpacks by id.
	library map[string]*cnb.Buildpack
	// extra are those that project.toml and the operator add to every group.
	extra buildpacks.Group
}

// buildpack is one of any dialect.
type buildpack interface {
	detect.Prober
	build.Compiler
}

// probers are the buildpacks to ask.
func (s selection) probers() map[string]detect.Prober {
	probers := map[string]detect.Prober{}
	for key, b := range s.found {
		probers[key] = b
	}
	return probers
}

// surveyed are the buildpacks to ask about an app for which nobody chose them: then
// all the builtin ones are, and in one go.
func (s selection) surveyed() map[string]detect.Prober {
	probers := s.probers()
	var own []*cnb.Buildpack
	for _, key := range slices.Sorted(maps.Keys(probers)) {
		if b, ok := probers[key].(*cnb.Buildpack); ok && s.library[b.Descriptor().ID] == b {
			own = append(own, b)
		}
	}
	for _, b := range cnb.Jointly(own) {
		d := b.Descriptor()
		probers[detect.Key(buildpacks.Member{ID: d.ID, Version: d.Version})] = b
	}
	return probers
}

// compilers are the buildpacks that may build by id, as they build for an
// execution environment. CNBs see which one it is; a classic buildpack has a
// script for tests.
func (s selection) compilers(group buildpacks.Group, execEnv string) map[string]build.Compiler {
	compilers := map[string]build.Compiler{}
	for _, m := range group {
		b := s.found[detect.Key(m)]
		old, isClassic := b.(*classic.Buildpack)
		switch {
		case b == nil:
		case isClassic && execEnv == project.TestEnvironment:
			compilers[m.ID] = forTests{old}
		default:
			compilers[m.ID] = b
		}
	}
	return compilers
}

// add adds a buildpack and returns its place in a group.
func (s selection) add(b buildpack) buildpacks.Member {
	d := b.Descriptor()
	m := buildpacks.Member{ID: d.ID, Version: d.Version}
	s.found[detect.Key(m)] = b
	return m
}

// choose finds the buildpacks of a build, and in any case what project.toml
// wants before and after them, and around all of that what the operator does.
func (d Deploy) choose(ctx context.Context, work workplace, refs []string, library map[string]*cnb.Buildpack) (selection, error) {
	s := selection{
		found: map[string]buildpack{}, composites: map[string]buildpacks.Composite{}, library: library,
		references: map[string]string{},
	}
	c := chooser{deploy: d, work: work, selection: s, copied: map[string]string{}}
	order, by, err := c.order(ctx, refs)
	if err != nil {
		return selection{}, err
	}
	c.by = by
	pre, err := c.described(ctx, "pre", work.wishes.project.Pre)
	if err != nil {
		return selection{}, err
	}
	post, err := c.described(ctx, "post", work.wishes.project.Post)
	if err != nil {
		return selection{}, err
	}
	around, err := c.system(ctx)
	if err != nil {
		return selection{}, err
	}
	c.extra = slices.Concat(pre, post, around.Pre, around.Post)
	for i, group := range order {
		group = d.surround(slices.Concat(pre, group, post), around)
		order[i] = withProcfile(group, s.add(library[procfileID]))
	}
	c.selection.order, err = detect.Expand(order, s.composites)
	return c.selection, err
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
	// copied are the directories of the classic buildpacks that were copied, by
	// id.
	copied map[string]string
}

// order is the order without what project.toml adds to it: the buildpacks that
// the person names, else those that the app names, in project.toml or in the
// ways of Heroku, else those that are asked about any app. By is who named them.
func (c chooser) order(ctx context.Context, refs []string) (order buildpacks.Order, by string, err error) {
	if len(refs) > 0 {
		group, err := c.group(ctx, refs)
		return buildpacks.Order{group}, byFlag, err
	}
	group, err := c.described(ctx, "group", c.work.wishes.project.Group)
	if err != nil || len(group) > 0 {
		return buildpacks.Order{group}, project.FileName, err
	}
	chosen, where := c.work.wishes.choice(c.work.site.ExecEnv, c.work.buildpackURL)
	if len(chosen) > 0 {
		group, err := c.herokus(ctx, chosen, where)
		return buildpacks.Order{group}, where, err
	}
	for _, ref := range c.deploy.Asked {
		group, err := c.group(ctx, []string{ref})
		if err != nil {
			return nil, "", err
		}
		order = append(order, group)
	}
	for _, group := range builtin.Order() {
		for i, m := range group {
			group[i].Version = c.add(c.library[m.ID]).Version
		}
		order = append(order, group)
	}
	return order, "", nil
}

// group is the buildpacks that references name.
func (c chooser) group(ctx context.Context, refs []string) (buildpacks.Group, error) {
	var group buildpacks.Group
	for _, ref := range refs {
		m, err := c.reference(ctx, ref)
		if err != nil {
			return nil, err
		}
		c.references[detect.Key(m)] = ref
		group = append(group, m)
	}
	return group, nil
}

// herokus is the buildpacks that an app names as apps on Heroku do. Of Heroku's
// own those for which there is a builtin one are that.
func (c chooser) herokus(ctx context.Context, chosen []project.Reference, where string) (group buildpacks.Group, err error) {
	c.deploy.Voice.Stepf("Buildpacks are chosen by %s", where)
	if c.work.buildpackURL != "" && where != buildpackURL {
		c.deploy.Voice.Warningf("%s is not used, because %s names buildpacks", buildpackURL, where)
	}
	var refs []string
	for _, r := range chosen {
		ref := r.URI
		if r.Name != "" {
			ref = r.Name
			if language, own := strings.CutPrefix(r.Name, "heroku/"); own && c.library["slugc/"+language] != nil {
				ref = "slugc/" + language
				c.deploy.Voice.Detailf("%s builds in place of %s", ref, r.Name)
			}
			if c.library[ref] == nil {
				return nil, &fetch.RefError{Ref: r.Text, Err: fmt.Errorf("%s names it: %w", where, registryName(r))}
			}
		} else if where == buildpackURL {
			if !filepath.IsAbs(ref) && !strings.Contains(ref, ":") {
				ref = filepath.Join(c.work.sourceApp(), ref)
			}
		} else if ref, err = c.ofApp(ref, where); err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return c.group(ctx, refs)
}

// address is a reference that is no path: SCHEME://..., oci:..., or USER@HOST:PATH
// as ssh has it. Whatever else has a colon in it is a path.
var address = regexp.MustCompile(`^(?:([A-Za-z][A-Za-z0-9+.-]*)://|(oci|oci-archive):|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:)`)

// ofApp is a reference that stands in a file of the app. An app may be anybody's:
// of this machine it can name what lies in it, or in the repository that it is a
// directory of, and nothing else.
func (c chooser) ofApp(ref, where string) (string, error) {
	refuse := func(err error) error {
		return &fetch.RefError{Ref: ref, Err: fmt.Errorf("%s names it: %w; what lies elsewhere on this machine is named with -b", where, err)}
	}
	if match := address.FindStringSubmatch(ref); match != nil {
		switch scheme := strings.ToLower(match[1] + match[2]); scheme {
		case "file", "git+file", "oci", "oci-archive":
			return "", refuse(errors.New("an app can name paths in it, such as ./DIRECTORY, and no " + scheme + ": of this machine"))
		}
		return ref, nil
	}
	path, fragment, named := strings.Cut(ref, "#")
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.work.sourceApp(), path)
	}
	if _, err := within(repositoryOf(c.work.source.Dir), path); err != nil {
		return "", refuse(err)
	}
	if named {
		path += "#" + fragment
	}
	return path, nil
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
	if fetched.Classic != nil {
		return c.classic(fetched.Classic)
	}
	for _, b := range fetched.Buildpacks {
		c.add(b)
	}
	for _, composite := range fetched.Composites {
		c.composites[detect.Key(buildpacks.Member{ID: composite.ID, Version: composite.Version})] = composite
	}
	return fetched.Root, nil
}

// classic adds a classic buildpack, as a copy for this build. Two that have one
// name, but are not the same, get different ids; nor does one get that of a
// builtin buildpack.
func (c chooser) classic(b *classic.Buildpack) (buildpacks.Member, error) {
	d := b.Descriptor()
	id := d.ID
	for n := 2; c.taken(id, b.Dir()); n++ {
		id = fmt.Sprintf("%s-%d", d.ID, n)
	}
	m := buildpacks.Member{ID: id, Version: d.Version}
	if c.copied[id] != "" {
		c.deploy.Voice.Warningf("%s is named twice and builds once", id)
		return m, nil
	}
	own, err := b.Named(id, d.Version).ForBuild(c.work.entry.Temp(filepath.Join("classic", launch.EscapeID(id))))
	if err != nil {
		return m, err
	}
	c.copied[id] = b.Dir()
	return c.add(own), nil
}

// taken says whether an id is another buildpack's. Ids that differ but would have
// one directory of layers are one.
func (c chooser) taken(id, dir string) bool {
	same := func(other string) bool { return launch.EscapeID(other) == launch.EscapeID(id) }
	for other := range c.library {
		if same(other) {
			return true
		}
	}
	for _, b := range c.found {
		if other := b.Descriptor().ID; same(other) && (other != id || c.copied[id] != dir) {
			return true
		}
	}
	return false
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
		ref, err := c.ofApp(b.URI, project.FileName)
		if err != nil {
			return buildpacks.Member{}, err
		}
		return c.reference(ctx, ref)
	}
	known := c.library[b.ID]
	if known == nil || b.Version != "" && b.Version != known.Descriptor().Version {
		ref := buildpacks.Descriptor{ID: b.ID, Version: b.Version}.String()
		return buildpacks.Member{}, &fetch.RefError{Ref: ref, Err: errors.New(
			project.FileName + " names it by id, and no builtin buildpack is that; add its uri")}
	}
	return c.add(known), nil
}
