package files

import (
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/detect"
)

// Element is a buildpack or an extension in a file.
type Element struct {
	ID        string `toml:"id" json:"id"`
	Version   string `toml:"version" json:"version"`
	API       string `toml:"api,omitempty" json:"-"`
	Homepage  string `toml:"homepage,omitempty" json:"homepage,omitempty"`
	Extension bool   `toml:"extension,omitempty" json:"-"`
	Optional  bool   `toml:"optional,omitempty" json:"optional,omitempty"`
}

// String is the element as id@version.
func (e Element) String() string { return e.ID + "@" + e.Version }

// Group is a group.toml: who builds, in order (CNB Platform API, "group.toml").
type Group struct {
	Buildpacks []Element `toml:"group"`
	Extensions []Element `toml:"group-extensions,omitempty"`
}

// ReadGroup reads a group.toml, which has to be there.
func ReadGroup(file string) (g Group, err error) {
	err = read("group", file, &g)
	return g, err
}

// WriteGroup writes a group.toml.
func WriteGroup(file string, g Group) error { return write("group", file, g) }

// NewGroup is the buildpacks and extensions that a plan chose, in order.
func NewGroup(plan detect.Plan) Group {
	var g Group
	for _, c := range plan.Group {
		g.Buildpacks = append(g.Buildpacks, newElement(c.Descriptor))
	}
	for _, c := range plan.Extensions {
		g.Extensions = append(g.Extensions, newElement(c.Descriptor))
	}
	return g
}

func newElement(d buildpacks.Descriptor) Element {
	return Element{ID: d.ID, Version: d.Version, API: d.API, Homepage: d.Homepage}
}

// Plan is a plan.toml: what buildpacks agreed on (CNB Platform API, "plan.toml").
type Plan struct {
	Entries []Entry `toml:"entries"`
}

// Entry is one dependency: who can provide it, and what is required of it.
type Entry struct {
	Providers []Element                `toml:"providers"`
	Requires  []buildpacks.Requirement `toml:"requires"`
}

// ReadPlan reads a plan.toml, which has to be there.
func ReadPlan(file string) (p Plan, err error) {
	err = read("plan", file, &p)
	return p, err
}

// WritePlan writes a plan.toml.
func WritePlan(file string, p Plan) error { return write("plan", file, p) }

// NewPlan is the entries of a plan. Providers have the versions of its group.
func NewPlan(plan detect.Plan) Plan {
	versions := map[bool]map[string]string{true: {}, false: {}}
	for _, c := range plan.Chosen() {
		versions[c.Extension][c.ID] = c.Version
	}
	element := func(id string, extension bool) Element {
		return Element{ID: id, Version: versions[extension][id], Extension: extension}
	}
	var p Plan
	for _, e := range plan.Entries {
		entry := Entry{Requires: e.Requires}
		for _, id := range e.Extensions {
			entry.Providers = append(entry.Providers, element(id, true))
		}
		for _, id := range e.Providers {
			entry.Providers = append(entry.Providers, element(id, false))
		}
		p.Entries = append(p.Entries, entry)
	}
	return p
}

// Resolved is the plan that a group and its entries are, for who builds by it.
func Resolved(g Group, p Plan) detect.Plan {
	var plan detect.Plan
	for _, e := range g.Buildpacks {
		plan.Group = append(plan.Group, detect.Choice{Descriptor: e.Descriptor()})
	}
	for _, e := range g.Extensions {
		descriptor := e.Descriptor()
		descriptor.Extension = true
		plan.Extensions = append(plan.Extensions, detect.Choice{Descriptor: descriptor})
	}
	for _, e := range p.Entries {
		entry := detect.Entry{Requires: e.Requires}
		if len(e.Requires) > 0 {
			entry.Name = e.Requires[0].Name
		}
		for _, by := range e.Providers {
			if by.Extension {
				entry.Extensions = append(entry.Extensions, by.ID)
				continue
			}
			entry.Providers = append(entry.Providers, by.ID)
		}
		plan.Entries = append(plan.Entries, entry)
	}
	return plan
}

// Descriptor is the buildpack of an element, as far as files tell.
func (e Element) Descriptor() buildpacks.Descriptor {
	return buildpacks.Descriptor{ID: e.ID, Version: e.Version, Dialect: buildpacks.CNB, API: e.API, Homepage: e.Homepage}
}
