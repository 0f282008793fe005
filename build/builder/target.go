package builder

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// targetDoc is a target in a package.toml (CNB Distribution API,
// "package.toml"). Its distributions say nothing about an image.
type targetDoc struct {
	OS, Arch, Variant string
	ArchVariant       string `toml:"arch-variant"`
}

// maxTargets bounds the images of a package.
const maxTargets = 64

// targetsOf reads targets.
func targetsOf(docs []targetDoc) ([]buildpacks.Target, error) {
	if len(docs) > maxTargets {
		return nil, fmt.Errorf("%d targets; expected at most %d", len(docs), maxTargets)
	}
	var targets []buildpacks.Target
	for i, d := range docs {
		t := buildpacks.Target{OS: d.OS, Arch: d.Arch, Variant: cmp.Or(d.Variant, d.ArchVariant)}
		if err := checkTarget(t); err != nil {
			return nil, fmt.Errorf("target %d: %w", i+1, err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// wordForm is a part of a target: it also names folders.
var wordForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

const targetHint = "expected OS[/ARCH[/VARIANT]][:DISTRO@VERSION], such as linux/amd64"

// checkTarget says what is wrong with a target.
func checkTarget(t buildpacks.Target) error {
	if t.Variant != "" && t.Arch == "" {
		return errors.New("it has a variant of no architecture; " + targetHint)
	}
	for _, word := range []string{t.OS, t.Arch, t.Variant} {
		if word != "" && !wordForm.MatchString(word) {
			return fmt.Errorf("%.100q cannot be a part of it; %s", word, targetHint)
		}
	}
	return nil
}

// ParseTarget reads OS[/ARCH[/VARIANT]], with the distributions that it is for
// behind a colon: linux/amd64:debian@12@13;ubuntu@24.04.
func ParseTarget(text string) (buildpacks.Target, error) {
	platform, distros, named := strings.Cut(text, ":")
	parts := strings.Split(platform, "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return buildpacks.Target{}, fmt.Errorf("target %.100q: %s", text, targetHint)
	}
	parts = append(parts, "", "")
	t := buildpacks.Target{OS: parts[0], Arch: parts[1], Variant: parts[2]}
	if err := checkTarget(t); err != nil {
		return buildpacks.Target{}, fmt.Errorf("target %.100q: %w", text, err)
	}
	if t.OS != linux {
		return buildpacks.Target{}, fmt.Errorf("target %.100q: slugc builds for linux only; %s", text, targetHint)
	}
	if !named {
		return t, nil
	}
	for distro := range strings.SplitSeq(distros, ";") {
		words := strings.Split(distro, "@")
		if slices.ContainsFunc(words, func(w string) bool { return !wordForm.MatchString(w) }) {
			return buildpacks.Target{}, fmt.Errorf("target %.100q: %s", text, targetHint)
		}
		if len(words) == 1 {
			t.Distros = append(t.Distros, buildpacks.Distro{Name: words[0]})
		}
		for _, version := range words[1:] {
			t.Distros = append(t.Distros, buildpacks.Distro{Name: words[0], Version: version})
		}
	}
	return t, nil
}

// platforms are targets as the platforms of images, each once. What is not for
// linux is left out: slugc builds for nothing else.
func platforms(targets []buildpacks.Target) ([]buildpacks.Target, error) {
	if len(targets) == 0 {
		return []buildpacks.Target{{OS: linux}}, nil
	}
	var all []buildpacks.Target
	for _, t := range targets {
		t.Distros = nil
		if t.OS == "" {
			t.OS = linux
		}
		if t.OS == linux && !slices.ContainsFunc(all, func(o buildpacks.Target) bool { return o.String() == t.String() }) {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("none of its targets is for linux, and slugc builds for nothing else")
	}
	return all, nil
}

// linux is the only system that slugc builds for.
const linux = "linux"

// folderFor is the deepest folder of a buildpack that has the scripts for a
// target: its directory itself where there is none.
func folderFor(dir string, t buildpacks.Target) string {
	found, below := dir, dir
	for _, part := range []string{t.OS, t.Arch, t.Variant} {
		if part == "" {
			break
		}
		below = filepath.Join(below, part)
		if info, err := os.Lstat(below); err != nil || !info.IsDir() {
			break
		}
		if _, err := os.Lstat(filepath.Join(below, "bin")); err == nil {
			found = below
		}
	}
	return found
}
