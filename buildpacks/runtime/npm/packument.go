package npm

import (
	"encoding/json"
	"fmt"
)

// Packument is what a registry knows about a package.
type Packument struct {
	Name string `json:"name"`
	// Tags name versions: latest, next, ...
	Tags map[string]string `json:"dist-tags"`
	// versions are read one by one, so that an odd one harms no other.
	Versions map[string]json.RawMessage `json:"versions"`
}

// Manifest is what a registry knows about one version of a package.
type Manifest struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Bin     Names  `json:"bin"`
	Dist    Dist   `json:"dist"`
}

// Dist says where the files of a version are, and what they are.
type Dist struct {
	Tarball string `json:"tarball"`
	// Integrity is missing for versions from before 2017.
	Integrity string `json:"integrity"`
	// Shasum is a sha1 in hexadecimal.
	Shasum string `json:"shasum"`
}

// Names are the commands of a package, with the file that each of them is. A
// package with one command may give the file alone (package.json, "bin"); its
// command is then "".
type Names map[string]string

// UnmarshalJSON implements json.Unmarshaler. What has neither form is no
// command.
func (n *Names) UnmarshalJSON(data []byte) error {
	*n = nil
	var one string
	if json.Unmarshal(data, &one) == nil {
		*n = Names{"": one}
		return nil
	}
	var several map[string]string
	if json.Unmarshal(data, &several) == nil {
		*n = several
	}
	return nil
}

func (p Packument) list() []string {
	versions := make([]string, 0, len(p.Versions))
	for version := range p.Versions {
		versions = append(versions, version)
	}
	return versions
}

func (p Packument) manifest(version string) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(p.Versions[version], &m); err != nil {
		return Manifest{}, fmt.Errorf("reading version %s of package %s: %w", version, p.Name, err)
	}
	if m.Version == "" {
		m.Version = version
	}
	if m.Name == "" {
		m.Name = p.Name
	}
	return m, nil
}
