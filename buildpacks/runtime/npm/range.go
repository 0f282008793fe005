package npm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Range is a set of versions (node-semver, "Ranges").
type Range struct {
	text  string
	exact *semver.Version
	// any allows everything, prereleases too, as "*" does in npm.
	any          bool
	alternatives *semver.Constraints
}

// ParseRange reads a range: "^18.1", "~20", ">=18 <21", "18 || 20", "18 - 20",
// "22.x", "v22.1.0", "" and "*".
func ParseRange(text string) (Range, error) {
	r := Range{text: text}
	var alternatives []string
	for alternative := range strings.SplitSeq(text, "||") {
		alternative = strings.TrimSpace(alternative)
		if alternative == "" {
			// An empty alternative is every version.
			alternative = "*"
		}
		alternatives = append(alternatives, alternative)
	}
	if len(alternatives) == 1 {
		if alternatives[0] == "*" {
			r.any = true
		}
		bare := strings.TrimLeft(strings.TrimPrefix(alternatives[0], "="), "vV ")
		if exact, err := semver.StrictNewVersion(bare); err == nil {
			r.exact = exact
			return r, nil
		}
	}
	constraints, err := semver.NewConstraint(strings.Join(alternatives, " || "))
	if err != nil {
		return Range{}, fmt.Errorf("%q is not a range of versions", text)
	}
	r.alternatives = constraints
	return r, nil
}

// String is the range as it was written.
func (r Range) String() string { return r.text }

// Exact is the version of a range that allows just one.
func (r Range) Exact() (version string, exact bool) {
	if r.exact == nil {
		return "", false
	}
	return r.exact.String(), true
}

// Allows tells whether a version is in the range. What is no version is not.
func (r Range) Allows(version string) bool {
	v, err := semver.StrictNewVersion(version)
	if err != nil {
		return false
	}
	switch {
	case r.any:
		return true
	case r.exact != nil:
		return r.exact.Equal(v)
	case r.alternatives != nil:
		return r.alternatives.Check(v)
	}
	return false
}

// Best is the newest of some versions that is in the range, "" when none is, as
// for the zero Range.
// Prereleases are left out, unless the range is one exact version.
func (r Range) Best(versions []string) string {
	var best *semver.Version
	for _, version := range versions {
		v, err := semver.StrictNewVersion(version)
		if err != nil || !r.Allows(version) || v.Prerelease() != "" && r.exact == nil {
			continue
		}
		if best == nil || v.GreaterThan(best) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// Nearest are up to n of some versions, prereleases left out, that are closest
// to a range which allows none of them, oldest first: those of the same major
// version, where there are any, else those around it.
func (r Range) Nearest(versions []string, n int) []string {
	var all []*semver.Version
	for _, version := range versions {
		if v, err := semver.StrictNewVersion(version); err == nil && v.Prerelease() == "" {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, (*semver.Version).Compare)
	all = slices.CompactFunc(all, (*semver.Version).Equal)
	at, found := r.lowest()
	if !found {
		at = semver.New(0, 0, 0, "", "")
		if len(all) > 0 {
			at = all[len(all)-1]
		}
	}
	place, _ := slices.BinarySearchFunc(all, at, (*semver.Version).Compare)
	from := min(max(0, place-n/2), max(0, len(all)-n))
	var nearest []string
	for _, v := range all[from:min(len(all), from+n)] {
		nearest = append(nearest, v.Original())
	}
	return nearest
}

// lowest is the first version that the text of a range names.
func (r Range) lowest() (*semver.Version, bool) {
	text := strings.TrimLeft(r.text, " vV=<>~^")
	end := strings.IndexFunc(text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
	if end >= 0 {
		text = text[:end]
	}
	v, err := semver.NewVersion(strings.TrimRight(text, "."))
	return v, err == nil
}

// Major is the major version of a version, -1 of what is none.
func Major(version string) int {
	v, err := semver.StrictNewVersion(version)
	if err != nil || v.Major() > 1<<30 {
		return -1
	}
	return int(v.Major())
}
