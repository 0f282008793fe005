package buildpacks

import (
	"slices"
	"strings"

	"github.com/slugc/slugc/stack"
)

// Target is what a buildpack builds for. An empty field fits everything, and so
// does an empty list of distributions.
type Target struct {
	OS, Arch, Variant string
	Distros           []Distro
}

// Distro is a distribution in a target, by ID and VERSION_ID of os-release(5).
type Distro struct {
	Name, Version string
}

// Fits reports whether a buildpack for the target can build for s. What is not
// known of s fits; but when neither name nor version of its distribution is
// known, no target that names distributions does (CNB Buildpack API 0.10,
// "Targets").
func (t Target) Fits(s stack.Target) bool {
	if !fits(t.OS, s.OS) || !fits(t.Arch, s.Arch) || !fits(t.Variant, s.Variant) {
		return false
	}
	if len(t.Distros) == 0 {
		return true
	}
	if s.DistroName == "" && s.DistroVersion == "" {
		return false
	}
	return slices.ContainsFunc(t.Distros, func(d Distro) bool {
		return fits(d.Name, s.DistroName) && fits(d.Version, s.DistroVersion)
	})
}

func fits(a, b string) bool { return a == "" || b == "" || a == b }

// String is the target for people: linux/arm64 on ubuntu 22.04 or debian.
func (t Target) String() string {
	var s string
	switch {
	case t.OS == "" && t.Arch == "":
		s = "any machine"
	case t.OS == "":
		s = t.Arch
	case t.Arch == "":
		s = t.OS
	default:
		s = t.OS + "/" + t.Arch
	}
	if t.Variant != "" {
		s += "/" + t.Variant
	}
	var distros []string
	for _, d := range t.Distros {
		if name := strings.TrimSpace(d.Name + " " + d.Version); name != "" {
			distros = append(distros, name)
		}
	}
	if len(distros) > 0 {
		s += " on " + strings.Join(distros, " or ")
	}
	return s
}

// Fits reports whether the buildpack is for s: one of its own fits, or
// it names none.
func (d Descriptor) Fits(s stack.Target) bool {
	return len(d.Targets) == 0 || slices.ContainsFunc(d.Targets, func(own Target) bool { return own.Fits(s) })
}
