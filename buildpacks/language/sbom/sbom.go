package sbom

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// Component is a package that was installed.
type Component struct {
	// PURL is its package URL; see URL.
	PURL string
	// Name and Version are those of its community. A name with a namespace is
	// whole: "@babel/core", "org.eclipse.jetty:jetty-server".
	Name, Version string
	// Licenses are SPDX identifiers or expressions, or free names.
	Licenses []string
	// SHA256 and SHA512 are checksums of the package file in hexadecimal
	// digits, empty where they are not known.
	SHA256, SHA512 string
}

// URL is the package URL of a package: kind is "npm", "pypi", "maven",
// "golang", "gem" and so on, namespace may be empty (package-url/purl-spec).
func URL(kind, namespace, name, version string) string {
	return purl.New(kind, namespace, name, version, nil).String()
}

// Write writes a bill of materials unless the file has the right content.
func Write(file string, components []Component) error {
	text, err := encode(components)
	if err != nil {
		return fmt.Errorf("writing the bill of materials: %w", err)
	}
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := layer.WriteBeside(file, text, 0o644); err != nil {
		return fmt.Errorf("writing the bill of materials: %w", err)
	}
	return nil
}

func encode(components []Component) ([]byte, error) {
	sorted := slices.Clone(components)
	slices.SortFunc(sorted, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Component) bool { return a.PURL == b.PURL && a.Name == b.Name && a.Version == b.Version })
	list := make([]cyclonedx.Component, 0, len(sorted))
	for _, c := range sorted {
		one := cyclonedx.Component{Type: cyclonedx.ComponentTypeLibrary, BOMRef: c.PURL, Name: c.Name, Version: c.Version, PackageURL: c.PURL}
		var hashes []cyclonedx.Hash
		if c.SHA256 != "" {
			hashes = append(hashes, cyclonedx.Hash{Algorithm: cyclonedx.HashAlgoSHA256, Value: c.SHA256})
		}
		if c.SHA512 != "" {
			hashes = append(hashes, cyclonedx.Hash{Algorithm: cyclonedx.HashAlgoSHA512, Value: c.SHA512})
		}
		if hashes != nil {
			one.Hashes = &hashes
		}
		if len(c.Licenses) > 0 {
			var licenses cyclonedx.Licenses
			for _, name := range c.Licenses {
				licenses = append(licenses, cyclonedx.LicenseChoice{License: &cyclonedx.License{Name: name}})
			}
			one.Licenses = &licenses
		}
		list = append(list, one)
	}
	bom := cyclonedx.NewBOM()
	bom.Components = &list
	var text bytes.Buffer
	encoder := cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON)
	encoder.SetEscapeHTML(false)
	encoder.SetPretty(true)
	if err := encoder.EncodeVersion(bom, cyclonedx.SpecVersion1_5); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
