package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack/flock"
)

// Local runs builds on this machine.
type Local struct {
	// Program is the file of slugc, and Args what its arguments begin with: its name, and what
	// else comes before build.
	Program string
	Args    []string
	// Env is all of the environment of the builds.
	Env []string
	// Dir is where builds work. It is the worker's own, and so is what is in it.
	Dir string
	// Checkout puts the files of a source into an empty directory, and tells out what a person
	// should know of them. It ends soon after its context. Of .git there is no more than HEAD,
	// which says the commit.
	Checkout func(ctx context.Context, s queue.Source, dir string, out io.Writer) error
}

var _ queue.Worker = Local{}

// Start starts a build.
func (l Local) Start(ctx context.Context, b queue.Build) (queue.Run, error) {
	dir, lock, err := l.workplace(b.ID)
	if err != nil {
		return nil, fmt.Errorf("making a place for build %d: %w", b.ID, err)
	}
	r := &run{local: l, build: b, dir: dir, done: make(chan struct{})}
	if r.out, err = os.OpenFile(filepath.Join(dir, "output"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("starting build %d: %w", b.ID, err), os.RemoveAll(dir), lock.Close())
	}
	ctx, r.cancel = context.WithCancelCause(ctx)
	r.working.Go(func() {
		defer close(r.done)
		defer r.cancel(nil)
		r.result, r.err = r.work(ctx)
		if err := os.RemoveAll(dir); err != nil && r.err == nil {
			r.err = fmt.Errorf("tidying up after build %d: %w", b.ID, err)
		}
		lock.Close()
	})
	return r, nil
}

// workplace makes the directory of a build, which is locked while it runs.
func (l Local) workplace(id int64) (dir string, lock *os.File, err error) {
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return "", nil, err
	}
	if err := l.sweep(); err != nil {
		return "", nil, err
	}
	dir = filepath.Join(l.Dir, strconv.FormatInt(id, 10))
	for {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return "", nil, err
		}
		lock, err = os.Open(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue // another swept it
		}
		if err != nil {
			return "", nil, err
		}
		locked, err := flock.Try(lock)
		switch {
		case err != nil:
			return "", nil, errors.Join(err, lock.Close())
		case !locked:
			return "", nil, errors.Join(errors.New("it runs already"), lock.Close())
		case flock.Named(lock, dir):
			return dir, lock, nil
		}
		lock.Close()
	}
}

// sweep removes what killed workers left.
func (l Local) sweep() error {
	all, err := os.ReadDir(l.Dir)
	if err != nil {
		return err
	}
	for _, entry := range all {
		dir := filepath.Join(l.Dir, entry.Name())
		lock, err := os.Open(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		locked, err := flock.Try(lock)
		if err == nil && locked {
			err = os.RemoveAll(dir)
		}
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// run is a build that runs.
type run struct {
	local Local
	build queue.Build
	dir   string
	// out is the file with what the build prints. Once the build has ended it has no name any
	// more; it is gone when nobody has the run.
	out     *os.File
	cancel  context.CancelCauseFunc
	working sync.WaitGroup
	// done is closed when result and err are there.
	done   chan struct{}
	result ending
	err    error
}

// ending is how a build ended.
type ending struct {
	status queue.Status
	queue.Result
}

// errCancelled is why a build is stopped.
var errCancelled = errors.New("cancelled")

// Cancel asks the build to stop.
func (r *run) Cancel() { r.cancel(errCancelled) }

// Wait waits for the end of the build.
func (r *run) Wait(ctx context.Context) (queue.Status, queue.Result, error) {
	select {
	case <-ctx.Done():
		return "", queue.Result{}, ctx.Err()
	case <-r.done:
	}
	r.working.Wait()
	return r.result.status, r.result.Result, r.err
}
