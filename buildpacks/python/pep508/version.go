package pep508

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Version is a version as PEP 440 orders it.
type Version struct {
	text    string
	epoch   *big.Int
	release []*big.Int
	// pre is the phase of a prerelease, "a", "b" or "rc", and its number.
	pre       string
	preNumber *big.Int
	post, dev *big.Int
	local     []string
}

var versionForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)` +
		`(?:[-_.]?(alpha|beta|preview|pre|a|b|c|rc)[-_.]?([0-9]*))?` +
		`(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?` +
		`(?:[-_.]?(dev)[-_.]?([0-9]*))?` +
		`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)
})

// maxVersion bounds what is looked at as a version.
const maxVersion = 200

// ParseVersion reads a version, in any of the spellings that PEP 440 accepts.
func ParseVersion(text string) (Version, error) {
	match := versionForm().FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if match == nil || len(text) > maxVersion {
		return Version{}, fmt.Errorf("%q is no version of a Python package", text)
	}
	v := Version{text: strings.TrimSpace(text), epoch: numberOf(match[1])}
	for part := range strings.SplitSeq(match[2], ".") {
		v.release = append(v.release, numberOf(part))
	}
	if match[3] != "" {
		v.pre, v.preNumber = phase(match[3]), numberOf(match[4])
	}
	switch {
	case match[5] != "":
		v.post = numberOf(match[5])
	case match[6] != "":
		v.post = numberOf(match[7])
	}
	if match[8] != "" {
		v.dev = numberOf(match[9])
	}
	if match[10] != "" {
		v.local = regexp.MustCompile(`[-_.]`).Split(match[10], -1)
	}
	return v, nil
}

func phase(word string) string {
	switch word {
	case "alpha", "a":
		return "a"
	case "beta", "b":
		return "b"
	}
	return "rc"
}

func numberOf(digits string) *big.Int {
	n, known := new(big.Int).SetString(digits, 10)
	if !known {
		return new(big.Int)
	}
	return n
}

// String is the version as it was written.
func (v Version) String() string { return v.text }

// isPrerelease tells whether it comes before a release of its numbers.
func (v Version) isPrerelease() bool { return v.pre != "" || v.dev != nil }

// Compare orders two versions (PEP 440, "Summary of permitted suffixes and
// relative ordering").
func (v Version) Compare(w Version) int {
	return cmp.Or(v.epoch.Cmp(w.epoch), compareNumbers(v.release, w.release), v.comparePublic(w), compareLocal(v.local, w.local))
}

func compareNumbers(a, b []*big.Int) int {
	for i := range max(len(a), len(b)) {
		if order := at(a, i).Cmp(at(b, i)); order != 0 {
			return order
		}
	}
	return 0
}

func at(numbers []*big.Int, i int) *big.Int {
	if i < len(numbers) {
		return numbers[i]
	}
	return new(big.Int)
}

// comparePublic orders what stands behind the numbers.
func (v Version) comparePublic(w Version) int {
	return cmp.Or(cmp.Compare(v.rank(), w.rank()), cmp.Compare(v.pre, w.pre), compareOptional(v.preNumber, w.preNumber, -1),
		compareOptional(v.post, w.post, -1), compareOptional(v.dev, w.dev, 1))
}

// rank is 0 for a development release of a final one, 1 for prereleases and 2
// for what comes after.
func (v Version) rank() int {
	switch {
	case v.pre != "":
		return 1
	case v.post == nil && v.dev != nil:
		return 0
	}
	return 2
}

// compareOptional orders two numbers of which either may be missing; a missing
// one is missing below (-1) or above (1) all others.
func compareOptional(a, b *big.Int, missing int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return missing
	case b == nil:
		return -missing
	}
	return a.Cmp(b)
}

func compareLocal(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		xDigits, yDigits := digits(x), digits(y)
		switch {
		case xDigits && yDigits:
			return numberOf(x).Cmp(numberOf(y))
		case xDigits:
			return 1
		case yDigits:
			return -1
		}
		return strings.Compare(x, y)
	})
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// public is a version without its local part.
func (v Version) public() Version {
	v.local = nil
	return v
}

// startsWith tells whether the numbers begin with those of another version, and
// all else of it is the same where that has more (PEP 440, "==3.1.*").
func (v Version) startsWith(w Version) bool {
	if v.epoch.Cmp(w.epoch) != 0 {
		return false
	}
	for i, want := range w.release {
		if at(v.release, i).Cmp(want) != 0 {
			return false
		}
	}
	return true
}
