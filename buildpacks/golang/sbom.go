package golang

import (
	"debug/buildinfo"
	"fmt"
	"path"
	"runtime/debug"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/compiled"
	"github.com/slugc/slugc/buildpacks/language/sbom"
)

// writeSBOM writes what the programs are made of, as they say themselves: the
// modules that are linked in, and the standard library.
func writeSBOM(file string, programs []compiled.Program) error {
	var components []sbom.Component
	for _, one := range programs {
		info, err := buildinfo.ReadFile(one.File)
		if err != nil {
			return fmt.Errorf("reading what %s is made of: %w", one.Name, err)
		}
		components = append(components, linked(info)...)
	}
	return sbom.Write(file, components)
}

// linked are the components of a program.
func linked(info *debug.BuildInfo) []sbom.Component {
	// The version may have the experiments behind it that it was built with.
	number, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	components := []sbom.Component{{PURL: sbom.URL("golang", "", "stdlib", number), Name: "stdlib", Version: number}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version == "" || m.Version == "(devel)" {
			continue // a directory of the app
		}
		namespace, name := path.Split(m.Path)
		components = append(components, sbom.Component{
			PURL: sbom.URL("golang", strings.TrimSuffix(namespace, "/"), name, m.Version), Name: m.Path, Version: m.Version,
		})
	}
	return components
}
