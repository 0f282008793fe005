package cnb

import (
	"errors"
	"maps"

	"github.com/slugc/slugc/buildpacks"
)

// planDoc is a build plan as bin/detect writes it (CNB Buildpack API, "Build
// Plan"). Keys that it does not have are no mistake.
type planDoc struct {
	section
	Or []section `toml:"or"`
}

type section struct {
	Provides []struct {
		Name string `toml:"name"`
	} `toml:"provides"`
	Requires []struct {
		Name     string         `toml:"name"`
		Metadata map[string]any `toml:"metadata"`
		// Version left the specification with API 0.11. The reference
		// lifecycle refuses it; here it is what has replaced it,
		// metadata.version, unless that is there too.
		Version any `toml:"version"`
	} `toml:"requires"`
}

// parsePlan reads a build plan. An empty one offers neither nor, which is one
// alternative too.
func parsePlan(data []byte) ([]buildpacks.Alternative, error) {
	var doc planDoc
	if err := decodeTOML(data, &doc); err != nil {
		return nil, err
	}
	var plans []buildpacks.Alternative
	for _, s := range append([]section{doc.section}, doc.Or...) {
		a, err := s.alternative()
		if err != nil {
			return nil, err
		}
		plans = append(plans, a)
	}
	return plans, nil
}

func (s section) alternative() (buildpacks.Alternative, error) {
	var a buildpacks.Alternative
	for _, p := range s.Provides {
		if p.Name == "" {
			return a, errors.New("it provides something without a name")
		}
		a.Provides = append(a.Provides, p.Name)
	}
	for _, r := range s.Requires {
		if r.Name == "" {
			return a, errors.New("it requires something without a name")
		}
		if r.Version != nil && r.Metadata["version"] == nil {
			metadata := map[string]any{"version": r.Version}
			maps.Copy(metadata, r.Metadata)
			r.Metadata = metadata
		}
		a.Requires = append(a.Requires, buildpacks.Requirement{Name: r.Name, Metadata: r.Metadata})
	}
	return a, nil
}
