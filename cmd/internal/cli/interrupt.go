package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// InterruptError says which signal ended a command.
type InterruptError struct {
	Signal os.Signal
}

func (e *InterruptError) Error() string { return "interrupted by " + e.Signal.String() }

// Context returns a context that ends at the first SIGINT, SIGTERM or SIGHUP,
// with an *InterruptError as its cause, so that everything under way can clean
// up. A second SIGINT ends the program at once with exit code 130. A signal
// that the program was started to ignore, as by nohup, stays ignored. stop takes
// the signals back and frees the context.
func Context(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-quit:
				return
			case s := <-signals:
				if ctx.Err() != nil && s == os.Interrupt {
					os.Exit(int(Interrupted))
				}
				cancel(&InterruptError{Signal: s})
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		select {
		case <-quit:
		default:
			close(quit)
		}
		<-gone
		cancel(nil)
	}
}

// Cause is err, or the interrupt when that is why there is an error: a process
// that dies of the same Ctrl-C reports an exit status, not a cancelled context.
func Cause(ctx context.Context, err error) error {
	if interrupt, ok := errors.AsType[*InterruptError](context.Cause(ctx)); ok && err != nil {
		return interrupt
	}
	return err
}
