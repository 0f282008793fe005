package rust

import (
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/language/sbom"
)

// writeSBOM writes what the programs are made of: their packages, and the
// standard library, which is the distribution's.
func (t *toolchain) writeSBOM(file string, l lock, packages []string) error {
	release := t.installed.Release
	components := []sbom.Component{{PURL: release.PURL, Name: "rust", Version: release.Version}}
	for _, one := range packages {
		name, version, _ := strings.Cut(one, "@")
		if p, found := l.find(name, version); found {
			components = append(components, sbom.Component{PURL: p.url(), Name: name, Version: version, SHA256: p.Checksum})
		}
	}
	return sbom.Write(file, components)
}

// url is the package URL of a package (package-url/purl-spec, "cargo").
func (l locked) url() string {
	var from map[string]string
	if _, address, found := strings.Cut(l.Source, "+"); found && !l.fromDefault() {
		if l.fromRegistry() {
			from = map[string]string{"repository_url": address}
		} else {
			from = map[string]string{"vcs_url": l.Source}
		}
	}
	return purl.New("cargo", "", l.Name, l.Version, from).String()
}
