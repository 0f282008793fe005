package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// box is a sandbox that has been started, as the parent sees it.
type box struct {
	// first is process 1 of the sandbox, which all others die with.
	first *os.Process
	// requests and reports are the parent's ends of the two pipes.
	requests, reports *os.File
	// stopped is whether the parent asked for the end.
	stopped atomic.Bool
}

// start creates the namespaces and starts the set-up stage in them.
func (n Namespaces) start(c Command, std *streams) (_ *box, err error) {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
		// A terminal's signals are for slugc alone, and through it for the
		// sandbox.
		Setsid: !c.Interactive,
	}
	if !c.Network {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	if err := mapIDs(attr, privileged()); err != nil {
		return nil, err
	}
	theirRequests, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, theirReports, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirRequests.Close(), requests.Close())
	}
	defer func() { err = errors.Join(err, theirRequests.Close(), theirReports.Close()) }()
	exe := n.Exe
	if exe == "" {
		exe = "/proc/self/exe"
	}
	first, err := os.StartProcess(exe, []string{setupStage}, &os.ProcAttr{
		Dir: "/",
		Env: []string{},
		// The order is that of requestFD and reportFD.
		Files: []*os.File{std.child[0], std.child[1], std.child[2], theirRequests, theirReports},
		Sys:   attr,
	})
	if err != nil {
		err = withHint(&SetupError{Op: opNamespaces, Err: errnoOf(err)})
		return nil, errors.Join(err, requests.Close(), reports.Close())
	}
	return &box{first: first, requests: requests, reports: reports}, nil
}

// opNamespaces is when the first process of the sandbox is started.
const opNamespaces = "creating namespaces"

// run sends what the stages need to know and waits for the end.
func (b *box) run(ctx context.Context, c Command, requests []message, std *streams) error {
	var group errgroup.Group
	sent, ended := make(chan struct{}), make(chan struct{})
	errs := []error{std.release()}
	std.copy(&group)
	group.Go(func() error { return b.watch(ctx, c.Grace, sent, ended) })

	sendErr := b.send(requests)
	close(sent)
	var last report
	reportErr := readFrame(b.reports, &last)
	state, waitErr := b.first.Wait()
	close(ended)

	errs = append(errs, sendErr, waitErr, std.end(), group.Wait(), b.requests.Close(), b.reports.Close())
	var outcome error
	switch {
	case b.stopped.Load():
		outcome = stopped(ctx, c, answer(last, reportErr))
	case reportErr == nil:
		outcome = last.outcome()
	case waitErr == nil && sendErr == nil:
		outcome = silent(state)
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(outcome, err)
	}
	return outcome
}

// answer is the status with which a command answered SIGTERM.
func answer(last report, err error) int {
	if err != nil {
		return killedStatus
	}
	outcome := last.outcome()
	if outcome == nil {
		return 0
	}
	if exit, ok := errors.AsType[*ExitError](outcome); ok {
		return exit.Status()
	}
	return killedStatus
}

// send writes the requests. A sandbox that is gone before it has read them has
// left a report, or ended without one.
func (b *box) send(requests []message) error {
	for _, r := range requests {
		err := writeFrame(b.requests, r)
		if errors.Is(err, unix.EPIPE) {
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("starting the sandbox: %w", err), b.kill())
		}
	}
	return nil
}

// watch ends the sandbox when ctx ends.
func (b *box) watch(ctx context.Context, grace time.Duration, sent, ended <-chan struct{}) error {
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return nil
	default:
		b.stopped.Store(true)
	}
	if grace <= 0 {
		return b.kill()
	}
	over := time.NewTimer(grace)
	defer over.Stop()
	select {
	case <-ended:
		return nil
	case <-over.C:
		return b.kill()
	case <-sent:
	}
	if err := b.terminate(grace); err != nil {
		return errors.Join(err, b.kill())
	}
	select {
	case <-ended:
		return nil
	case <-over.C:
		return b.kill()
	}
}

// terminate asks for SIGTERM for all processes inside. That nobody reads the
// request is no error: then there is nobody to end, or only by force.
func (b *box) terminate(within time.Duration) error {
	if err := b.requests.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := b.requests.Write([]byte{byte(unix.SIGTERM)})
	if errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// kill ends process 1, and with it the kernel ends all others.
func (b *box) kill() error {
	if err := b.first.Kill(); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// outcome is what a report means to the caller.
func (r report) outcome() error {
	switch {
	case r.Fault != nil:
		return withHint(r.Fault.error())
	case r.Code == 0:
		return nil
	}
	return &ExitError{Code: r.Code, Signal: r.Signal, Reason: r.Reason}
}

// silent is the error for a sandbox that ended without a report.
func silent(state *os.ProcessState) error {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return &ExitError{Code: -1, Signal: status.Signal(), Reason: fmt.Sprintf(
			"its sandbox was ended from outside by signal %d (%s); the machine may be out of memory",
			int(status.Signal()), status.Signal())}
	}
	return &SetupError{
		Op:   "starting",
		Err:  fmt.Errorf("its first process ended without a report (%s)", state),
		Hint: "the program that it was started as has to be one with slugc's package sandbox in it",
	}
}

func (n Namespaces) setupRequest(c Command, root string, steps []step) *setupRequest {
	return &setupRequest{
		Root:        root,
		Steps:       steps,
		Become:      privileged(),
		Network:     c.Network,
		Interactive: c.Interactive,
		Remount:     n.remount,
	}
}

func newStartRequest(c Command) *startRequest {
	dir := c.Dir
	if dir == "" {
		dir = "/"
	}
	return &startRequest{Args: c.Args, Dir: dir, Env: c.Env, Interactive: c.Interactive}
}
