package sbom

import (
	"debug/buildinfo"
	"path"
	"runtime/debug"
	"strings"
)

// OfProgram is what a Go program is made of, as it says itself (debug/buildinfo):
// the modules that are linked in, and the standard library. A module that is a
// directory has no version, and is left out.
func OfProgram(file string) ([]Component, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return linked(info), nil
}

// linked are the parts of a program.
func linked(info *debug.BuildInfo) []Component {
	// The version may have the experiments behind it that it was built with.
	number, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	components := []Component{{PURL: URL("golang", "", "stdlib", number), Name: "stdlib", Version: number}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version == "" || m.Version == "(devel)" {
			continue
		}
		namespace, name := path.Split(m.Path)
		components = append(components, Component{
			PURL: URL("golang", strings.TrimSuffix(namespace, "/"), name, m.Version), Name: m.Path, Version: m.Version,
		})
	}
	return components
}
