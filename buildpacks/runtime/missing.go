package runtime

import (
	"fmt"
	"strings"
)

// MissingError says that no registry has a version of a runtime that is wanted.
type MissingError struct {
	// Title is the runtime's name for people.
	Title string
	// Constraint is what was wanted.
	Constraint string
	Arch       string
	// Where names the registries that were asked, with where their addresses
	// stand.
	Where []string
	// Nearest are versions that there are, from below to above what was
	// wanted.
	Nearest []string
}

func (e *MissingError) Error() string {
	nearest := "none is there at all"
	if len(e.Nearest) > 0 {
		nearest = "the nearest are " + strings.Join(e.Nearest, ", ")
	}
	return fmt.Sprintf("%s %s for %s is not in %s; %s", e.Title, e.Constraint, e.Arch, strings.Join(e.Where, ", nor in "), nearest)
}
