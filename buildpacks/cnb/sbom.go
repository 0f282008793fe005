package cnb

import (
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

// sbomFormat is the ends of the names of SBOM files and their media types (CNB
// Buildpack API 0.7, "Software-Bill-of-Materials").
func sbomFormat() map[string]string {
	return map[string]string{
		"cdx.json":  "application/vnd.cyclonedx+json",
		"spdx.json": "application/spdx+json",
		"syft.json": "application/vnd.syft+json",
	}
}

// sbom finds the SBOM files that the script left beside its layers. Those of
// layers that it did not declare are none, as the reference lifecycle has it. A
// launch layer's goes where processes are, one of another layer to the build,
// and that of a cached layer into the cache besides.
func (b *Buildpack) sbom(dir string, layers []buildpacks.Layer) ([]buildpacks.SBOM, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []buildpacks.SBOM
	for _, entry := range entries {
		about, format, found := cutLast(entry.Name(), ".sbom.")
		if !found || !strings.HasSuffix(format, ".json") {
			continue
		}
		var scopes []string
		s := buildpacks.SBOM{Buildpack: b.descriptor.ID, Format: format, File: filepath.Join(dir, entry.Name())}
		if about == "launch" || about == "build" {
			scopes = []string{about}
		} else {
			i := slices.IndexFunc(layers, func(l buildpacks.Layer) bool { return l.Name == about })
			if i < 0 {
				continue
			}
			s.Layer = about
			scopes = []string{"build"}
			if layers[i].Launch {
				scopes = []string{"launch"}
			}
			if layers[i].Cache {
				scopes = append(scopes, "cache")
			}
		}
		if err := b.checkSBOM(format); err != nil {
			return nil, fmt.Errorf("validating SBOM file %s for buildpack %s: %w", entry.Name(), b.descriptor, err)
		}
		if !entry.Type().IsRegular() {
			return nil, fmt.Errorf("%s: %w", entry.Name(), sandbox.ErrNoFile)
		}
		for _, scope := range scopes {
			s.Scope = scope
			all = append(all, s)
		}
	}
	return all, nil
}

// cutLast slices a name around the last separator; a layer's name may hold one.
func cutLast(name, separator string) (before, after string, found bool) {
	i := strings.LastIndex(name, separator)
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+len(separator):], true
}

// checkSBOM makes sure that the buildpack may write a format.
func (b *Buildpack) checkSBOM(format string) error {
	mediaType, known := sbomFormat()[format]
	if !known {
		return fmt.Errorf("unsupported SBOM file format: %q; expected .sbom.cdx.json, .sbom.spdx.json or .sbom.syft.json", format)
	}
	for _, declared := range b.sbomFormats {
		if parsed, _, err := mime.ParseMediaType(declared); err == nil && parsed == mediaType {
			return nil
		}
	}
	return fmt.Errorf("undeclared SBOM media type: '%s'; buildpack.toml needs sbom-formats = [%q]", mediaType, mediaType)
}

// bomDoc is an entry of the tables that SBOM files have replaced (CNB Buildpack
// API, "launch.toml (TOML) bom Array"). They are given up, and still in use.
type bomDoc struct {
	Name     string         `toml:"name"`
	Version  any            `toml:"version"`
	Metadata map[string]any `toml:"metadata"`
}

// bom checks and translates such a table.
func (b *Buildpack) bom(docs []bomDoc) ([]buildpacks.BOMEntry, error) {
	var all []buildpacks.BOMEntry
	for _, d := range docs {
		if d.Version != nil {
			return nil, fmt.Errorf("bom entry %q has a top level version which is not allowed; write metadata.version", d.Name)
		}
		if err := checkMetadata(d.Metadata); err != nil {
			return nil, fmt.Errorf("bom entry %q: %w", d.Name, err)
		}
		all = append(all, buildpacks.BOMEntry{
			Name: d.Name, Metadata: d.Metadata,
			Buildpack: buildpacks.BOMAuthor{ID: b.descriptor.ID, Version: b.descriptor.Version},
		})
	}
	return all, nil
}
