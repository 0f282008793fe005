package deploy

import (
	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/detect"
)

// procfileID is the buildpack that joins every group: what a Procfile says
// stands above what buildpacks propose.
const procfileID = "slugc/procfile"

// selection are the buildpacks of a build by the names that each phase uses.
type selection struct {
	order     buildpacks.Order
	probers   map[string]detect.Prober
	compilers map[string]build.Compiler
	// library are the builtin buildpacks by id.
	library map[string]*cnb.Buildpack
}

// pick turns buildpack references into one group. Without references it is the
// order of the builtin buildpacks.
func pick(refs []string, library map[string]*cnb.Buildpack) (selection, error) {
	s := selection{probers: map[string]detect.Prober{}, compilers: map[string]build.Compiler{}, library: library}
	add := func(b *cnb.Buildpack) buildpacks.Member {
		d := b.Descriptor()
		m := buildpacks.Member{ID: d.ID, Version: d.Version}
		s.probers[detect.Key(m)], s.compilers[d.ID] = b, b
		return m
	}
	if len(refs) == 0 {
		for _, b := range library {
			add(b)
		}
		s.order = builtin.Order()
		for _, group := range s.order {
			for i, m := range group {
				group[i].Version = library[m.ID].Descriptor().Version
			}
		}
		return s, nil
	}
	var group buildpacks.Group
	for _, ref := range refs {
		b := library[ref]
		if b == nil {
			var err error
			if b, err = fetch.Buildpack(ref); err != nil {
				return selection{}, err
			}
		}
		group = append(group, add(b))
	}
	if _, named := s.compilers[procfileID]; !named {
		m := add(library[procfileID])
		m.Optional = true
		group = append(group, m)
	}
	s.order = buildpacks.Order{group}
	return s, nil
}
