package builder

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// Labels of a buildpackage (CNB Distribution API, "Buildpackage", "Labels").
const (
	packageLabel = "io.buildpacks.buildpackage.metadata"
	layersLabel  = "io.buildpacks.buildpack.layers"
)

// packageInfo is the label of the buildpack that a package is of, with the keys
// that pack writes.
type packageInfo struct {
	moduleInfo
	// Stacks are those that all buildpacks can be built on.
	Stacks []stackRef `json:"stacks"`
}

// moduleInfo is what labels say of a buildpack itself.
type moduleInfo struct {
	ID          string         `json:"id"`
	Name        string         `json:"name,omitempty"`
	Version     string         `json:"version"`
	Description string         `json:"description,omitempty"`
	Homepage    string         `json:"homepage,omitempty"`
	Keywords    []string       `json:"keywords,omitempty"`
	ExecEnvs    []string       `json:"exec-env,omitempty"`
	Licenses    []licenseLabel `json:"licenses,omitempty"`
	ClearEnv    bool           `json:"clear-env,omitempty"`
}

// licenseLabel is a license in a label, which alone has keys with capitals.
type licenseLabel struct{ Type, URI string }

// layerInfo is what the label of the layers says of one buildpack.
type layerInfo struct {
	API         string       `json:"api"`
	Stacks      []stackRef   `json:"stacks,omitempty"`
	Targets     []targetInfo `json:"targets,omitempty"`
	Order       []groupInfo  `json:"order,omitempty"`
	LayerDiffID string       `json:"layerDiffID"`
	Homepage    string       `json:"homepage,omitempty"`
	Name        string       `json:"name,omitempty"`
}

type targetInfo struct {
	OS      string       `json:"os"`
	Arch    string       `json:"arch"`
	Variant string       `json:"variant,omitempty"`
	Distros []distroInfo `json:"distros,omitempty"`
}

type distroInfo struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

// groupInfo is a group of an order, in labels, in builder.toml and in the
// order.toml of a builder.
type groupInfo struct {
	Group []memberInfo `json:"group" toml:"group"`
}

type memberInfo struct {
	ID       string   `json:"id" toml:"id,omitempty"`
	Version  string   `json:"version,omitempty" toml:"version,omitempty"`
	ExecEnvs []string `json:"exec-env,omitempty" toml:"exec-env,omitempty"`
	Optional bool     `json:"optional,omitempty" toml:"optional,omitempty"`
}

// labels are the labels of an image whose layers have diffIDs.
func (c content) labels(diffIDs []string) (map[string]string, error) {
	root := c.modules[len(c.modules)-1]
	info := packageInfo{moduleInfo: root.info(), Stacks: c.stacks}
	layers := moduleLayers{}
	for i, m := range c.modules {
		layers.add(m, diffIDs[i])
	}
	labels := map[string]string{}
	return labels, errors.Join(setLabel(labels, packageLabel, info), setLabel(labels, layersLabel, layers))
}

func targetInfos(targets []buildpacks.Target) []targetInfo {
	var infos []targetInfo
	for _, t := range targets {
		info := targetInfo{OS: t.OS, Arch: t.Arch, Variant: t.Variant}
		for _, d := range t.Distros {
			info.Distros = append(info.Distros, distroInfo(d))
		}
		infos = append(infos, info)
	}
	return infos
}

func groupInfos(order buildpacks.Order) []groupInfo {
	var groups []groupInfo
	for _, group := range order {
		var info groupInfo
		for _, m := range group {
			member := memberInfo{ID: m.ID, Version: m.Version, Optional: m.Optional}
			if m.ExecEnvs != "" {
				member.ExecEnvs = strings.Split(string(m.ExecEnvs), ",")
			}
			info.Group = append(info.Group, member)
		}
		groups = append(groups, info)
	}
	return groups
}

// anyStack is the id of all stacks.
const anyStack = "*"

// commonStacks are the stacks that every buildpack of a package can be built
// on, with the mixins that any of them needs (CNB Distribution API,
// "Buildpackage": stacks is their intersection). A component that names none
// goes by targets, and so can be built on any; a composite has no say.
func commonStacks(modules []module) ([]stackRef, error) {
	var common []stackRef
	for _, m := range modules {
		stacks := m.stacks
		if len(stacks) == 0 && !m.composite() {
			stacks = []stackRef{{ID: anyStack}}
		}
		switch {
		case len(stacks) == 0:
		case len(common) == 0:
			common = stacks
		default:
			if common = intersection(common, stacks); len(common) == 0 {
				return nil, fmt.Errorf("%s is for none of the stacks that the others are for; a package has buildpacks that can be used together", m.Descriptor)
			}
		}
	}
	if len(common) == 0 {
		return nil, errors.New("there is no buildpack in it that runs, only orders")
	}
	return common, nil
}

// intersection is the stacks that are in both lists.
func intersection(a, b []stackRef) []stackRef {
	all := func(list []stackRef) bool {
		return slices.ContainsFunc(list, func(s stackRef) bool { return s.ID == anyStack })
	}
	switch {
	case all(a) && all(b):
		return []stackRef{{ID: anyStack}}
	case all(a):
		return b
	case all(b):
		return a
	}
	var both []stackRef
	for _, s := range b {
		i := slices.IndexFunc(a, func(o stackRef) bool { return o.ID == s.ID })
		if i < 0 {
			continue
		}
		mixins := slices.Concat(a[i].Mixins, s.Mixins)
		slices.Sort(mixins)
		both = append(both, stackRef{ID: s.ID, Mixins: slices.Compact(mixins)})
	}
	return both
}

// inOrder sorts buildpacks by their ids and versions.
func inOrder(modules []module) {
	slices.SortFunc(modules, func(a, b module) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Version, b.Version))
	})
}
