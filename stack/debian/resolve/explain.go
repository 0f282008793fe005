package resolve

import (
	"fmt"
	"strings"

	"github.com/slugc/slugc/stack/debian/control"
)

// explain says why a demand cannot be satisfied.
func (s *search) explain(selected *selection, d demand) (*failure, error) {
	fail := &failure{err: &UnsatisfiableError{Chain: chain(d)}}
	var reasons []string
	for _, p := range d.relation.Alternatives {
		reason, by, err := s.reason(selected, p)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, reason)
		if by == nil || by.base {
			continue
		}
		if fail.err.Against == nil {
			fail.err.Against = chain(by.cause)
		}
		if fail.bound == nil && by.Name == p.Name {
			best, err := s.index.best(p)
			if err != nil {
				return nil, err
			}
			if best != nil {
				fail.bound = &p
			}
		}
	}
	fail.err.Reason = strings.Join(reasons, " and ")
	return fail, nil
}

// reason says why an alternative is none, and returns the package that is in
// its way where there is one.
func (s *search) reason(selected *selection, p control.Possibility) (string, *choice, error) {
	if other := selected.selected[p.Name]; other != nil && (other.base || !p.Admits(other.Version)) {
		return there(other), other, nil
	}
	all, err := s.candidates(p)
	if err != nil {
		return "", nil, err
	}
	for _, c := range all {
		o, found := selected.obstacle(c)
		if !found {
			continue
		}
		reason := there(o.by)
		if o.clash != "" {
			reason = o.clash + ", and " + reason
		}
		return reason, o.by, nil
	}
	absent, err := s.absence(p)
	return absent, nil, err
}

// there says that a package is part of the selection.
func there(c *choice) string {
	if c.base {
		return fmt.Sprintf("the base has %s, which cannot be replaced", label(c.Candidate))
	}
	return label(c.Candidate) + " is selected"
}

// absence says what the archive has instead of what is asked for.
func (s *search) absence(p control.Possibility) (string, error) {
	versions, err := s.index.versions(p.Name)
	if err != nil {
		return "", err
	}
	if len(versions) > 0 {
		var have []string
		for _, c := range versions {
			if p.Admits(c.Version) && !c.qualifies(p.Arch, s.index.arch) {
				return fmt.Sprintf("the archive has no %s:%s", p.Name, p.Arch), nil
			}
			have = append(have, c.Version)
		}
		return fmt.Sprintf("the archive has %s %s", p.Name, strings.Join(have, ", ")), nil
	}
	providers, err := s.index.providers(control.Possibility{Name: p.Name})
	if err != nil {
		return "", err
	}
	if len(providers) > 0 {
		return fmt.Sprintf("the archive has no %s, and no package that provides it in that version", p.Name), nil
	}
	return fmt.Sprintf("the archive has no %s", p.Name), nil
}

// chain returns the steps from what is wanted to a demand.
func chain(d demand) []Step {
	var steps []Step
	for ; d.by != nil; d = d.by.cause {
		steps = append([]Step{{Package: label(d.by.Candidate), Relation: d.relation.String()}}, steps...)
	}
	return append([]Step{{Relation: d.relation.String()}}, steps...)
}
