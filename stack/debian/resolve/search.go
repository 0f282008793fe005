package resolve

import (
	"slices"

	"github.com/slugc/slugc/stack/debian/control"
)

// maxTries bounds the search. A base of some hundred packages takes a handful
// of choices; those who meet the bound have contradictory packages.
const maxTries = 10_000

// search looks for a selection.
type search struct {
	index *index
	// omitted are names that count as there.
	omitted map[string]bool
	tries   int
}

// failure is a dead end.
type failure struct {
	err *UnsatisfiableError
	// levels are the decisions that led to it: another outcome of any other
	// decision leads to it again.
	levels levels
	// bound is what a version of a package should have been that was selected
	// for a relation that did not care, nil when that is not the reason.
	bound *control.Possibility
}

// complete satisfies all demands of a selection, on a level of decisions. It returns a failure when
// it cannot be completed, and an error when the universe has one.
func (s *search) complete(selected *selection, level int) (*selection, *failure, error) {
	for {
		d, putOff, more := selected.next()
		if !more {
			return selected, nil, nil
		}
		satisfied, err := s.satisfied(selected, d.relation)
		if err != nil {
			return nil, nil, err
		}
		if satisfied {
			continue
		}
		ways, err := s.ways(selected, d)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case len(ways.candidates) == 0:
			fail, err := s.explain(selected, d)
			if err != nil {
				return nil, nil, err
			}
			fail.levels = ways.levels
			return nil, fail, nil
		case len(ways.candidates) == 1:
			selected.add(&choice{Candidate: ways.candidates[0], cause: d, levels: ways.levels})
		case !putOff:
			selected.open = append(selected.open, d)
		default:
			return s.decide(selected, d, ways, level)
		}
	}
}

// decide tries one way after the other.
func (s *search) decide(selected *selection, d demand, w ways, level int) (*selection, *failure, error) {
	var dead *failure
	// What leads here is part of what each failure is blamed on.
	var blame levels
	for _, c := range w.candidates {
		if s.tries++; s.tries > maxTries && dead != nil {
			return nil, &failure{err: dead.err}, nil
		}
		next := selected.clone()
		next.add(&choice{Candidate: c, cause: d, levels: w.levels.with(level)})
		done, fail, err := s.complete(next, level+1)
		if err != nil || fail == nil {
			return done, nil, err
		}
		if !fail.levels.has(level) {
			return nil, fail, nil
		}
		blame = blame.union(fail.levels)
		switch {
		case dead == nil:
			// The way that was preferred has the error that means the most.
			dead = &failure{err: fail.err, bound: fail.bound}
		case dead.bound == nil:
			dead.bound = fail.bound
		}
	}
	dead.levels = blame.without(level)
	return nil, dead, nil
}

// satisfied says whether a relation needs no more packages.
func (s *search) satisfied(selected *selection, r control.Relation) (bool, error) {
	for _, p := range r.Alternatives {
		if s.omitted[p.Name] || selected.has(p) {
			return true, nil
		}
	}
	if len(s.omitted) == 0 {
		return false, nil
	}
	for _, p := range r.Alternatives {
		providers, err := s.index.providers(p)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(providers, func(c *Candidate) bool { return s.omitted[c.Name] }) {
			return true, nil
		}
	}
	return false, nil
}

// ways are the packages of which each would satisfy a demand, the best first.
type ways struct {
	candidates []*Candidate
	// levels are the decisions that led to the demand and to having no more
	// ways.
	levels levels
}

func (s *search) ways(selected *selection, d demand) (ways, error) {
	w := ways{levels: d.levels()}
	has := map[string]bool{}
	for _, p := range d.relation.Alternatives {
		all, err := s.candidates(p)
		if err != nil {
			return ways{}, err
		}
		for _, c := range all {
			if o, found := selected.obstacle(c); found {
				w.levels = w.levels.union(o.by.levels)
			} else if !has[c.Name] {
				has[c.Name] = true
				w.candidates = append(w.candidates, c)
			}
		}
	}
	return w, nil
}

// candidates returns the package that is asked for, and those that provide it.
func (s *search) candidates(p control.Possibility) ([]*Candidate, error) {
	best, err := s.index.best(p)
	if err != nil {
		return nil, err
	}
	providers, err := s.index.providers(p)
	if err != nil || best == nil {
		return providers, err
	}
	return append([]*Candidate{best}, providers...), nil
}
