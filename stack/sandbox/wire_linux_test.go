package sandbox

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFault(t *testing.T) {
	sent := &SetupError{Op: "showing /a at", Path: "/b", Err: &syscallError{"mount", unix.EPERM}}
	got := newFault(sent).error()
	if got.Op != sent.Op || got.Path != sent.Path || !errors.Is(got, unix.EPERM) || !strings.Contains(got.Error(), "mount") {
		t.Errorf("it arrived as %v", got)
	}
	if got := newFault(errors.New("strange")).error(); !strings.Contains(got.Error(), "strange") {
		t.Errorf("it arrived as %v", got)
	}
}

type syscallError struct {
	call string
	err  error
}

func (e *syscallError) Error() string { return e.call + ": " + e.err.Error() }
func (e *syscallError) Unwrap() error { return e.err }
