package runtime

import (
	"fmt"
	"strings"
)

// machine has the names of an architecture.
type machine struct{ arch, machine, cpu string }

// machineOf returns the names of an architecture.
func machineOf(title, arch string) (machine, error) {
	switch arch {
	case "amd64":
		return machine{arch, "x86_64", "x64"}, nil
	case "arm64":
		return machine{arch, "aarch64", "arm64"}, nil
	}
	return machine{}, fmt.Errorf("there is no %s for %s: expected amd64 or arm64", title, arch)
}

// filler puts the words for a release into the texts of the catalogue.
func filler(m machine, version string) *strings.Replacer {
	numbers := strings.SplitN(version, ".", 3)
	for len(numbers) < 2 {
		numbers = append(numbers, "")
	}
	return strings.NewReplacer("{arch}", m.arch, "{machine}", m.machine, "{cpu}", m.cpu,
		"{version}", version, "{major}", numbers[0], "{minor}", numbers[1])
}

func fillAll(r *strings.Replacer, texts []string) []string {
	filled := make([]string, 0, len(texts))
	for _, text := range texts {
		filled = append(filled, r.Replace(text))
	}
	return filled
}
