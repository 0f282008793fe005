package golang

import (
	"fmt"

	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/language/sbom"
)

// writeSBOM writes what the programs are made of, as they say themselves.
func writeSBOM(file string, programs []compiled.Program) error {
	var components []sbom.Component
	for _, one := range programs {
		parts, err := sbom.OfProgram(one.File)
		if err != nil {
			return fmt.Errorf("reading what %s is made of: %w", one.Name, err)
		}
		components = append(components, parts...)
	}
	return sbom.Write(file, components)
}
