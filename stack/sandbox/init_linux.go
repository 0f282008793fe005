package sandbox

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInit is the second stage: process 1 as the target sees it, with no more
// privileges than the target has. It starts the target, is the parent of
// orphans, hands signals on, and ends with the target; the kernel then ends
// what is left.
func runInit(requests, reports *os.File) error {
	// The target has the same user: were this process dumpable, it could
	// trace it, read its memory, and reach slugc's own binary and the pipes to
	// the parent through /proc/1.
	if err := prctl("hiding its first process", unix.PR_SET_DUMPABLE, 0); err != nil {
		return err
	}
	unix.CloseOnExec(requestFD)
	unix.CloseOnExec(reportFD)
	surviveSignals()
	var req startRequest
	if err := readFrame(requests, &req); err != nil {
		return &SetupError{Op: "reading the request", Err: err}
	}
	pid, err := start(req)
	if exit, ok := errors.AsType[*ExitError](err); ok {
		return writeFrame(reports, &report{Code: exit.Code, Reason: exit.Reason})
	}
	if err != nil {
		return err
	}
	go obey(requests)
	status, err := reap(pid)
	if err != nil {
		return err
	}
	end := report{Code: status.ExitStatus()}
	if status.Signaled() {
		end.Signal = status.Signal()
	}
	return writeFrame(reports, &end)
}

// obey sends every signal that the parent asks for to all processes but this
// one, and ends them all when the parent is gone.
func obey(requests *os.File) {
	var signal [1]byte
	for {
		if _, err := io.ReadFull(requests, signal[:]); err != nil {
			syscall.Exit(1)
		}
		err := unix.Kill(-1, syscall.Signal(signal[0]))
		if err != nil && !errors.Is(err, unix.ESRCH) {
			syscall.Exit(1)
		}
	}
}

// reap waits for all processes that end here, until the target does.
func reap(target int) (syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, &SetupError{Op: "waiting for its processes", Err: err}
		}
		if pid == target {
			return status, nil
		}
	}
}
