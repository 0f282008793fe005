package deploy

import (
	"fmt"
	"strings"
)

// PackError says that a finished build could not be packed or taken to its
// destination.
type PackError struct{ Err error }

func (e *PackError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PackError) Unwrap() error { return e.Err }

// ProcessError says that a process type was asked for that the app does not
// have.
type ProcessError struct {
	Type  string
	Types []string
}

func (e *ProcessError) Error() string {
	if len(e.Types) == 0 {
		return fmt.Sprintf("no process type %s: the app declares none", e.Type)
	}
	return fmt.Sprintf("no process type %s; the app has %s", e.Type, strings.Join(e.Types, ", "))
}
