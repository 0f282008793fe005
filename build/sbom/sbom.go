package sbom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/launch"
)

// Package is a package in an artifact.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// PURL is its package URL, empty where the file has none.
	PURL string `json:"purl,omitempty"`
	// Buildpack is who brought it.
	Buildpack string `json:"buildpack"`
}

// Packages reads SBOM files by their paths below the directory for launch,
// <buildpack>/[<layer>/]sbom.<format>. Ids are those of the buildpacks of the
// artifact, which the paths have in another spelling. The result is sorted by
// package URL. Files of other formats are passed over.
func Packages(files map[string][]byte, ids []string) ([]Package, error) {
	spelled := map[string]string{}
	for _, id := range ids {
		spelled[launch.EscapeID(id)] = id
	}
	var all []Package
	for _, name := range slices.Sorted(maps.Keys(files)) {
		found, err := parse(path.Base(name), files[name])
		if err != nil {
			return nil, fmt.Errorf("reading the bill of materials %s: %w", name, err)
		}
		dir, _, _ := strings.Cut(name, "/")
		for i := range found {
			found[i].Buildpack = cmp.Or(spelled[dir], dir)
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Buildpack, b.Buildpack))
	})
	return slices.Compact(all), nil
}

// parse reads a file whose name ends in its format.
func parse(name string, data []byte) ([]Package, error) {
	switch strings.TrimPrefix(name, "sbom.") {
	case "cdx.json":
		return cycloneDX(data)
	case "spdx.json":
		return spdx(data)
	case "syft.json":
		return syft(data)
	}
	return nil, nil
}

func cycloneDX(data []byte) ([]Package, error) {
	var doc struct {
		Components []struct{ Group, Name, Version, PURL string }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var all []Package
	for _, c := range doc.Components {
		name := c.Name
		if c.Group != "" {
			name = c.Group + "/" + name
		}
		all = append(all, Package{Name: name, Version: c.Version, PURL: c.PURL})
	}
	return all, nil
}

func spdx(data []byte) ([]Package, error) {
	var doc struct {
		Packages []struct {
			Name         string
			VersionInfo  string
			ExternalRefs []struct{ ReferenceType, ReferenceLocator string }
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var all []Package
	for _, p := range doc.Packages {
		one := Package{Name: p.Name, Version: p.VersionInfo}
		for _, ref := range p.ExternalRefs {
			if ref.ReferenceType == "purl" {
				one.PURL = ref.ReferenceLocator
			}
		}
		all = append(all, one)
	}
	return all, nil
}

func syft(data []byte) ([]Package, error) {
	var doc struct {
		Artifacts []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var all []Package
	for _, a := range doc.Artifacts {
		all = append(all, Package{Name: a.Name, Version: a.Version, PURL: a.PURL})
	}
	return all, nil
}
