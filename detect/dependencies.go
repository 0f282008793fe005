package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// dependencies collects who provides and who requires each name. A require is
// met by a provide of the same or an earlier member.
type dependencies map[string]*dependency

type dependency struct {
	providers []buildpacks.Member
	requires  []buildpacks.Requirement
	// unused are providers after the last require so far, early are members
	// that required the name before anyone provided it.
	unused, early []option
}

func newDependencies(options []option) dependencies {
	deps := dependencies{}
	at := func(name string) *dependency {
		if deps[name] == nil {
			deps[name] = &dependency{}
		}
		return deps[name]
	}
	for _, o := range options {
		for _, name := range o.plan.Provides {
			d := at(name)
			d.unused = append(d.unused, o)
		}
		for _, req := range o.plan.Requires {
			d := at(req.Name)
			for _, provider := range d.unused {
				d.providers = append(d.providers, provider.member)
			}
			d.unused = nil
			if len(d.providers) == 0 {
				d.early = append(d.early, o)
				continue
			}
			d.requires = append(d.requires, req)
		}
	}
	return deps
}

// fault is a member that keeps a trial from holding.
type fault struct {
	option
	name string
	why  string
}

// unmet lists the members with unmet requires or, when there are none, those
// with unused provides, by name. What is wanted later is not unused.
func (deps dependencies) unmet(wanted func(name string) bool) []fault {
	var requires, provides []fault
	for name, d := range deps {
		for _, o := range d.early {
			requires = append(requires, fault{o, name, fmt.Sprintf("%s requires %s, which no buildpack before it provides", o.member.ID, name)})
		}
		if len(d.unused) == 0 || len(requires) > 0 || wanted(name) {
			continue
		}
		for _, o := range d.unused {
			provides = append(provides, fault{o, name, fmt.Sprintf("%s provides %s, which no buildpack requires", o.member.ID, name)})
		}
	}
	faults := provides
	if len(requires) > 0 {
		faults = requires
	}
	slices.SortStableFunc(faults, func(a, b fault) int { return strings.Compare(a.name, b.name) })
	return faults
}

// entries are the agreed dependencies, by name.
func (deps dependencies) entries() []Entry {
	entries := []Entry{}
	for name, d := range deps {
		if len(d.requires) == 0 {
			continue
		}
		e := Entry{Name: name, Requires: d.requires}
		for _, m := range d.providers {
			if m.Extension {
				e.Extensions = append(e.Extensions, m.ID)
				continue
			}
			e.Providers = append(e.Providers, m.ID)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}
