package php

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// number is a version as Composer compares it: four numbers, and how stable it
// is (composer/semver, "VersionParser::normalize").
type number struct {
	parts [4]int
	// stability is "" for a release, else "dev", "alpha", "beta", "RC" or "patch".
	stability string
	// of counts prereleases of one kind.
	of int
	// dev is a version between two.
	dev bool
}

// constraint is a set of versions: one of several conjunctions has to hold.
type constraint struct {
	text string
	any  [][]bound
}

// bound is a comparison.
type bound struct {
	operator string
	version  number
}

// the order of stabilities.
func rank(stability string) int {
	switch stability {
	case "dev":
		return 0
	case "alpha":
		return 1
	case "beta":
		return 2
	case "RC":
		return 3
	case "patch":
		return 5
	}
	return 4
}

func (n number) compare(other number) int {
	for i := range n.parts {
		if c := cmp.Compare(n.parts[i], other.parts[i]); c != 0 {
			return c
		}
	}
	sign := func(dev bool) int {
		if dev {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(n.stability), rank(other.stability)), cmp.Compare(n.of, other.of), cmp.Compare(sign(n.dev), sign(other.dev)))
}

const modifier = `(?:[._-]?(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*))?([.-]?dev)?`

var (
	versionPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?` + modifier + `(?:\+\S+)?$`)
	})
	wildcardPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.[xX*])+$`)
	})
	anythingPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v?[xX*](?:\.[xX*])*$`) })
	flagPattern     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^([^,\s@]*)@(stable|RC|beta|alpha|dev)$`) })
	aliasPattern    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+)\s+as\s+\S+$`) })
	hyphenPattern   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+)\s+-\s+(\S+)$`) })
	operatorPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(<>|!=|>=|<=|==|>|<|=|\^|~>|~)?\s*(.*)$`) })
	orPattern       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s*\|\|?\s*`) })
	behindPattern   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`([<>=!^~])\s+`) })
	stabilitySuffix = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)-(?:stable|dev|alpha|beta|b|RC|a|patch|pl|p)[.\d]*$`)
	})
	firstDigits      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d{1,9}`) })
	platformSuffixes = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d+(?:\.\d+)*`) })
)

// parseNumber reads a version. Given is how many numbers are written.
func parseNumber(text string) (n number, given int, ok bool) {
	match := versionPattern().FindStringSubmatch(text)
	if match == nil {
		return number{}, 0, false
	}
	for i, part := range match[1:5] {
		if part == "" {
			break
		}
		value, err := strconv.Atoi(part)
		if err != nil {
			return number{}, 0, false
		}
		n.parts[i], given = value, i+1
	}
	switch strings.ToLower(match[5]) {
	case "alpha", "a":
		n.stability = "alpha"
	case "beta", "b":
		n.stability = "beta"
	case "rc":
		n.stability = "RC"
	case "patch", "pl", "p":
		n.stability = "patch"
	}
	if digits := firstDigits().FindString(match[6]); digits != "" && n.stability != "" {
		value, err := strconv.Atoi(digits)
		if err != nil {
			return number{}, 0, false
		}
		n.of = value
	}
	if match[7] != "" {
		if n.stability == "" {
			n.stability = "dev"
		} else {
			n.dev = true
		}
	}
	return n, given, true
}

// parseConstraint reads a constraint of Composer (composer/semver,
// "VersionParser::parseConstraints"). Ok is false for one that names a branch:
// which versions that allows, its repository alone knows.
func parseConstraint(text string) (c constraint, ok bool, err error) {
	c.text = text
	for _, alternative := range orPattern().Split(strings.TrimSpace(text), -1) {
		all, ok, err := parseAll(strings.TrimSpace(alternative))
		if err != nil {
			return c, false, fmt.Errorf("%q does not say which versions: %w", text, err)
		}
		if !ok {
			return c, false, nil
		}
		c.any = append(c.any, all)
	}
	return c, true, nil
}

// parseAll reads bounds that all have to hold.
func parseAll(text string) (all []bound, ok bool, err error) {
	if match := aliasPattern().FindStringSubmatch(text); match != nil {
		text = match[1]
	}
	if match := hyphenPattern().FindStringSubmatch(text); match != nil {
		all, err = hyphen(match[1], match[2])
		return all, true, err
	}
	parts := strings.FieldsFunc(behindPattern().ReplaceAllString(text, "$1"), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
	if len(parts) == 0 {
		return nil, false, fmt.Errorf("a part of it is empty")
	}
	for _, part := range parts {
		bounds, ok, err := parseOne(part)
		if err != nil || !ok {
			return nil, ok, err
		}
		all = append(all, bounds...)
	}
	return all, true, nil
}

// isBranch tells whether a text names a branch of a repository.
func isBranch(text string) bool {
	return strings.HasPrefix(text, "dev-") || strings.HasSuffix(text, "-dev") && strings.ContainsAny(text, "xX*")
}

// parseOne reads a single bound.
func parseOne(text string) (bounds []bound, ok bool, err error) {
	if match := flagPattern().FindStringSubmatch(text); match != nil {
		text = match[1]
		if text == "" {
			text = "*"
		}
	}
	if before, _, commit := strings.Cut(text, "#"); commit {
		text = before
	}
	if anythingPattern().MatchString(text) {
		return nil, true, nil
	}
	if isBranch(text) {
		return nil, false, nil
	}
	if match := wildcardPattern().FindStringSubmatch(text); match != nil {
		return between(strings.TrimRight(strings.Join(match[1:4], "."), "."))
	}
	match := operatorPattern().FindStringSubmatch(text)
	operator, version := match[1], match[2]
	switch operator {
	case "~>":
		return nil, false, fmt.Errorf("%q has the sign ~>, which Composer does not know; it is ~", text)
	case "^", "~":
		return growing(operator, version)
	case "<>":
		operator = "!="
	case "==", "":
		operator = "="
	}
	if isBranch(version) {
		return nil, false, nil
	}
	n, given, ok := parseNumber(version)
	if !ok {
		return nil, false, fmt.Errorf("%q is no version", version)
	}
	if given == 0 {
		return nil, false, fmt.Errorf("%q is no version", version)
	}
	if (operator == "<" || operator == ">=") && n.stability == "" && !stabilitySuffix().MatchString(version) {
		n.stability = "dev"
	}
	return []bound{{operator, n}}, true, nil
}

// between are all versions that begin with some numbers.
func between(text string) ([]bound, bool, error) {
	n, given, ok := parseNumber(text)
	if !ok {
		return nil, false, fmt.Errorf("%q is no version", text)
	}
	low, high := bare(n), next(n, given-1)
	if low.parts == ([4]int{}) && given == 1 {
		return []bound{{"<", high}}, true, nil
	}
	return []bound{{">=", low}, {"<", high}}, true, nil
}

// growing reads "^" and "~".
func growing(operator, version string) ([]bound, bool, error) {
	if isBranch(version) {
		return nil, false, nil
	}
	n, given, ok := parseNumber(version)
	if !ok {
		return nil, false, fmt.Errorf("%q is no version", version)
	}
	low := n
	if low.stability == "" && !stabilitySuffix().MatchString(version) {
		low.stability = "dev"
	}
	place := max(0, given-2)
	if operator == "^" {
		switch {
		case n.parts[0] != 0 || given == 1:
			place = 0
		case n.parts[1] != 0 || given == 2:
			place = 1
		default:
			place = 2
		}
	}
	return []bound{{">=", low}, {"<", next(n, place)}}, true, nil
}

// hyphen reads "1.0 - 2.0": the last number of an incomplete end is any.
func hyphen(from, to string) ([]bound, error) {
	low, _, ok := parseNumber(from)
	if !ok {
		return nil, fmt.Errorf("%q is no version", from)
	}
	high, given, ok := parseNumber(to)
	if !ok {
		return nil, fmt.Errorf("%q is no version", to)
	}
	if low.stability == "" {
		low.stability = "dev"
	}
	if given >= 3 || high.stability != "" {
		return []bound{{">=", low}, {"<=", high}}, nil
	}
	return []bound{{">=", low}, {"<", next(high, given-1)}}, nil
}

// bare is the first of all versions with the numbers of one.
func bare(n number) number { return number{parts: n.parts, stability: "dev"} }

// next is the first version with a higher number at a place.
func next(n number, place int) number {
	var above number
	copy(above.parts[:], n.parts[:place+1])
	above.parts[place]++
	above.stability = "dev"
	return above
}

// allows tells whether a version is in the set.
func (c constraint) allows(n number) bool {
	for _, all := range c.any {
		holds := true
		for _, b := range all {
			holds = holds && b.holds(n)
		}
		if holds {
			return true
		}
	}
	return false
}

func (b bound) holds(n number) bool {
	order := n.compare(b.version)
	switch b.operator {
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "!=":
		return order != 0
	}
	return order == 0
}

// mostPatches bounds the patch levels of a line that are looked at.
const mostPatches = 100

// allowsLine tells whether a version of a line, such as 8.4, is in the set.
func (c constraint) allowsLine(line string) bool {
	n, given, ok := parseNumber(line)
	if !ok || given != 2 {
		return false
	}
	for n.parts[2] = 0; n.parts[2] < mostPatches; n.parts[2]++ {
		if c.allows(n) {
			return true
		}
	}
	return false
}

// plain is the part of a version of PHP that counts: "8.4.27" of
// "8.4.27-1~deb13u1".
func plain(version string) string { return platformSuffixes().FindString(version) }
