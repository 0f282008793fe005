package runtime

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// Dialect is the way in which a community writes which versions it wants.
type Dialect string

// The dialects. They differ in what the same signs mean: "~8.2" allows 8.3 for
// Composer, and for npm it does not.
const (
	// NPM is node-semver's ("Ranges").
	NPM Dialect = "npm"
	// PEP440 is Python's (PEP 440, "Version specifiers").
	PEP440 Dialect = "pep440"
	// Gem is RubyGems' (Gem::Requirement).
	Gem Dialect = "gem"
	// Composer is PHP's (Composer, "Versions and constraints").
	Composer Dialect = "composer"
)

// Constraint is a set of versions.
type Constraint struct {
	text string
	// allowed is the same set in npm's grammar, which can say what every
	// other dialect can.
	allowed npm.Range
	// newest wants the newest version, whatever lines are preferred.
	newest bool
}

// ParseConstraint reads a constraint: "22.x", ">=3.11,<3.13", "~> 3.3", "17",
// "go1.25.3". A version that is not complete means all that begin with it, ""
// and "*" mean all.
func ParseConstraint(d Dialect, text string) (Constraint, error) {
	alternatives := []string{text}
	if d == NPM || d == Composer {
		alternatives = strings.Split(strings.ReplaceAll(text, "||", "|"), "|")
	}
	for i, alternative := range alternatives {
		rewritten, err := rewrite(d, strings.TrimSpace(alternative))
		if err != nil {
			return Constraint{}, fmt.Errorf("%q does not say which versions: %w", text, err)
		}
		alternatives[i] = rewritten
	}
	allowed, err := npm.ParseRange(strings.Join(alternatives, " || "))
	if err != nil {
		return Constraint{}, fmt.Errorf("%q does not say which versions: expected something like 3, 3.1, or >=3.1", text)
	}
	return Constraint{text: text, allowed: allowed}, nil
}

// Within is the constraint of a range of npm's.
func Within(r npm.Range) Constraint { return Constraint{text: r.String(), allowed: r} }

// String is the constraint as it was written.
func (c Constraint) String() string { return c.text }

// Allows tells whether a version, with all its three numbers, is in the set.
func (c Constraint) Allows(version string) bool { return c.allowed.Allows(version) }

// isZero tells whether nothing was asked for.
func (c Constraint) isZero() bool { return c == Constraint{} }

// clauses are one comparison each: an operator and a version.
var clause = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(===|==|~=|~>|!=|>=|<=|=|>|<|\^|~)?\s*(?:go)?v?([0-9xX*][0-9A-Za-z.*_+-]*)$`)
})

// joints are where clauses stand side by side: commas, or a blank after a
// version.
var joint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s*,\s*|([0-9A-Za-z*])\s+([<>=!~^0-9])`) })

// rewrite puts clauses that all have to hold into npm's grammar.
func rewrite(d Dialect, text string) (string, error) {
	if text == "" || text == "*" {
		return "*", nil
	}
	if low, high, found := strings.Cut(text, " - "); found {
		return low + " - " + high, nil
	}
	var parts []string
	for part := range strings.SplitSeq(joint().ReplaceAllString(text, "$1,$2"), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		match := clause().FindStringSubmatch(part)
		if match == nil {
			return "", fmt.Errorf("%q is no version", part)
		}
		operator, version := match[1], withDash(match[2])
		switch operator {
		case "===", "==":
			operator = "="
		case "!=":
			parts = append(parts, "!="+version)
			continue
		case "~=", "~>":
			operator = "~tilde"
		case "~":
			if d == Composer {
				operator = "~tilde"
			}
		case "":
			if d == Gem && complete(version) {
				operator = "="
			}
		}
		if operator != "~tilde" {
			if operator == "=" && !complete(version) {
				// An incomplete version is all that begin with it.
				operator = ""
			}
			parts = append(parts, operator+version)
			continue
		}
		bounds, err := pessimistic(version)
		if err != nil {
			return "", err
		}
		parts = append(parts, bounds)
	}
	if len(parts) == 1 {
		return strings.TrimPrefix(parts[0], "="), nil
	}
	return strings.Join(parts, ", "), nil
}

// prerelease is where the number of a version ends and the name of a
// prerelease begins without a sign: 1.26rc1, 3.14.0b2.
var prerelease = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)*)(a|b|rc|beta|alpha)([0-9]+)$`) })

// withDash is a version whose prerelease has a sign in front of it: those of Go
// and of Python have none.
func withDash(version string) string {
	match := prerelease().FindStringSubmatch(version)
	if match == nil {
		return version
	}
	return padded(match[1]) + "-" + match[2] + match[3]
}

// padded is a version with three numbers at least.
func padded(version string) string {
	for strings.Count(version, ".") < 2 {
		version += ".0"
	}
	return version
}

func complete(version string) bool {
	return strings.Count(version, ".") >= 2 && !strings.ContainsAny(version, "xX*")
}

// pessimistic is the range of a version that allows the last of its numbers to
// grow: 3.3 allows 3.9 but not 4, 3.3.1 allows 3.3.9 but not 3.4 (RubyGems'
// "~>", PEP 440's "~=", Composer's "~").
func pessimistic(version string) (string, error) {
	numbers := strings.Split(version, ".")
	last := max(0, len(numbers)-2)
	n, err := strconv.Atoi(numbers[last])
	if err != nil {
		return "", fmt.Errorf("%q is no version", version)
	}
	above := append(append([]string(nil), numbers[:last]...), strconv.Itoa(n+1))
	return ">=" + padded(version) + ", <" + padded(strings.Join(above, ".")), nil
}

// number is a version with three numbers of one that a registry writes in its
// own way: 1.20, 1.26rc1, 17.0.19+10-1~deb12u2. It is "" of what has none. Where
// Debian takes a version back, what is in the package stands behind "really":
// 3.1.7+really3.1.2-0+deb12u1 is 3.1.2.
func number(version string) string {
	if _, actual, takenBack := strings.Cut(version, "+really"); takenBack {
		version = actual
	}
	if match := prerelease().FindStringSubmatch(version); match != nil {
		return withDash(version)
	}
	match := leading().FindStringSubmatch(version)
	if match == nil {
		return ""
	}
	numbers := strings.Split(match[1], ".")
	return padded(strings.Join(numbers[:min(3, len(numbers))], "."))
}

// leading are the numbers of an upstream version behind an epoch
// (deb-version(7)).
var leading = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)`) })
