package detect

import (
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// Plan says who builds an app, in what order, what each must provide, and why
// every other buildpack does not.
type Plan struct {
	// Group are the buildpacks that build, in order.
	Group []Choice `json:"buildpacks"`
	// Extensions are the image extensions that stand before the group, in order.
	Extensions []Choice `json:"extensions,omitempty"`
	// Entries are the dependencies that the group agreed on (CNB plan.toml).
	Entries []Entry `json:"entries"`
	// Answers are what every buildpack of the order said, or why it was not
	// asked, in the order in which it names them.
	Answers []Answer `json:"answers"`
	// Later are buildpacks that are asked again when the group has built, because
	// a classic one in it may change what they say; see Stage.
	Later []Choice `json:"later,omitempty"`
	// Rivals are the buildpacks, by id, of later groups that could build too;
	// only Survey looks for them.
	Rivals []string `json:"rivals,omitempty"`
}

// Chosen are the extensions and the buildpacks.
func (p Plan) Chosen() []Choice { return slices.Concat(p.Extensions, p.Group) }

// Choice is a buildpack that builds.
type Choice struct {
	buildpacks.Descriptor
	Optional bool `json:"optional,omitempty"`
	// Found is what a classic buildpack calls the app: "Node.js".
	Found string `json:"found,omitempty"`
}

// Entry is one dependency of the plan: who can provide it, and what the
// buildpacks that require it say about it.
type Entry struct {
	Name      string   `json:"name"`
	Providers []string `json:"providers"`
	// Extensions are the image extensions that can provide it besides, all of
	// which stand before the buildpacks.
	Extensions []string                 `json:"extensions,omitempty"`
	Requires   []buildpacks.Requirement `json:"requires"`
}

// Answer is what one buildpack said.
type Answer struct {
	buildpacks.Descriptor
	Verdict buildpacks.Verdict `json:"verdict"`
	// Reason is why, in the buildpack's own words, or in ours when it passed
	// but its group did not.
	Reason string `json:"reason,omitempty"`
}

// JobFor returns the requirements that the buildpack of that id is to meet:
// those of every entry it provides and that nobody before it met. Met are the
// names of entries that are done.
func (p Plan) JobFor(id string, met map[string]bool) []buildpacks.Requirement {
	var reqs []buildpacks.Requirement
	for _, entry := range p.Entries {
		if met[entry.Name] {
			continue
		}
		for _, provider := range entry.Providers {
			if provider == id {
				reqs = append(reqs, entry.Requires...)
				break
			}
		}
	}
	return reqs
}
