package download

import "errors"

// Fault says whose an error is, and with that what a person can do about it.
type Fault string

// The faults. An error without one is slugc's own.
const (
	// App is the app's: its author has to change something.
	App Fault = "app"
	// Passing is nobody's that can be named: the same build may succeed later.
	Passing Fault = "passing"
	// Registry is a registry's that serves something else than it should.
	Registry Fault = "registry"
)

// Error is an error with its fault.
type Error struct {
	Fault Fault
	Err   error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary says that the same build may succeed later.
func (e *Error) Temporary() bool { return e.Fault == Passing }

// FaultOf is the fault that an error or its nearest cause has, "" when there
// is none.
func FaultOf(err error) Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return ""
}
