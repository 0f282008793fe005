package python

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/sbom"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// materials reads what is installed and writes the bill of it. It returns the
// versions by name.
func (b *build) materials(l libcnb.Layer, v environment) (map[string]string, error) {
	infos, err := filepath.Glob(filepath.Join(v.packages, "*.dist-info"))
	if err != nil {
		return nil, fmt.Errorf("reading what is installed: %w", err)
	}
	versions := map[string]string{}
	var components []sbom.Component
	for _, info := range infos {
		d, err := readMetadata(filepath.Join(info, "METADATA"))
		if err != nil {
			return nil, fmt.Errorf("reading what is installed: %w", err)
		}
		if d.Name == "" {
			continue
		}
		name := pep508.Normal(d.Name)
		versions[name] = d.Version
		d.PURL, d.Name = sbom.URL("pypi", "", name, d.Version), name
		components = append(components, d)
	}
	return versions, sbom.Write(l.SBOMPath(libcnb.CycloneDXJSON), components)
}

// readMetadata reads the head of a METADATA file (core metadata
// specifications).
func readMetadata(file string) (sbom.Component, error) {
	var c sbom.Component
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && lines.Text() != "" {
		field, value, found := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch {
		case !found:
		case field == "Name":
			c.Name = value
		case field == "Version":
			c.Version = value
		case field == "License-Expression":
			c.Licenses = []string{value}
		case field == "License" && len(c.Licenses) == 0 && value != "" && len(value) < 64:
			c.Licenses = []string{value}
		}
	}
	return c, lines.Err()
}
