package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity is how bad a finding is.
type Severity string

// The severities. A miss breaks the factor; a warning is worth a look.
const (
	Miss    Severity = "miss"
	Warning Severity = "warning"
)

// Finding is one thing that does not keep to a factor.
type Finding struct {
	// Factor is its number, 1 to 12.
	Factor int `json:"factor"`
	// Rule is the short name of what was looked for, such as port-literal.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// File is the slash-separated path in the app, and Line counts from 1. Both are
	// empty for what the process does, Line also for a whole file.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Problem is what is there, Why is why it matters, Next what to type or to write.
	Problem string `json:"problem"`
	Why     string `json:"why"`
	Next    string `json:"next"`
}

// Place is where the finding is, such as server.js:12; empty for nowhere.
func (f Finding) Place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// Verdict is what a factor came to.
type Verdict string

// The verdicts. Unchecked is a factor of which nothing can be seen.
const (
	OK        Verdict = "ok"
	Warned    Verdict = "warning"
	Missed    Verdict = "miss"
	Unchecked Verdict = "unchecked"
)

// Factor is what one of the twelve came to. Number is 1 to 12.
type Factor struct {
	Number   int       `json:"number"`
	Name     string    `json:"name"`
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// Report is what an app came to.
type Report struct {
	// Factors are all twelve, in order.
	Factors []Factor `json:"factors"`
	// Trial is what its web process did, nil when it was not started.
	Trial *Trial `json:"trial,omitempty"`
}

// names are those of 12factor.net.
func names() []string {
	return []string{
		"Codebase", "Dependencies", "Config", "Backing services", "Build, release, run", "Processes",
		"Port binding", "Concurrency", "Disposability", "Dev/prod parity", "Logs", "Admin processes",
	}
}

// NewReport makes a report of findings, in the order of their factors and places.
// The factors in unchecked are those of which nothing could be seen.
func NewReport(findings []Finding, unchecked ...int) Report {
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Factor, b.Factor), cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule))
	})
	findings = slices.CompactFunc(findings, func(a, b Finding) bool {
		return a.Factor == b.Factor && a.Rule == b.Rule && a.Place() == b.Place() && a.Problem == b.Problem
	})
	var r Report
	for i, name := range names() {
		f := Factor{Number: i + 1, Name: name, Verdict: OK, Findings: []Finding{}}
		if slices.Contains(unchecked, f.Number) {
			f.Verdict = Unchecked
		}
		for _, found := range findings {
			if found.Factor != f.Number {
				continue
			}
			f.Findings = append(f.Findings, found)
			switch {
			case found.Severity == Miss:
				f.Verdict = Missed
			case f.Verdict != Missed:
				f.Verdict = Warned
			}
		}
		r.Factors = append(r.Factors, f)
	}
	return r
}

// Err is a *MissError when a factor is missed.
func (r Report) Err() error {
	var e MissError
	for _, f := range r.Factors {
		if f.Verdict == Missed {
			e.Factors = append(e.Factors, f.Number)
		}
	}
	if len(e.Factors) == 0 {
		return nil
	}
	return &e
}

// MissError says that an app misses factors.
type MissError struct {
	// Factors are their numbers.
	Factors []int
}

func (e *MissError) Error() string {
	if len(e.Factors) == 1 {
		return fmt.Sprintf("the app misses one of the twelve factors: %d", e.Factors[0])
	}
	text := fmt.Sprintf("the app misses %d of the twelve factors:", len(e.Factors))
	for i, number := range e.Factors {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d", number)
	}
	return text
}
