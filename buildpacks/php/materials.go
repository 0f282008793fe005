package php

import (
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/sbom"
)

// materials writes the bill of what Composer installed: what the lock file has, but
// for development.
func (a app) materials(l libcnb.Layer) error {
	var components []sbom.Component
	for _, p := range a.lock.Packages {
		if p.Dist != nil && p.Dist.Type == fromPath {
			continue // of the app itself
		}
		namespace, name, found := strings.Cut(strings.ToLower(p.Name), "/")
		if !found {
			namespace, name = "", namespace
		}
		components = append(components, sbom.Component{Name: p.Name, Version: p.Version, PURL: sbom.URL("composer", namespace, name, p.Version), Licenses: p.License})
	}
	return sbom.Write(l.SBOMPath(libcnb.CycloneDXJSON), components)
}
