package resolve

import (
	"fmt"
	"strings"
)

// Step is one step from what is wanted to what cannot be had.
type Step struct {
	// Package has the relation; "" for what is wanted by name.
	Package string
	// Relation is what it needs.
	Relation string
}

// String is the step in words.
func (s Step) String() string {
	if s.Package == "" {
		return s.Relation + " is wanted"
	}
	return s.Package + " needs " + s.Relation
}

// UnsatisfiableError says that there are no packages that satisfy everything.
type UnsatisfiableError struct {
	// Chain are the steps from what is wanted to the relation that nothing
	// satisfies, and Reason says why nothing does.
	Chain  []Step
	Reason string
	// Against are the steps to the package that is in the way, none when it is
	// not one that was selected.
	Against []Step
}

func (e *UnsatisfiableError) Error() string {
	var b strings.Builder
	b.WriteString("there are no packages that satisfy each other:")
	for i, step := range e.Chain {
		b.WriteString("\n  " + step.String())
		if i == len(e.Chain)-1 {
			b.WriteString(", " + e.Reason)
		}
	}
	if len(e.Against) > 0 {
		b.WriteString(", because")
	}
	for _, step := range e.Against {
		b.WriteString("\n  " + step.String())
	}
	return b.String()
}

// UnknownPackageError says that no suite has a package that is wanted.
type UnknownPackageError struct {
	Name, Arch string
	// Near are names that are much like it, the nearest first.
	Near []string
}

func (e *UnknownPackageError) Error() string {
	text := fmt.Sprintf("the archive has no package %s for %s", e.Name, e.Arch)
	if len(e.Near) > 0 {
		text += "; the nearest are " + strings.Join(e.Near, ", ")
	}
	return text
}
