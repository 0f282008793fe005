package control

import (
	"fmt"
	"strings"
)

// restricted says whether a list of architecture restrictions, "amd64 arm64" or
// "!hurd-any", names an architecture (Policy 7.1). An empty one does.
func restricted(list, arch string) (bool, error) {
	if list == "" {
		return true, nil
	}
	negated, matches := strings.HasPrefix(list, "!"), false
	for _, name := range strings.Fields(list) {
		name, not := strings.CutPrefix(name, "!")
		if not != negated {
			return false, fmt.Errorf("some of [%s] have an exclamation mark and some have none", list)
		}
		if err := checkArch(name); err != nil {
			return false, err
		}
		matches = matches || matchesArch(name, arch)
	}
	return matches != negated, nil
}

// matchesArch says whether an architecture is meant by a name or a wildcard
// (Policy 11.1): "any", "linux-any", "any-amd64".
func matchesArch(wildcard, arch string) bool {
	if wildcard == arch || wildcard == "any" {
		return true
	}
	system, cpu := splitArch(arch)
	wantedSystem, wantedCPU := splitArch(wildcard)
	return (wantedSystem == "any" || wantedSystem == system) && (wantedCPU == "any" || wantedCPU == cpu)
}

// splitArch returns the two parts of an architecture's name. Linux is that of
// names that have only the other one.
func splitArch(arch string) (system, cpu string) {
	if dash := strings.LastIndexByte(arch, '-'); dash >= 0 {
		return arch[:dash], arch[dash+1:]
	}
	return "linux", arch
}
