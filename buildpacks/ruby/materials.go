package ruby

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/sbom"
)

var (
	licensesLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*s\.licenses = \[([^\]]*)\]`) })
)

// materials writes the bill of what is installed: the gems of the lock file that
// are there.
func materials(l libcnb.Layer, a app, g bundle) error {
	var components []sbom.Component
	for _, one := range a.lock.gems {
		if one.kind == fromPath {
			continue // of the app itself
		}
		c := sbom.Component{Name: one.name, Version: one.version, PURL: sbom.URL("gem", "", one.name, one.version), SHA256: a.lock.sums[one.fullName()]}
		text, err := os.ReadFile(filepath.Join(g.home, "specifications", one.fullName()+".gemspec"))
		if os.IsNotExist(err) && one.kind == fromIndex {
			continue // of a group that is not installed, or of another platform
		}
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("reading what is installed: %w", err)
		}
		if match := licensesLine().FindSubmatch(text); match != nil {
			for _, name := range quotedText().FindAllSubmatch(match[1], -1) {
				c.Licenses = append(c.Licenses, string(name[1]))
			}
		}
		if one.kind == fromGit {
			found, err := filepath.Glob(filepath.Join(g.home, "bundler", "gems", "*"))
			if err != nil || len(found) == 0 {
				continue
			}
		}
		components = append(components, c)
	}
	return sbom.Write(l.SBOMPath(libcnb.CycloneDXJSON), components)
}
