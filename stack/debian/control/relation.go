package control

import (
	"fmt"
	"strings"
)

// Relation is one member of a list of relations: what satisfies one of its
// alternatives satisfies it (Policy 7.1).
type Relation struct {
	Alternatives []Possibility
}

// String is the relation as it is written: "default-mta | mail-transport-agent".
func (r Relation) String() string {
	texts := make([]string, len(r.Alternatives))
	for i, a := range r.Alternatives {
		texts[i] = a.String()
	}
	return strings.Join(texts, " | ")
}

// Possibility is one alternative: a package, maybe of certain versions.
type Possibility struct {
	Name string
	// Arch is the architecture qualifier: "", "any", "native", or an
	// architecture.
	Arch string
	// Op is "<<", "<=", "=", ">=" or ">>", and "" when every version will do.
	Op string
	// Version is what Op compares with.
	Version string
}

// String is the possibility as it is written: "python3:any (>= 3.11)".
func (p Possibility) String() string {
	text := p.Name
	if p.Arch != "" {
		text += ":" + p.Arch
	}
	if p.Op != "" {
		text += " (" + p.Op + " " + p.Version + ")"
	}
	return text
}

// Admits says whether a version is one of those that the possibility asks for.
func (p Possibility) Admits(version string) bool {
	return p.Op == "" || holds(version, p.Op, p.Version)
}

// ParseRelations reads a list of relations, "a (>= 1), b | c:any [amd64]", for
// an architecture: alternatives that are restricted to other ones are left out.
func ParseRelations(text, arch string) ([]Relation, error) {
	var all []Relation
	for member := range strings.SplitSeq(text, ",") {
		if trim(member) == "" {
			// dpkg lets a comma too many pass.
			continue
		}
		r, err := parseRelation(member, arch)
		if err != nil {
			return nil, err
		}
		if len(r.Alternatives) > 0 {
			all = append(all, r)
		}
	}
	return all, nil
}

func parseRelation(text, arch string) (Relation, error) {
	var r Relation
	for alternative := range strings.SplitSeq(text, "|") {
		p, restrictions, err := parsePossibility(alternative)
		if err != nil {
			return Relation{}, fmt.Errorf("reading the relation %s: %w", quote(trim(text)), err)
		}
		applies, err := restricted(restrictions, arch)
		if err != nil {
			return Relation{}, fmt.Errorf("reading the relation %s: %w", quote(trim(text)), err)
		}
		if applies {
			r.Alternatives = append(r.Alternatives, p)
		}
	}
	return r, nil
}

// parsePossibility reads one alternative and returns what stands in its square
// brackets.
func parsePossibility(text string) (p Possibility, restrictions string, err error) {
	text = trim(text)
	name, rest := text, ""
	if end := strings.IndexAny(text, " \t\r\n([<"); end >= 0 {
		name, rest = text[:end], trim(text[end:])
	}
	qualified := false
	p.Name, p.Arch, qualified = strings.Cut(name, ":")
	if err := checkName(p.Name); err != nil {
		return Possibility{}, "", err
	}
	if qualified {
		if err := checkArch(p.Arch); err != nil {
			return Possibility{}, "", err
		}
	}
	for rest != "" {
		var inside string
		opening := rest[0]
		if inside, rest, err = bracket(rest); err != nil {
			return Possibility{}, "", err
		}
		switch {
		case opening == '(' && p.Op == "":
			if p.Op, p.Version, err = parseVersioned(inside); err != nil {
				return Possibility{}, "", err
			}
		case opening == '[' && restrictions == "":
			if inside == "" {
				return Possibility{}, "", fmt.Errorf("it names no architecture in []")
			}
			restrictions = inside
		case opening != '<':
			return Possibility{}, "", fmt.Errorf("it has %c twice", opening)
		}
	}
	return p, restrictions, nil
}

// bracket returns what stands in the brackets at the start of text, and what
// follows them.
func bracket(text string) (inside, rest string, err error) {
	closing := map[byte]string{'(': ")", '[': "]", '<': ">"}[text[0]]
	if closing == "" {
		return "", "", fmt.Errorf("%s was not expected after the name", quote(text))
	}
	inside, rest, found := strings.Cut(text[1:], closing)
	if !found {
		return "", "", fmt.Errorf("%s has no end", quote(text))
	}
	return trim(inside), trim(rest), nil
}

// parseVersioned reads what stands in parentheses: ">= 1.2".
func parseVersioned(text string) (op, version string, err error) {
	version = strings.TrimLeft(text, "<>=")
	written := text[:len(text)-len(version)]
	op, known := operator(written)
	if !known {
		return "", "", fmt.Errorf("%s is no comparison; expected <<, <=, =, >= or >>", quote(written))
	}
	version = trim(version)
	return op, version, checkVersion(version)
}

// Provided is a virtual package that a package provides (Policy 7.5).
type Provided struct {
	Name string
	// Version is "" when the package provides no certain one; it satisfies no
	// relation that asks for a version.
	Version string
}

// ParseProvides reads a list of what is provided: "mail-transport-agent,
// libfoo (= 1.2)".
func ParseProvides(text string) ([]Provided, error) {
	var all []Provided
	for member := range strings.SplitSeq(text, ",") {
		if trim(member) == "" {
			continue
		}
		p, restrictions, err := parsePossibility(member)
		if err != nil {
			return nil, fmt.Errorf("reading what %s provides: %w", quote(trim(member)), err)
		}
		if p.Arch != "" || restrictions != "" || p.Op != "" && p.Op != equal {
			return nil, fmt.Errorf("reading what %s provides: expected a name, or a name and (= version)", quote(trim(member)))
		}
		all = append(all, Provided{Name: p.Name, Version: p.Version})
	}
	return all, nil
}

// trim takes blanks and line ends off: lists are folded fields.
func trim(text string) string { return strings.Trim(text, " \t\r\n") }
