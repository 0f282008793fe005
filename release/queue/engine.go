package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
)

// Engine has builds run that a store keeps.
type Engine struct {
	Store  Store
	Worker Worker
	// Most is how many builds run at once, in all processes together; 0 is one for every two
	// processors.
	Most int
	// Limit ends a build whose order has no limit; 0 is an hour.
	Limit time.Duration
	// Again orders builds again that were abandoned (Store.Repeat).
	Again bool
	// Grace is how long builds may go on when Run is to end. What has not ended by then is given up:
	// it is abandoned.
	Grace time.Duration
	// Began and Ended are told of builds, Warn of what went wrong and is no reason to stop. Each may
	// be nil.
	Began, Ended func(Build)
	Warn         func(error)
}

const (
	// limit is that of a build when nobody says.
	limit = time.Hour
	// glance is how often the store is looked at although nothing changed in it: an owner that is
	// killed changes nothing.
	glance = time.Second
	// rest is how long a store that cannot be read is left alone.
	rest = 5 * time.Second
)

// most is how many builds run at once.
func (e Engine) most() int {
	if e.Most > 0 {
		return e.Most
	}
	return max(1, runtime.NumCPU()/2)
}

func (e Engine) warn(err error) {
	if err != nil && e.Warn != nil {
		e.Warn(err)
	}
}

// Run runs builds until ctx ends. Then it takes no more, lets those that run go on for
// the grace, and gives up what has not ended by then.
func (e Engine) Run(ctx context.Context) {
	running, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	var builds sync.WaitGroup
	var mark Mark
	for ctx.Err() == nil {
		seen, err := changed(ctx, e.Store, mark, glance)
		if ctx.Err() != nil {
			break
		}
		mark = seen
		if err == nil {
			err = e.take(ctx, func(c Claim) {
				builds.Go(func() { _, err := e.run(running, c, nil); e.warn(err) })
			})
		}
		if err != nil && ctx.Err() == nil {
			e.warn(err)
			mark = 0
			sleep(ctx, rest)
		}
	}
	last := time.AfterFunc(e.Grace, func() { giveUp(errStopped) })
	defer last.Stop()
	builds.Wait()
}

// take takes all that may run now.
func (e Engine) take(ctx context.Context, start func(Claim)) error {
	if e.Again {
		if _, err := e.Store.Repeat(ctx); err != nil {
			return err
		}
	}
	for {
		c, taken, err := e.Store.Claim(ctx, 0, e.most())
		if err != nil || !taken {
			return err
		}
		start(c)
	}
}

// Why builds are stopped.
var (
	errStopped   = errors.New("slugc was stopped before it ended")
	errCancelled = errors.New("it was cancelled")
	errGone      = errors.New("who waited for it is gone")
)

// RunOne runs the build with an id when its turn comes, and copies what it prints to out; who
// waits is told so there. When ctx ends, or out takes nothing any more, the build is cancelled.
// RunOne returns the build as it ended, which may have been without it: superseded, cancelled, or
// run by another. Who ordered several builds of one app runs them in that order.
func (e Engine) RunOne(ctx context.Context, id int64, out io.Writer) (Build, error) {
	said := ""
	for mark := Mark(0); ; {
		b, err := e.Store.Build(ctx, id)
		if err != nil || b.Status.Ended() {
			return e.orCancel(ctx, b, err, id)
		}
		if b.Status == Running {
			return Follow(ctx, e.Store, id, 0, out)
		}
		c, taken, err := e.Store.Claim(ctx, id, e.most())
		if err != nil {
			return e.orCancel(ctx, b, err, id)
		}
		if taken {
			return e.run(ctx, c, out)
		}
		why, err := e.ahead(ctx, b)
		if err == nil && why != said {
			said = why
			_, err = fmt.Fprintf(out, "-----> %s\n", why)
			if err != nil {
				err = fmt.Errorf("%w: %w", errGone, err)
			}
		}
		if err == nil {
			mark, err = changed(ctx, e.Store, mark, glance)
		}
		if err != nil {
			return e.orCancel(ctx, b, err, id)
		}
	}
}

// orCancel cancels a build that cannot be waited for any more.
func (e Engine) orCancel(ctx context.Context, b Build, err error, id int64) (Build, error) {
	if err == nil {
		return b, nil
	}
	if ctx.Err() == nil && !errors.Is(err, errGone) {
		return b, err
	}
	return e.Store.Cancel(context.WithoutCancel(ctx), id)
}

// ahead says what a build waits for.
func (e Engine) ahead(ctx context.Context, b Build) (string, error) {
	all, err := e.Store.Builds(ctx, Filter{Statuses: []Status{Running, Waiting}})
	if err != nil {
		return "", err
	}
	for _, status := range []Status{Running, Waiting} {
		for _, other := range all {
			if other.App != b.App || other.Status != status || other.ID >= b.ID {
				continue
			}
			if status == Running || other.Mine {
				return fmt.Sprintf("Waiting for build %d of %s to end", other.ID, b.App), nil
			}
			return fmt.Sprintf("Waiting for build %d of %s, which slugc serve runs, to end; take it back with: slugc builds cancel %d", other.ID, b.App, other.ID), nil
		}
	}
	return fmt.Sprintf("Waiting for a place: %d builds at once run on this machine", e.most()), nil
}

// run has a worker run a build to its end. When ctx ends the build is stopped: given up if the
// cause is that the engine ends, else cancelled.
func (e Engine) run(ctx context.Context, c Claim, out io.Writer) (Build, error) {
	b := c.Build()
	if e.Began != nil {
		e.Began(b)
	}
	status, result := e.work(ctx, c, out)
	ended, err := c.End(context.WithoutCancel(ctx), status, result)
	if err == nil && e.Ended != nil {
		e.Ended(ended)
	}
	return ended, err
}

// end is the end that a worker tells of.
type end struct {
	status Status
	result Result
	err    error
}

// work is run without the book-keeping.
func (e Engine) work(ctx context.Context, c Claim, out io.Writer) (Status, Result) {
	b, log := c.Build(), c.Log()
	defer func() { e.warn(log.Close()) }()
	whole := context.WithoutCancel(ctx)
	run, err := e.Worker.Start(whole, b)
	if err != nil {
		for _, w := range []io.Writer{log, out} {
			if w != nil {
				fmt.Fprintf(w, " !     %v\n", err)
			}
		}
		return Failed, Result{Code: 1, Reason: err.Error()}
	}
	var streams sync.WaitGroup
	defer streams.Wait()
	streams.Go(func() {
		if err := run.Stream(whole, log); err != nil {
			e.warn(fmt.Errorf("keeping the log of build %d: %w", b.ID, err))
		}
	})
	gone := make(chan struct{})
	if out != nil {
		streams.Go(func() {
			if run.Stream(whole, out) != nil {
				close(gone)
			}
		})
	}
	ended := make(chan end, 1)
	streams.Go(func() {
		status, result, err := run.Wait(whole)
		ended <- end{status, result, err}
	})
	at, stop := e.stopped(ctx, c, gone, ended)
	if stop != nil {
		run.Cancel()
		at = <-ended
	}
	return verdict(at, stop)
}

// stopped waits until a build ends, or there is a reason to stop it.
func (e Engine) stopped(ctx context.Context, c Claim, gone <-chan struct{}, ended <-chan end) (at end, stop error) {
	allowed := e.limitOf(c.Build())
	late := time.NewTimer(allowed)
	defer late.Stop()
	select {
	case at = <-ended:
		return at, nil
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errStopped) {
			return at, errStopped
		}
		return at, errGone
	case <-c.Cancelled():
		return at, errCancelled
	case <-gone:
		return at, errGone
	case <-late.C:
		return at, &LimitError{Limit: allowed}
	}
}

func (e Engine) limitOf(b Build) time.Duration {
	switch {
	case b.Limit > 0:
		return b.Limit
	case e.Limit > 0:
		return e.Limit
	}
	return limit
}

// verdict is how a build ended, which may have been asked to stop.
func verdict(at end, stop error) (Status, Result) {
	if at.err != nil {
		return Failed, Result{Code: 1, Reason: fmt.Sprintf("its worker lost it: %v", at.err)}
	}
	if stop == nil || at.status == Succeeded {
		return at.status, at.result
	}
	at.result.Reason = stop.Error()
	if _, late := errors.AsType[*LimitError](stop); late {
		return Failed, at.result
	}
	if errors.Is(stop, errStopped) {
		return Abandoned, at.result
	}
	return Cancelled, at.result
}

// LimitError says that a build took too long.
type LimitError struct{ Limit time.Duration }

func (e *LimitError) Error() string {
	return fmt.Sprintf("it took longer than %s, its limit", e.Limit)
}

// sleep sleeps, or wakes when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
