package failure

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// Failure is a run of a tool that did not succeed.
type Failure struct {
	// What says it in words: "npm ci failed".
	What string
	// Details are lines below it: whose script it was, and what it is.
	Details []string
	// Err is how it ended.
	Err error
	// Output is the end of what it printed.
	Output *tool.Tail
	// Code is what the tool itself calls the failure, where it has such names.
	Code string
	// Unknown is what to type when no cause is known. It may be empty.
	Unknown string
}

// Cause is a known reason for a failure.
type Cause struct {
	// Code is what the tool calls it, Pattern what stands in the output. One is
	// enough.
	Code, Pattern *regexp.Regexp
	Fault         download.Fault
	// Why says it, and what to type. $1 is the first part of the pattern.
	Why string
}

// tailLines is how many of the last lines are repeated below an error.
const tailLines = 20

// Explain is the error for a failure, with the first of some causes that fits.
// It is a *download.Error unless the tool did not end by itself.
func Explain(f Failure, causes []Cause) error {
	exit, byItself := Ended(f.Err)
	if !byItself {
		return fmt.Errorf("%s: %w", f.What, f.Err)
	}
	lines := append([]string{f.What + ": " + exit.Error()}, f.Details...)
	if tail := f.Output.Lines(tailLines); len(tail) > 0 {
		lines = append(lines, "its last lines:")
		for _, line := range tail {
			lines = append(lines, "  "+line)
		}
	}
	fault, why := f.find(causes)
	if why != "" {
		lines = append(lines, why)
	}
	return &download.Error{Fault: fault, Err: &causedError{text: strings.Join(lines, "\n"), cause: f.Err}}
}

// find is the fault and the words for it.
func (f Failure) find(causes []Cause) (download.Fault, string) {
	text := f.Output.Text()
	for _, c := range causes {
		if c.Code != nil && c.Code.MatchString(f.Code) {
			return c.Fault, c.Why
		}
		if c.Pattern == nil {
			continue
		}
		if match := c.Pattern.FindStringSubmatch(text); match != nil {
			return c.Fault, strings.ReplaceAll(c.Why, "$1", append(match, "")[1])
		}
	}
	return download.App, f.Unknown
}

// Known tells whether one of some causes fits.
func (f Failure) Known(causes []Cause) bool {
	f.Unknown = ""
	_, why := f.find(causes)
	return why != ""
}

// Ended tells whether a command ended by itself, and how.
func Ended(err error) (*tool.ExitError, bool) {
	return errors.AsType[*tool.ExitError](err)
}

// causedError is a text with the error that led to it.
type causedError struct {
	text  string
	cause error
}

func (e *causedError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *causedError) Unwrap() error { return e.cause }
