package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is a tool to run.
type Command struct {
	// Args are the program, as an absolute path, and its arguments.
	Args []string
	Dir  string
	// Env is the whole environment; nothing is inherited.
	Env map[string]string
	// Output receives what it prints on both streams.
	Output io.Writer
}

// String is the command as a person would type it.
func (c Command) String() string { return strings.Join(c.Args, " ") }

// ExitError says that a tool ended by itself, but not well.
type ExitError struct {
	// Code is the exit status, 128+n when signal n ended it.
	Code   int
	Signal syscall.Signal
}

func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("ended by signal %d (%s)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// Local starts tools as processes of this machine.
type Local struct {
	// Grace is the time between SIGTERM and SIGKILL when the context ends.
	Grace time.Duration
}

// Run starts a tool and waits for it. It returns an *ExitError when the tool
// does not end with status 0.
func (l Local) Run(ctx context.Context, c Command) error {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		cmd.Env = append(cmd.Env, name+"="+c.Env[name])
	}
	cmd.Stdout, cmd.Stderr = c.Output, c.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = l.Grace
	err := cmd.Run()
	if cmd.Process != nil {
		// What the tool left behind must not outlive it.
		if killErr := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); killErr != nil && !errors.Is(killErr, syscall.ESRCH) {
			err = errors.Join(err, killErr)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			return fmt.Errorf("running %s: %w", c, err)
		}
		return nil
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ExitError{Code: 128 + int(status.Signal()), Signal: status.Signal()}
	}
	return &ExitError{Code: exit.ExitCode()}
}
