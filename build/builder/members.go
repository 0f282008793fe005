package builder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
)

// members are what is in a builder, in the order in which builder.toml brings it:
// each buildpack before those that come with it.
type members struct {
	buildpacks, extensions []module
}

// gather finds the buildpacks and extensions of a builder for a target.
func (c Creator) gather(ctx context.Context, config builderConfig, t stack.Target) (m members, err error) {
	for _, ref := range config.buildpacks {
		found, err := c.buildpack(ctx, config, ref, t)
		if err == nil {
			err = ref.check(found[0])
		}
		if err != nil {
			return members{}, fmt.Errorf("buildpack %s: %w", ref, err)
		}
		m.buildpacks = append(m.buildpacks, found...)
	}
	for _, ref := range config.extensions {
		found, err := config.extension(ref)
		if err == nil {
			err = ref.check(found)
		}
		if err != nil {
			return members{}, fmt.Errorf("extension %s: %w", ref, err)
		}
		m.extensions = append(m.extensions, found)
	}
	return m, nil
}

// check makes sure that what was found is what was meant.
func (r memberRef) check(m module) error {
	switch {
	case r.ID != "" && r.ID != m.ID:
		return fmt.Errorf("its id is %s, and builder.toml says %s", m.ID, r.ID)
	case r.Version != "" && r.Version != m.Version:
		return fmt.Errorf("its version is %s, and builder.toml says %s", m.Version, r.Version)
	}
	return nil
}

// buildpack finds the buildpack of a reference, and those that come with it
// behind it.
func (c Creator) buildpack(ctx context.Context, config builderConfig, ref memberRef, t stack.Target) ([]module, error) {
	uri := config.at(ref.URI)
	dir, err := c.local(config, ref, t)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		uri = dir
	}
	if uri == "" {
		return nil, errors.New(`there is no builtin buildpack of that id; write uri = "..." for the directory, archive or image that has it`)
	}
	fetcher := c.Fetcher
	fetcher.Base, fetcher.Target = config.base, t
	found, err := fetcher.Fetch(ctx, uri)
	if err != nil {
		return nil, err
	}
	if found.Classic != nil {
		return nil, errors.New("it is a classic buildpack; make a package of it with slugc buildpack package --classic, and name that")
	}
	all := []module{{}}
	for m, dir := range found.Dirs {
		read, err := readModule(dir)
		if err != nil {
			return nil, err
		}
		if m == found.Root {
			all[0] = read
		} else {
			all = append(all, read)
		}
	}
	inOrder(all[1:])
	return all, nil
}

// local is the directory of a buildpack that is on this machine, with the
// scripts for a target: a builtin one, or one that keeps a folder for each target.
// It is empty for all others.
func (c Creator) local(config builderConfig, ref memberRef, t stack.Target) (string, error) {
	dir := config.local(ref.URI)
	if dir == "" && c.Builtin != nil {
		id := ref.URI
		if id == "" {
			id = ref.ID
		}
		laid, is, err := c.Builtin(id)
		if err != nil || !is {
			return "", err
		}
		dir = laid
	}
	if dir == "" {
		return "", nil
	}
	folder := folderFor(dir, buildpacks.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant})
	if folder == dir {
		return dir, nil
	}
	return stage(dir, folder, c.Temp)
}

// local is the directory with a buildpack that a reference names.
func (c builderConfig) local(uri string) string {
	if uri == "" {
		return ""
	}
	return config{base: c.base, buildpack: c.at(uri)}.local()
}

// extension finds an extension.
func (c builderConfig) extension(ref memberRef) (module, error) {
	path, _ := strings.CutPrefix(c.at(ref.URI), "file://")
	if path == "" || strings.Contains(path, "://") || strings.HasPrefix(path, "oci") && strings.Contains(path, ":") {
		return module{}, errors.New("expected uri with a directory: extensions are taken from nowhere else")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.base, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return module{}, err
	}
	if !info.IsDir() {
		return module{}, errors.New("it is a file; extensions are taken from directories only: unpack it")
	}
	return readExtension(path)
}

// check says what keeps the members from being in a builder together, on a base.
func (m members) check(before builderInfo, l lifecycleInfo, on builderBase) error {
	there := map[string]bool{}
	for _, i := range before.Buildpacks {
		there[i.ID+"@"+i.Version] = true
	}
	for _, b := range m.buildpacks {
		there[b.String()] = true
	}
	for _, b := range slices.Concat(m.buildpacks, m.extensions) {
		kind := "buildpack"
		if b.extension {
			kind = "extension"
		}
		if !l.speaks(b.API) {
			return fmt.Errorf("%s %s has Buildpack API %s, which the lifecycle %s does not support; it supports %s",
				kind, b, b.API, l.Version, strings.Join(l.APIs.Buildpack.all(), ", "))
		}
		if b.extension {
			continue
		}
		for _, group := range b.order {
			for _, member := range group {
				if !there[name(buildpacks.Member{ID: member.ID, Version: member.Version})] {
					return fmt.Errorf("the order of %s names %s, and it is not in the builder; add it to [[buildpacks]]",
						b, name(buildpacks.Member{ID: member.ID, Version: member.Version}))
				}
			}
		}
		if err := on.takes(b); err != nil {
			return err
		}
	}
	return nil
}

// builderBase is the image that a builder is made on.
type builderBase struct {
	ref      string
	target   stack.Target
	stackID  string
	mixins   []string
	uid, gid int
}

// takes makes sure that a buildpack builds on the base: by its targets, or by
// its stacks if it still has those.
func (on builderBase) takes(b module) error {
	if b.composite() {
		return nil
	}
	if len(b.stacks) > 0 {
		return on.takesStack(b)
	}
	d := b.Descriptor
	if on.target.DistroName == "" && on.target.DistroVersion == "" {
		// The run image may say what it is of, and that is what counts.
		d.Targets = slices.Clone(d.Targets)
		for i := range d.Targets {
			d.Targets[i].Distros = nil
		}
	}
	if d.Fits(on.target) {
		return nil
	}
	var targets []string
	for _, t := range d.Targets {
		targets = append(targets, t.String())
	}
	return fmt.Errorf("buildpack %s is for %s, and the build image %s is for %s", b, strings.Join(targets, ", "), on.ref, on)
}

// String is what the base is for.
func (on builderBase) String() string {
	t := buildpacks.Target{OS: on.target.OS, Arch: on.target.Arch, Variant: on.target.Variant}
	if on.target.DistroName != "" {
		t.Distros = []buildpacks.Distro{{Name: on.target.DistroName, Version: on.target.DistroVersion}}
	}
	return t.String()
}

// takesStack is takes for a buildpack with stacks. A mixin that is only for run
// images has the prefix run: (CNB Platform API 0.11, "Mixins").
func (on builderBase) takesStack(b module) error {
	at := slices.IndexFunc(b.stacks, func(s stackRef) bool { return s.ID == on.stackID || s.ID == anyStack })
	if at < 0 {
		var ids []string
		for _, s := range b.stacks {
			ids = append(ids, s.ID)
		}
		return fmt.Errorf("buildpack %s is for the stacks %s, and the build image %s is %q", b, strings.Join(ids, ", "), on.ref, on.stackID)
	}
	var missing []string
	for _, mixin := range b.stacks[at].Mixins {
		if !strings.HasPrefix(mixin, "run:") && !slices.Contains(on.mixins, mixin) {
			missing = append(missing, mixin)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("buildpack %s needs the mixins %s, which the build image %s has not", b, strings.Join(missing, ", "), on.ref)
	}
	return nil
}

// describeBase reads what a builder needs to know about its base.
func describeBase(ref string, target stack.Target, config *v1.ConfigFile) (builderBase, error) {
	on := builderBase{ref: ref, target: target, stackID: config.Config.Labels[stackLabel]}
	if _, err := readLabel(config, mixinsLabel, &on.mixins); err != nil {
		return builderBase{}, err
	}
	var err error
	if on.uid, err = idIn(config.Config.Env, "CNB_USER_ID"); err != nil {
		return builderBase{}, err
	}
	on.gid, err = idIn(config.Config.Env, "CNB_GROUP_ID")
	return on, err
}

// resolve finds the versions of the places in a group. Which of several versions
// is meant has to be said.
func resolve(kind string, all []moduleInfo, group []memberInfo) ([]memberInfo, error) {
	var resolved []memberInfo
	for _, m := range group {
		versions := map[string]bool{}
		for _, i := range all {
			if i.ID == m.ID {
				versions[i.Version] = true
			}
		}
		known := slices.Sorted(maps.Keys(versions))
		switch {
		case len(known) == 0:
			return nil, fmt.Errorf("there is no %s %s among those of the builder", kind, m.ID)
		case m.Version == "" && len(known) > 1:
			return nil, fmt.Errorf("%s %s has no version, and there are several: %s", kind, m.ID, strings.Join(known, ", "))
		case m.Version == "":
			m.Version = known[0]
		case !versions[m.Version]:
			return nil, fmt.Errorf("there is no version %s of %s %s; there is %s", m.Version, kind, m.ID, strings.Join(known, ", "))
		}
		resolved = append(resolved, m)
	}
	return resolved, nil
}

// resolveOrder resolves all groups of an order.
func resolveOrder(order, kind string, all []moduleInfo, groups []groupInfo) ([]groupInfo, error) {
	var resolved []groupInfo
	for i, g := range groups {
		group, err := resolve(kind, all, g.Group)
		if err != nil {
			return nil, fmt.Errorf("group %d of %s: %w", i+1, order, err)
		}
		resolved = append(resolved, groupInfo{group})
	}
	return resolved, nil
}
