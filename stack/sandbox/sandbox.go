package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/slugc/slugc/stack"
)

// Runner starts a command, waits for it and for everything that it started,
// and returns nil when it exited with status 0. See Namespaces for the errors.
type Runner interface {
	Run(ctx context.Context, c Command) error
}

// Command is a process to start and all that it gets to see.
type Command struct {
	// Stack is the root filesystem.
	Stack stack.Stack
	// Root is a directory of this machine that becomes the root directory
	// itself, writable for the process, with the stack's parts shown in it.
	// Empty, the root is in memory and nobody can write it.
	//
	// The caller makes it, with whatever else the process is to find there
	// (app, cache, ...), all given to the Owner with Give. Those are ordinary
	// directories of one file system: the process can remove and replace them
	// and move and link files between them. The directories app, cache and tmp
	// stay so even where the stack has such places; so without a directory
	// tmp, /tmp is in memory. In all other places that the stack has, the
	// stack's are shown and nothing of the directory's.
	//
	// Set-up leaves empty mount points and links in the directory; they are
	// the caller's to throw away with it. Another command with the same Root
	// finds what the one before made, except in the places of the stack, where
	// links and files in the way are removed. Whoever reads the directory
	// afterwards reads what a foreign process left: os.Root keeps its links
	// from leading elsewhere.
	Root string
	// Mounts are shown on top of it, in order.
	Mounts []Mount
	// Args are the program, as an absolute path inside or a name to look up
	// in the PATH of Env, and its arguments.
	Args []string
	// Dir is the working directory inside.
	Dir string
	// Env is the whole environment, as NAME=value; nothing is inherited.
	Env []string
	// Network keeps the machine's network; without it there is only loopback.
	Network bool
	// Stdin is empty when nil. Output that nobody wants is discarded.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Interactive leaves the process in the caller's terminal session, so
	// that a shell has job control. Stdin, Stdout and Stderr are then used as
	// they are and should be the terminal's files.
	Interactive bool
	// Started, where it is not nil, is told the first process on this machine,
	// which all others of the command descend from. With namespaces, to kill it
	// is to kill them all.
	Started func(first *os.Process)
	// Timeout ends the process; zero means never.
	Timeout time.Duration
	// Grace is the time between SIGTERM and SIGKILL when the context ends or
	// the timeout passes; zero kills at once.
	Grace time.Duration
}

// Mount shows a directory or file of this machine at a path inside.
type Mount struct {
	Source   string
	Target   string
	Writable bool
}

// ExitError says that a command ended by itself, but not well.
type ExitError struct {
	// Code is the exit status, -1 when a signal ended the command.
	Code   int
	Signal syscall.Signal
	// Reason is why the command did not even start (status 126 and 127, as a
	// shell has it) or what else there is to say; it may be empty.
	Reason string
}

func (e *ExitError) Error() string {
	if e.Reason != "" {
		return e.Reason
	}
	if e.Code < 0 {
		return fmt.Sprintf("ended by signal %d (%s)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Status is the exit status as a shell counts it: 128+n for signal n.
func (e *ExitError) Status() int {
	if e.Code < 0 {
		return 128 + int(e.Signal)
	}
	return e.Code
}

// TimeoutError says that a command was ended because it took too long.
type TimeoutError struct {
	After time.Duration
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("timed out after %s", e.After) }

// StoppedError says that a command was ended because its context ended.
type StoppedError struct {
	Program string
	// Status is how it ended, as a shell counts it: its own exit status when
	// it answered SIGTERM within the grace, 137 when it had to be killed.
	Status int
	// Err is why the context ended.
	Err error
}

func (e *StoppedError) Error() string { return fmt.Sprintf("running %s: %v", e.Program, e.Err) }

// Unwrap is why the context ended.
func (e *StoppedError) Unwrap() error { return e.Err }
