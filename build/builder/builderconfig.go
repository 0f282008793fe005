package builder

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// builderConfig is a builder.toml, in the format of pack: what a builder is made
// of.
type builderConfig struct {
	// base is the directory at which its relative paths start.
	base                   string
	description            string
	buildpacks, extensions []memberRef
	order, orderExtensions []groupInfo
	system                 systemInfo
	// stackID is the stack that the build image and the run images have to be of;
	// empty where there is no [stack].
	stackID    string
	buildImage string
	runImages  []runImageInfo
	// env are files of the operator's environment by name (CNB Buildpack API
	// 0.10, "Operator-Provided Variables").
	env       map[string]string
	lifecycle lifecycleRef
	targets   []buildpacks.Target
	// warnings are about what pack takes too and nobody may have meant.
	warnings []string
}

// memberRef says where a buildpack or an extension of a builder is, and who it
// has to be.
type memberRef struct {
	ID, Version, URI string
}

// String is how the file names it.
func (r memberRef) String() string {
	if r.URI != "" {
		return r.URI
	}
	return name(buildpacks.Member{ID: r.ID, Version: r.Version})
}

// lifecycleRef says where the lifecycle of a builder is; nothing is slugc's own.
type lifecycleRef struct{ URI, Version string }

// builderDoc is a builder.toml as it is written.
type builderDoc struct {
	Description string
	Buildpacks  []moduleEntry
	Extensions  []moduleEntry
	Order       []groupInfo
	OrderExt    []groupInfo `toml:"order-extensions"`
	System      systemInfo
	Stack       struct {
		ID         string
		BuildImage string   `toml:"build-image"`
		RunImage   string   `toml:"run-image"`
		Mirrors    []string `toml:"run-image-mirrors"`
	}
	Run   struct{ Images []runImageInfo }
	Build struct {
		Image string
		Env   []envEntry
	}
	Lifecycle lifecycleRef
	Targets   []builderTargetDoc
}

type moduleEntry struct{ ID, Version, URI, Image string }

// builderTargetDoc is a target with the distributions that the build image may
// be of.
type builderTargetDoc struct {
	targetDoc
	Distros []struct{ Name, Version string }
}

// known is the keys of a table; those of an inner table, nil for what is none.
type known map[string]known

// builderKeys are what a builder.toml may have. pack takes what describes a
// buildpack beside its id, and means nothing by it.
func builderKeys() known {
	who := known{
		"id": nil, "version": nil, "name": nil, "description": nil, "homepage": nil, "keywords": nil, "exec-env": nil,
		"licenses": nil, "clear-env": nil,
	}
	with := func(more ...string) known {
		all := maps.Clone(who)
		for _, key := range more {
			all[key] = nil
		}
		return all
	}
	module, place := with("uri", "image"), with("optional")
	order, system := known{"group": place}, known{"buildpacks": place}
	return known{
		"description": nil, "buildpacks": module, "extensions": module, "order": order, "order-extensions": order,
		"system":    {"pre": system, "post": system},
		"stack":     {"id": nil, "build-image": nil, "run-image": nil, "run-image-mirrors": nil},
		"run":       {"images": {"image": nil, "mirrors": nil}},
		"build":     {"image": nil, "env": {"name": nil, "value": nil, "suffix": nil, "delim": nil, "exec-env": nil}},
		"lifecycle": {"uri": nil, "version": nil},
		"targets":   {"os": nil, "arch": nil, "variant": nil, "arch-variant": nil, "distros": {"name": nil, "version": nil}},
	}
}

// check reports a key that means nothing. At is the table that it is in.
func (k known) check(table map[string]any, at string) error {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		inner, found := k[key]
		if !found {
			where := ""
			if at != "" {
				where = " in " + at
			}
			return fmt.Errorf("unknown key %.100q%s; expected one of %s", key, where, strings.Join(slices.Sorted(maps.Keys(k)), ", "))
		}
		if inner == nil {
			continue
		}
		for _, t := range tables(table[key]) {
			if err := inner.check(t, strings.TrimPrefix(at+"."+key, ".")); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBuilderConfig reads a builder.toml.
func readBuilderConfig(file string) (builderConfig, error) {
	data, err := readSmall(file)
	if err != nil {
		return builderConfig{}, err
	}
	c, err := parseBuilderConfig(data)
	if err != nil {
		return builderConfig{}, err
	}
	c.base, err = filepath.Abs(filepath.Dir(file))
	return c, err
}

// parseBuilderConfig reads the text of a builder.toml.
func parseBuilderConfig(data []byte) (builderConfig, error) {
	var keys map[string]any
	if err := launch.DecodeTOML(data, &keys); err != nil {
		return builderConfig{}, err
	}
	if err := builderKeys().check(keys, ""); err != nil {
		return builderConfig{}, err
	}
	var doc builderDoc
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return builderConfig{}, err
	}
	c := builderConfig{
		description: doc.Description, order: doc.Order, orderExtensions: doc.OrderExt, system: doc.System,
		stackID: doc.Stack.ID, lifecycle: doc.Lifecycle,
	}
	for _, step := range []func(builderDoc) error{c.readModules, c.readOrders, c.readImages, c.readLifecycle, c.readTargets} {
		if err := step(doc); err != nil {
			return builderConfig{}, err
		}
	}
	var err error
	c.env, err = c.envFiles(doc.Build.Env)
	return c, err
}

func (c *builderConfig) warnf(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// readModules reads what is to be in the builder.
func (c *builderConfig) readModules(doc builderDoc) error {
	for _, list := range []struct {
		kind    string
		entries []moduleEntry
		to      *[]memberRef
	}{{"buildpack", doc.Buildpacks, &c.buildpacks}, {"extension", doc.Extensions, &c.extensions}} {
		for i, e := range list.entries {
			ref := memberRef{ID: e.ID, Version: e.Version, URI: e.URI}
			switch {
			case e.URI != "" && e.Image != "":
				return fmt.Errorf("%s %d has both uri and image; expected one", list.kind, i+1)
			case e.Image != "":
				ref.URI = "docker://" + strings.TrimPrefix(e.Image, "docker://")
			case e.URI == "" && e.ID == "":
				return fmt.Errorf(`%s %d names nothing; expected uri = "..."`, list.kind, i+1)
			}
			*list.to = append(*list.to, ref)
		}
	}
	return nil
}

// readOrders checks the groups. An extension is optional in every order, which
// goes without saying.
func (c *builderConfig) readOrders(builderDoc) error {
	if err := checkGroups("order", c.order); err != nil {
		return err
	}
	if err := checkGroups("order-extensions", c.orderExtensions); err != nil {
		return err
	}
	for _, g := range c.orderExtensions {
		for i := range g.Group {
			g.Group[i].Optional = false
		}
	}
	for _, m := range slices.Concat(c.system.Pre.Buildpacks, c.system.Post.Buildpacks) {
		if m.ID == "" {
			return errors.New("a system buildpack has no id")
		}
	}
	if len(c.order) == 0 {
		c.warnf("there is no [[order]], so the builder builds nothing unless each build brings its buildpacks")
	}
	return nil
}

// checkGroups looks for groups that name nobody.
func checkGroups(order string, groups []groupInfo) error {
	for i, g := range groups {
		if len(g.Group) == 0 {
			return fmt.Errorf("group %d of %s is empty; expected [[%[2]s.group]] with id", i+1, order)
		}
		for j, m := range g.Group {
			if m.ID == "" {
				return fmt.Errorf("group %d of %s: member %d has no id", i+1, order, j+1)
			}
		}
	}
	return nil
}

// readImages reads the images. Before [build] and [run] there was [stack] alone
// (buildpacks RFC 0096), which has to mean the same where there are both.
func (c *builderConfig) readImages(doc builderDoc) error {
	s := doc.Stack
	c.buildImage = doc.Build.Image
	switch {
	case c.buildImage == "":
		c.buildImage = s.BuildImage
	case s.BuildImage != "" && s.BuildImage != c.buildImage:
		return fmt.Errorf("build.image is %s and stack.build-image is %s; expected one", c.buildImage, s.BuildImage)
	}
	if c.buildImage == "" {
		return errors.New("no build image; write [build] and image = \"...\"")
	}
	c.runImages = doc.Run.Images
	switch {
	case len(c.runImages) == 0 && s.RunImage != "" && s.ID != "":
		c.runImages = []runImageInfo{{Image: s.RunImage, Mirrors: s.Mirrors}}
	case len(c.runImages) == 0:
		return errors.New("no run image; write [[run.images]] and image = \"...\"")
	case s.RunImage != "" && s.RunImage != c.runImages[0].Image:
		return fmt.Errorf("the first of run.images is %s and stack.run-image is %s; expected one", c.runImages[0].Image, s.RunImage)
	}
	for i, r := range c.runImages {
		for _, image := range append([]string{r.Image}, r.Mirrors...) {
			if err := checkName(image); err != nil {
				return fmt.Errorf("run image %d: %w", i+1, err)
			}
		}
	}
	return nil
}

func (c *builderConfig) readLifecycle(builderDoc) error {
	if c.lifecycle.URI != "" && c.lifecycle.Version != "" {
		return errors.New("lifecycle has both uri and version; expected one")
	}
	return nil
}

// readTargets reads what the builder is to run on.
func (c *builderConfig) readTargets(doc builderDoc) (err error) {
	c.targets, err = targetsWithDistros(doc.Targets)
	return err
}

// targetsWithDistros reads targets whose distributions count.
func targetsWithDistros(docs []builderTargetDoc) ([]buildpacks.Target, error) {
	var plain []targetDoc
	for _, d := range docs {
		plain = append(plain, d.targetDoc)
	}
	targets, err := targetsOf(plain)
	if err != nil {
		return nil, err
	}
	for i, d := range docs {
		for _, distro := range d.Distros {
			targets[i].Distros = append(targets[i].Distros, buildpacks.Distro{Name: distro.Name, Version: distro.Version})
		}
	}
	return targets, nil
}

// at is a reference with the paths in it resolved.
func (c builderConfig) at(ref string) string {
	for _, transport := range []string{"oci:", "oci-archive:", "file://"} {
		if path, found := strings.CutPrefix(ref, transport); found && !filepath.IsAbs(path) {
			return transport + filepath.Join(c.base, path)
		}
	}
	return ref
}
