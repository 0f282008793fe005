package resolve

import (
	"fmt"
	"strings"

	"github.com/slugc/slugc/stack/debian/control"
)

// Candidate is a version of a package that could be selected.
type Candidate struct {
	control.Package
	Depends, PreDepends, Conflicts, Breaks []control.Relation
	Provides                               []control.Provided
	// MultiArch is "", "no", "same", "foreign" or "allowed".
	MultiArch string
	Essential bool
	// Priority is "required", "important", "standard", "optional" or "extra"
	// (Policy 2.5).
	Priority string
}

// ParseCandidate reads the stanza of a package in the Packages file of an
// archive. Architecture restrictions in it are those for arch.
func ParseCandidate(p control.Paragraph, archive, arch string) (Candidate, error) {
	pkg, err := control.ParsePackage(p, archive)
	if err != nil {
		return Candidate{}, err
	}
	c := Candidate{
		Package: pkg, MultiArch: strings.ToLower(p.Get("Multi-Arch")),
		Essential: strings.EqualFold(p.Get("Essential"), "yes"), Priority: strings.ToLower(p.Get("Priority")),
	}
	for _, f := range []struct {
		name string
		to   *[]control.Relation
	}{
		{"Pre-Depends", &c.PreDepends}, {"Depends", &c.Depends}, {"Conflicts", &c.Conflicts}, {"Breaks", &c.Breaks},
	} {
		if *f.to, err = control.ParseRelations(p.Get(f.name), arch); err != nil {
			return Candidate{}, fmt.Errorf("reading %s of %s: %w", f.name, pkg, err)
		}
	}
	if c.Provides, err = control.ParseProvides(p.Get("Provides")); err != nil {
		return Candidate{}, fmt.Errorf("reading Provides of %s: %w", pkg, err)
	}
	return c, nil
}

// is says whether it is a package of the name and version that are asked for.
func (c *Candidate) is(p control.Possibility, arch string) bool {
	return c.Name == p.Name && p.Admits(c.Version) && c.qualifies(p.Arch, arch)
}

// provides says whether it provides what is asked for.
func (c *Candidate) provides(p control.Possibility, arch string) bool {
	if !c.qualifies(p.Arch, arch) {
		return false
	}
	for _, v := range c.Provides {
		if v.Name == p.Name && (p.Op == "" || v.Version != "" && p.Admits(v.Version)) {
			return true
		}
	}
	return false
}

// satisfies says whether it is or provides what is asked for.
func (c *Candidate) satisfies(p control.Possibility, arch string) bool {
	return c.is(p, arch) || c.provides(p, arch)
}

// qualifies says whether its architecture is the one of a qualifier, in a root
// filesystem of one architecture (Policy 7.1, dpkg's deb-control(5)).
func (c *Candidate) qualifies(qualifier, arch string) bool {
	switch qualifier {
	case "", "native":
		return true
	case "any":
		return c.MultiArch == "allowed"
	default:
		return qualifier == arch
	}
}

// enemies are what must not be there beside it. Breaks differs from Conflicts
// only while packages are being unpacked (Policy 7.3, 7.4).
func (c *Candidate) enemies() []hostility {
	all := make([]hostility, 0, len(c.Conflicts)+len(c.Breaks))
	for _, r := range c.Conflicts {
		for _, p := range r.Alternatives {
			all = append(all, hostility{verb: "conflicts with", against: p})
		}
	}
	for _, r := range c.Breaks {
		for _, p := range r.Alternatives {
			all = append(all, hostility{verb: "breaks", against: p})
		}
	}
	return all
}

// hostility is one enemy that a package names.
type hostility struct {
	verb    string
	against control.Possibility
}

// rank orders providers: the lower, the sooner.
func (c *Candidate) rank() int {
	if c.Essential {
		return 0
	}
	switch c.Priority {
	case "required":
		return 1
	case "important":
		return 2
	case "standard":
		return 3
	case "extra":
		return 5
	}
	return 4
}
