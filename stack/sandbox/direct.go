package sandbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Direct starts commands where it runs itself, in the container of a platform,
// which is the sandbox. So a command has to see everything where it is: its
// stack, its root and its mounts are not looked at, and neither is Network. Each
// runs in a process group that ends with it.
type Direct struct {
	// As is the user, the group and the other groups that commands have; nil is
	// those of the caller. It takes root.
	As *syscall.Credential
}

var _ Runner = Direct{}

// drain is how long output is awaited from what a command left behind.
const drain = 5 * time.Second

// Status of a command that did not start (sh(1), "Exit Status").
const (
	directNotExecutable = 126
	directNotFound      = 127
)

// Run starts a command and waits for it. Its errors are those of the sandbox:
// *ExitError, *TimeoutError and *StoppedError.
func (d Direct) Run(ctx context.Context, c Command) error {
	late := &TimeoutError{After: c.Timeout}
	if c.Timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, c.Timeout, late)
		defer cancel()
		ctx = limited
	}
	program, err := lookUpDirect(c.Args[0], c.Env)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, c.Args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: d.As}
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = drain
	err = cmd.Start()
	if err != nil {
		return directNotStarted(err)
	}
	if c.Started != nil {
		c.Started(cmd.Process)
	}
	err = cmd.Wait()
	// What the command left behind must not outlive it.
	if killErr := killGroup(cmd.Process); killErr != nil && !errors.Is(killErr, os.ErrProcessDone) {
		err = errors.Join(err, killErr)
	}
	return directEnded(ctx, program, err)
}

// killGroup ends all processes of a group, whose first one is given.
func killGroup(first *os.Process) error {
	err := syscall.Kill(-first.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// directEnded says how a command ended that was waited for.
func directEnded(ctx context.Context, program string, err error) error {
	exit, exited := errors.AsType[*exec.ExitError](err)
	cause := context.Cause(ctx)
	late, isLate := errors.AsType[*TimeoutError](cause)
	switch {
	case err == nil:
		return nil
	case isLate:
		return late
	case cause != nil:
		return &StoppedError{Program: program, Status: 128 + int(syscall.SIGKILL), Err: cause}
	case errors.Is(err, exec.ErrWaitDelay):
		return nil // it ended well, and left something behind that held its output
	case !exited:
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ExitError{Code: -1, Signal: status.Signal()}
	}
	return &ExitError{Code: exit.ExitCode()}
}

// directNotStarted is the error of a command that the kernel did not take, with the
// status that a shell has for it.
func directNotStarted(err error) error {
	code := directNotExecutable
	reason := err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		code = directNotFound
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			// The program itself is there, or lookUpDirect would have said so.
			if _, statErr := os.Stat(failed.Path); statErr == nil {
				reason = failed.Path + ": its interpreter, which the first line names, is not there"
			}
		}
	}
	return &ExitError{Code: code, Reason: reason}
}

// lookUpDirect finds a program: a path, or a name in the directories of the last
// PATH of an environment.
func lookUpDirect(name string, env []string) (string, error) {
	missing := &ExitError{Code: directNotFound, Reason: name + ": not found"}
	if strings.ContainsRune(name, '/') {
		if _, err := os.Stat(name); err != nil {
			return "", missing
		}
		return name, nil
	}
	path := ""
	for _, variable := range env {
		if value, is := strings.CutPrefix(variable, "PATH="); is {
			path = value
		}
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(cmp.Or(dir, "."), name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", missing
}
