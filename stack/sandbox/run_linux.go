package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs c and waits until it and everything that it started is gone.
//
// It returns nil for exit status 0, and else
//   - an *ExitError when the command ended by itself, or could not be started
//     (status 126 and 127);
//   - a *TimeoutError;
//   - a *StoppedError, which wraps ctx.Err() and its cause, when ctx ended;
//   - a *SetupError when the machine does not allow the sandbox;
//   - any other error for a command that makes no sense, such as a mount whose
//     source does not exist, and for streams that cannot be read or written.
//
// When ctx ends or the timeout passes, every process inside gets SIGTERM, and
// after c.Grace SIGKILL.
func (n Namespaces) Run(ctx context.Context, c Command) (err error) {
	if len(c.Args) == 0 {
		return errors.New("running a command: no program is given")
	}
	root, err := rootOf(c)
	if err != nil {
		return err
	}
	steps, err := layout(c, root, n.CACert)
	if err != nil {
		return err
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, &TimeoutError{After: c.Timeout})
		defer cancel()
	}
	if ctx.Err() != nil {
		return stopped(ctx, c, killedStatus)
	}
	// The kernel kills the sandbox when the thread ends that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if c.Interactive {
		front := foreground(c)
		defer func() { err = errors.Join(err, front.takeBack()) }()
	}
	std, err := connect(c)
	if err != nil {
		return err
	}
	b, err := n.start(c, std)
	if err != nil {
		return errors.Join(err, std.close())
	}
	if c.Started != nil {
		c.Started(b.first)
	}
	return b.run(ctx, c, []message{n.setupRequest(c, root, steps), newStartRequest(c)}, std)
}

// killedStatus is what a shell says of a command that SIGKILL ended.
const killedStatus = 128 + int(unix.SIGKILL)

// stopped is the error for a command that was ended by its caller. Status is
// how it ended.
func stopped(ctx context.Context, c Command, status int) error {
	cause := context.Cause(ctx)
	if timeout, ok := errors.AsType[*TimeoutError](cause); ok {
		return timeout
	}
	if !errors.Is(cause, ctx.Err()) {
		cause = fmt.Errorf("%w (%w)", cause, ctx.Err())
	}
	return &StoppedError{Program: c.Args[0], Status: status, Err: cause}
}
