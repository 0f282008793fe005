package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/slugc/slugc/release/queue"
)

const (
	// patience is how long a build that is told to stop may take for it.
	patience = 8 * time.Second
	// authorVariable says who makes a release.
	authorVariable = "SLUGC_AUTHOR"
	// maxOutput is how much a build may print, in bytes, as at Heroku.
	maxOutput = 300 << 20
)

// work does all of a build.
func (r *run) work(ctx context.Context) (ending, error) {
	source := filepath.Join(r.dir, "source")
	if err := os.Mkdir(source, 0o755); err != nil {
		return ending{}, err
	}
	err := r.local.Checkout(ctx, r.build.Source, source, r.out)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(r.out, " !     %v\n", err)
		return ending{queue.Failed, queue.Result{Code: 1, Reason: short(err.Error(), maxReason)}}, nil
	}
	if ctx.Err() != nil {
		return ending{queue.Cancelled, queue.Result{Code: codeInterrupted}}, nil
	}
	events := filepath.Join(r.dir, "events")
	state, err := r.slugc(ctx, source, events)
	if err != nil {
		return ending{}, err
	}
	result, err := readEvents(events)
	if err != nil {
		return ending{}, err
	}
	return judge(state, result, context.Cause(ctx)), nil
}

// codeInterrupted is the exit status of slugc when it was told to stop.
const codeInterrupted = 130

// judge is how a build ended.
func judge(state *os.ProcessState, result queue.Result, stop error) ending {
	result.Code = state.ExitCode()
	reason := fmt.Sprintf("slugc build ended with exit status %d", result.Code)
	if status, is := state.Sys().(syscall.WaitStatus); is && status.Signaled() {
		result.Code = 128 + int(status.Signal())
		reason = fmt.Sprintf("slugc build was ended by a signal: %s", status.Signal())
	}
	switch {
	case result.Code == 0:
		result.Reason = ""
		return ending{queue.Succeeded, result}
	case errors.Is(stop, errMuch):
		result.Reason = stop.Error()
	case stop != nil:
		return ending{queue.Cancelled, result}
	}
	result.Reason = cmp.Or(result.Reason, reason)
	return ending{queue.Failed, result}
}

// errMuch ends a build that would fill the disk.
var errMuch = fmt.Errorf("it printed more than %d MiB", maxOutput>>20)

// slugc builds and releases what is in a directory.
func (r *run) slugc(ctx context.Context, source, events string) (*os.ProcessState, error) {
	args := append(slices.Clone(r.local.Args),
		"build", source, "--app", r.build.App, "--release", "-o", "slug:"+filepath.Join(r.dir, "slug.tgz"), "--events", events)
	if r.build.Source.Directory != "" {
		args = append(args, "--directory", r.build.Source.Directory)
	}
	c := &exec.Cmd{Path: r.local.Program, Args: append(args, r.build.Flags...)}
	c.Env, c.Dir, c.Stdout, c.Stderr = r.local.Env, r.dir, r.out, r.out
	if r.build.By != "" {
		c.Env = append(slices.Clone(c.Env), authorVariable+"="+r.build.By)
	}
	c.SysProcAttr = group()
	// The system ends a process with the thread that started it, so that has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting slugc build: %w", err)
	}
	over := make(chan struct{})
	r.working.Go(func() { r.watch(ctx, c.Process, over) })
	err := c.Wait()
	close(over)
	// Whoever it left behind in its group goes too; usually nobody is there.
	if killed := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); killed != nil && !errors.Is(killed, syscall.ESRCH) {
		return nil, fmt.Errorf("ending what slugc build left: %w", killed)
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return nil, fmt.Errorf("waiting for slugc build: %w", err)
	}
	return c.ProcessState, nil
}

// watch stops a process when ctx ends, or when it prints too much.
func (r *run) watch(ctx context.Context, p *os.Process, over <-chan struct{}) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for ctx.Err() == nil {
		select {
		case <-over:
			return
		case <-ticks.C:
			if info, err := r.out.Stat(); err == nil && info.Size() > maxOutput {
				r.cancel(errMuch)
			}
		case <-ctx.Done():
		}
	}
	// It may end by itself at this moment; then there is nobody to tell.
	_ = p.Signal(syscall.SIGTERM)
	last := time.NewTimer(patience)
	defer last.Stop()
	select {
	case <-over:
	case <-last.C:
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	}
}
