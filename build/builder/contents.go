package builder

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
)

// Contents is what there is to know about a buildpack and those that come with
// it.
type Contents struct {
	About
	// Digest is that of what was fetched, empty for a directory.
	Digest string `json:"digest,omitempty"`
	// Order is that of a composite, with what is inside.
	Order []Group `json:"order,omitempty"`
	// Buildpacks are all in the package but the one that it is of.
	Buildpacks []About `json:"buildpacks,omitempty"`
	// Layers are those of an image, from the bottom.
	Layers []Layer `json:"layers,omitempty"`
}

// About is what a buildpack says about itself.
type About struct {
	ID          string `json:"id"`
	Version     string `json:"version"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	API         string `json:"api"`
	Homepage    string `json:"homepage,omitempty"`
	// Targets are what it builds for, in words; none for a composite.
	Targets  []string  `json:"targets"`
	ExecEnvs []string  `json:"exec_envs,omitempty"`
	Keywords []string  `json:"keywords,omitempty"`
	Licenses []License `json:"licenses,omitempty"`
	// Composite says that it is an order of others.
	Composite bool `json:"composite"`
	// Size is what its files take, in bytes, and Files how many there are.
	Size  int64 `json:"size"`
	Files int   `json:"files"`
}

// String is id@version.
func (a About) String() string { return name(buildpacks.Member{ID: a.ID, Version: a.Version}) }

// Group is buildpacks that build together.
type Group []Place

// Place is a buildpack in a group, which does without an optional one that says no.
type Place struct {
	ID       string `json:"id"`
	Version  string `json:"version,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	// ExecEnvs are those in which it stands there; none is all.
	ExecEnvs string `json:"exec_envs,omitempty"`
	// Missing says that it does not come with the package.
	Missing bool `json:"missing,omitempty"`
	// Order is what a composite stands for; empty for a buildpack that runs.
	Order []Group `json:"order,omitempty"`
	// Again says that it is a composite whose order is shown before.
	Again bool `json:"again,omitempty"`
}

// Layer is a layer of a buildpackage, by the digests of its uncompressed and its
// compressed form.
type Layer struct {
	// Buildpacks are those in it, as id@version.
	Buildpacks []string `json:"buildpacks"`
	DiffID     string   `json:"diff_id"`
	Digest     string   `json:"digest"`
	// Size is the number of compressed bytes.
	Size int64 `json:"size"`
}

// Describe says what is in a package that was fetched.
func Describe(ctx context.Context, p fetch.Package) (Contents, error) {
	modules := map[buildpacks.Member]module{}
	for _, m := range inPackage(p) {
		read, err := readModule(p.Dirs[m])
		if err != nil {
			return Contents{}, err
		}
		modules[m] = read
	}
	c := Contents{Digest: p.Digest}
	for _, m := range inPackage(p) {
		about, err := modules[m].about(ctx)
		if err != nil {
			return Contents{}, err
		}
		if m == p.Root {
			c.About = about
		} else {
			c.Buildpacks = append(c.Buildpacks, about)
		}
	}
	t := tree{modules: modules, byID: map[string][]buildpacks.Member{}, shown: map[buildpacks.Member]bool{p.Root: true}}
	for m := range modules {
		t.byID[m.ID] = append(t.byID[m.ID], m)
	}
	c.Order = t.groups(modules[p.Root].order)
	return c, nil
}

// inPackage are the buildpacks of a package in the order of their names.
func inPackage(p fetch.Package) []buildpacks.Member {
	return slices.SortedFunc(maps.Keys(p.Dirs), func(a, b buildpacks.Member) int {
		return strings.Compare(name(a), name(b))
	})
}

// about describes one buildpack.
func (m module) about(ctx context.Context) (About, error) {
	a := About{
		ID: m.ID, Version: m.Version, Name: m.Name, Description: m.description, API: m.API, Homepage: m.Homepage,
		Targets: []string{}, ExecEnvs: m.ExecEnvs, Keywords: m.keywords, Licenses: m.licenses, Composite: m.composite(),
	}
	if !m.composite() {
		for _, t := range m.Targets {
			a.Targets = append(a.Targets, t.String())
		}
	}
	err := filepath.WalkDir(m.dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.IsDir() {
			return nil
		}
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		a.Files++
		if info.Mode().IsRegular() {
			a.Size += info.Size()
		}
		return nil
	})
	return a, err
}

// tree puts the orders of composites into one another.
type tree struct {
	modules map[buildpacks.Member]module
	byID    map[string][]buildpacks.Member
	// shown are the composites whose orders are in the tree. Each is there
	// once, however often and by whom it is named.
	shown map[buildpacks.Member]bool
}

// groups are the groups of an order, and what is in them.
func (t tree) groups(order buildpacks.Order) []Group {
	var groups []Group
	for _, g := range order {
		group := Group{}
		for _, m := range g {
			group = append(group, t.place(m))
		}
		groups = append(groups, group)
	}
	return groups
}

func (t tree) place(m buildpacks.Member) Place {
	p := Place{ID: m.ID, Version: m.Version, Optional: m.Optional}
	if m.ExecEnvs != "" {
		p.ExecEnvs = m.ExecEnvs.String()
	}
	key := buildpacks.Member{ID: m.ID, Version: m.Version}
	if same := t.byID[m.ID]; m.Version == "" && len(same) == 1 {
		key = same[0]
		p.Version = key.Version
	}
	found, is := t.modules[key]
	switch {
	case !is:
		p.Missing = true
	case !found.composite():
	case t.shown[key]:
		p.Again = true
	default:
		t.shown[key] = true
		p.Order = t.groups(found.order)
	}
	return p
}

// Layers describes the layers of a buildpackage, from the bottom.
func Layers(image v1.Image) ([]Layer, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	said := moduleLayers{}
	if _, err := readLabel(config, layersLabel, &said); err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for id, versions := range said {
		for version, info := range versions {
			names[info.LayerDiffID] = append(names[info.LayerDiffID], id+"@"+version)
		}
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("the manifest has %d layers, the config %d", len(manifest.Layers), len(config.RootFS.DiffIDs))
	}
	layers := []Layer{}
	for i, d := range manifest.Layers {
		diffID := config.RootFS.DiffIDs[i].String()
		slices.Sort(names[diffID])
		layers = append(layers, Layer{
			Buildpacks: append([]string{}, names[diffID]...), DiffID: diffID, Digest: d.Digest.String(), Size: d.Size,
		})
	}
	return layers, nil
}
