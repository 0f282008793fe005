package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// local is the directory of the buildpack, if it is one of this machine.
func (c config) local() string {
	at, named := strings.CutPrefix(c.buildpack, "file://")
	if !named && strings.Contains(at, "://") {
		return ""
	}
	if !filepath.IsAbs(at) {
		at = filepath.Join(c.base, at)
	}
	if _, err := os.Stat(filepath.Join(at, descriptorFile)); err != nil {
		return ""
	}
	return at
}

// platforms are the platforms of the images: those that were asked for, else
// those that the files name.
func (c config) platforms(asked []buildpacks.Target) ([]buildpacks.Target, error) {
	if len(asked) == 0 {
		asked = c.targets
	}
	dir := c.local()
	if len(asked) > 0 || dir == "" {
		return platforms(asked)
	}
	file := filepath.Join(dir, descriptorFile)
	data, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	var doc struct{ Targets []targetDoc }
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if asked, err = targetsOf(doc.Targets); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return platforms(asked)
}

// gathering is the buildpacks of a package that were found.
type gathering struct {
	// config says what to find.
	config
	fetcher fetch.Fetcher
	modules map[buildpacks.Member]module
}

// gather finds the buildpacks of a package for a target. The root is the last.
func (p Packager) gather(ctx context.Context, c config, t buildpacks.Target) ([]module, error) {
	g := gathering{config: c, fetcher: p.Fetcher, modules: map[buildpacks.Member]module{}}
	g.fetcher.Base, g.fetcher.Target = c.base, stack.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
	root, err := g.root(ctx, t, p.Temp)
	if err != nil {
		return nil, err
	}
	for _, ref := range c.dependencies {
		if _, err := g.fetch(ctx, ref); err != nil {
			return nil, fmt.Errorf("%s: %w", c.file, err)
		}
	}
	if err := g.complete(root); err != nil {
		return nil, err
	}
	last := g.modules[root]
	delete(g.modules, root)
	others := slices.Collect(maps.Values(g.modules))
	inOrder(others)
	return append(others, last), nil
}

// root finds the buildpack that the package is of.
func (g gathering) root(ctx context.Context, t buildpacks.Target, temp string) (buildpacks.Member, error) {
	dir := g.local()
	if dir == "" {
		return g.fetch(ctx, g.buildpack)
	}
	if folder := folderFor(dir, t); folder != dir {
		staged, err := stage(dir, folder, temp)
		if err != nil {
			return buildpacks.Member{}, fmt.Errorf("%s: %w", folder, err)
		}
		dir = staged
	}
	m, err := readModule(dir)
	if err != nil {
		return buildpacks.Member{}, err
	}
	return m.member(), g.add(m)
}

// stage copies the files of a buildpack for a target, with the buildpack.toml
// of all targets.
func stage(dir, folder, temp string) (string, error) {
	staged, err := os.MkdirTemp(temp, "target-")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(staged, os.DirFS(folder)); err != nil {
		return "", err
	}
	data, err := readSmall(filepath.Join(dir, descriptorFile))
	if err != nil {
		return "", err
	}
	file := filepath.Join(staged, descriptorFile)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return staged, os.WriteFile(file, data, 0o644)
}

// fetch adds what a reference leads to, and returns the buildpack that it means.
func (g gathering) fetch(ctx context.Context, ref string) (buildpacks.Member, error) {
	found, err := g.fetcher.Fetch(ctx, ref)
	if err != nil {
		return buildpacks.Member{}, err
	}
	for _, dir := range slices.Sorted(maps.Values(found.Dirs)) {
		m, err := readModule(dir)
		if err != nil {
			return buildpacks.Member{}, err
		}
		if err := g.add(m); err != nil {
			return buildpacks.Member{}, err
		}
	}
	return found.Root, nil
}

// add adds a buildpack. Of two with the same id and version the first stays.
func (g gathering) add(m module) error {
	if _, found := g.modules[m.member()]; !found {
		g.modules[m.member()] = m
	}
	return m.check()
}

// complete makes sure that everything that an order names is in the package,
// and nothing else.
func (g gathering) complete(root buildpacks.Member) error {
	used := map[buildpacks.Member]bool{root: true}
	all := slices.Collect(maps.Values(g.modules))
	inOrder(all)
	for _, m := range all {
		for _, group := range m.order {
			for _, member := range group {
				named := buildpacks.Member{ID: member.ID, Version: member.Version}
				used[named] = true
				if _, found := g.modules[named]; !found {
					return fmt.Errorf("the order of %s names %s, and it is not in the package; %s", m.Descriptor, name(named), g.remedy())
				}
			}
		}
	}
	if err := g.descend(root, nil, map[buildpacks.Member]bool{}); err != nil {
		return err
	}
	for _, m := range all {
		if !used[m.member()] {
			return fmt.Errorf("%s brings %s, which no order in the package names; take it out, or name it in the order of %s", g.file, m.Descriptor, name(root))
		}
	}
	return nil
}

// descend follows the orders below a buildpack. The trail leads to it, and what
// is done needs no second look.
func (g gathering) descend(m buildpacks.Member, trail []string, done map[buildpacks.Member]bool) error {
	if at := slices.Index(trail, name(m)); at >= 0 {
		return fmt.Errorf("an order contains itself: %s names %s", strings.Join(trail[at:], " names "), name(m))
	}
	if done[m] {
		return nil
	}
	trail = append(slices.Clone(trail), name(m))
	for _, group := range g.modules[m].order {
		for _, member := range group {
			if err := g.descend(buildpacks.Member{ID: member.ID, Version: member.Version}, trail, done); err != nil {
				return err
			}
		}
	}
	done[m] = true
	return nil
}

// remedy says where a buildpack that is missing would have to be named.
func (g gathering) remedy() string {
	file := g.file
	if file == "" {
		file = "a " + configFile + " beside its buildpack.toml"
	}
	return fmt.Sprintf("write [[dependencies]] and uri = \"...\" into %s", file)
}
