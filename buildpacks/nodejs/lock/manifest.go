package lock

import (
	"cmp"
	"encoding/json"
	"slices"
)

// ManifestFile is the file that says what an app is and needs.
const ManifestFile = "package.json"

// Manifest is what a package.json says of packages. Its fields are those of the file.
type Manifest struct {
	Name, Version        string
	Dependencies         map[string]string
	DevDependencies      map[string]string
	OptionalDependencies map[string]string
	PeerDependencies     map[string]string
	// Workspaces, Overrides and Resolutions are as they stand there.
	Workspaces, Overrides, Resolutions json.RawMessage
}

// Empty tells whether nothing is to be installed.
func (m Manifest) Empty() bool {
	return len(m.Dependencies)+len(m.DevDependencies)+len(m.OptionalDependencies)+len(m.PeerDependencies) == 0 &&
		len(m.Workspaces) == 0
}

// Wanted is a dependency of a package.json: a package and what is wanted of it, a
// range of versions, a tag or an address.
type Wanted struct {
	Name, Spec string
	// Optional tells that it may be missing.
	Optional bool
}

// Wants are the dependencies that a lock file must hold, by name.
func (m Manifest) Wants() []Wanted {
	specs := map[string]Wanted{}
	for name, spec := range m.DevDependencies {
		specs[name] = Wanted{name, spec, false}
	}
	for name, spec := range m.Dependencies {
		specs[name] = Wanted{name, spec, false}
	}
	for name, spec := range m.OptionalDependencies {
		specs[name] = Wanted{name, spec, true}
	}
	all := make([]Wanted, 0, len(specs))
	for _, w := range specs {
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b Wanted) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Spec is what is wanted of one package, "" when it is not.
func (m Manifest) Spec(name string) string {
	for _, specs := range []map[string]string{m.OptionalDependencies, m.Dependencies, m.DevDependencies} {
		if spec, found := specs[name]; found {
			return spec
		}
	}
	return ""
}

// Words is an object of strings of which anything else is passed over, as npm
// passes over it.
type Words map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (w *Words) UnmarshalJSON(data []byte) error {
	*w = Words{}
	var object map[string]any
	if json.Unmarshal(data, &object) != nil {
		return nil
	}
	for name, value := range object {
		if text, ok := value.(string); ok {
			(*w)[name] = text
		}
	}
	return nil
}
