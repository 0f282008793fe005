package workertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/queue"
)

// The builds that a worker is asked for, by the names of their apps. Whoever makes the worker
// has them do what is said here; what else they print does not matter.
const (
	// Prints prints Lines numbered lines, "line 1" and so on, to both of its outputs in turn, and
	// succeeds with a release.
	Prints = "prints"
	// Fails prints "it broke", and fails with Code.
	Fails = "fails"
	// Killed is ended by SIGKILL.
	Killed = "killed"
	// Waits prints "waiting", and goes on until it is told to stop.
	Waits = "waits"
	// Deaf prints "waiting", and so do processes that it starts; none ever stops by itself.
	Deaf = "deaf"
)

// What the builds come to.
const (
	Lines = 3000
	Code  = 51
)

// limit is how long a worker may take to stop a build.
const limit = 10 * time.Second

// Place is a worker under test.
type Place struct {
	queue.Worker
	// Reason is in the reason that Fails has.
	Reason string
	// Unkillable is whether there is no way to have Killed.
	Unkillable bool
	// Alive says how many processes there are of builds; nil where that cannot be known.
	Alive func() int
}

// Run has a worker pass. fresh makes it for each test.
func Run(t *testing.T, fresh func(t *testing.T) Place) {
	spec.Run(t, "Worker", func(t *testing.T, when spec.G, it spec.S) {
		s := &suite{t: t}
		it.Before(func() { s.Place = fresh(t) })
		it.After(func() {
			if s.Alive != nil && s.Alive() > 0 {
				t.Errorf("%d processes are left", s.Alive())
			}
		})
		s.ends(it)
		s.streams(it)
		s.stops(when, it)
	}, spec.Parallel())
}

type suite struct {
	Place
	t  *testing.T
	id atomic.Int64
}

func (s *suite) build(app string) queue.Build {
	return queue.Build{ID: s.id.Add(1), Status: queue.Running, Order: queue.Order{App: app, Source: queue.Source{Kind: queue.Repository, Location: "/srv/" + app}}}
}

// start starts a build, which is over with the test.
func (s *suite) start(ctx context.Context, b queue.Build) queue.Run {
	s.t.Helper()
	run, err := s.Start(ctx, b)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// wait waits for the end of a build, no longer than a worker may take.
func (s *suite) wait(run queue.Run) (queue.Status, queue.Result) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), limit)
	defer cancel()
	status, result, err := run.Wait(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return status, result
}

// read is all that a build prints.
func (s *suite) read(run queue.Run) string {
	s.t.Helper()
	var out bytes.Buffer
	if err := run.Stream(s.t.Context(), &out); err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}

// until waits for a build to print a text.
func (s *suite) until(run queue.Run, text string) {
	s.t.Helper()
	ctx, found := context.WithCancel(s.t.Context())
	defer found()
	w := &seeker{want: text, found: found}
	if err := run.Stream(ctx, w); err != nil && !errors.Is(err, context.Canceled) || !strings.Contains(w.text, text) {
		s.t.Fatalf("it printed %q, %v", w.text, err)
	}
}

type seeker struct {
	want, text string
	found      func()
}

func (s *seeker) Write(b []byte) (int, error) {
	if s.text += string(b); strings.Contains(s.text, s.want) {
		s.found()
	}
	return len(b), nil
}

// lines are the lines of Prints.
func lines() string {
	var all strings.Builder
	for i := range Lines {
		fmt.Fprintf(&all, "line %d\n", i+1)
	}
	return all.String()
}

// numbered are the numbered lines of a text.
func numbered(text string) string {
	var all strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimLeft(line, " "); strings.HasPrefix(line, "line ") {
			all.WriteString(line)
		}
	}
	return all.String()
}

func (s *suite) ends(it spec.S) {
	it("tells of success", func() {
		status, result := s.wait(s.start(s.t.Context(), s.build(Prints)))
		if status != queue.Succeeded || result.Code != 0 || result.Reason != "" || result.Release == 0 {
			s.t.Errorf("got %s, %+v", status, result)
		}
	})
	it("tells of failure, and why", func() {
		run := s.start(s.t.Context(), s.build(Fails))
		status, result := s.wait(run)
		if status != queue.Failed || result.Code != Code || !strings.Contains(result.Reason, s.Reason) || result.Reason == "" || result.Release != 0 {
			s.t.Errorf("got %s, %+v", status, result)
		}
		if got := s.read(run); !strings.Contains(got, "it broke\n") {
			s.t.Errorf("it printed %q", got)
		}
	})
	it("tells of a build that is killed", func() {
		if s.Unkillable {
			s.t.Skip("no build can be killed here")
		}
		status, result := s.wait(s.start(s.t.Context(), s.build(Killed)))
		if status != queue.Failed || result.Code != 128+9 || !strings.Contains(result.Reason, "killed") {
			s.t.Errorf("got %s, %+v", status, result)
		}
	})
	it("does not start a build that runs", func() {
		b := s.build(Waits)
		run := s.start(s.t.Context(), b)
		if twin, err := s.Start(s.t.Context(), b); err == nil {
			s.t.Error("it runs twice")
			twin.Cancel()
			s.wait(twin)
		}
		run.Cancel()
		s.wait(run)
		// What came of it is not in the way of another attempt.
		again := s.build(Prints)
		again.ID = b.ID
		if status, _ := s.wait(s.start(s.t.Context(), again)); status != queue.Succeeded {
			s.t.Errorf("got %s", status)
		}
	})
	it("gives up waiting when it is told to", func() {
		run := s.start(s.t.Context(), s.build(Waits))
		ctx, cancel := context.WithCancel(s.t.Context())
		cancel()
		if _, _, err := run.Wait(ctx); !errors.Is(err, context.Canceled) {
			s.t.Errorf("got %v", err)
		}
		if err := run.Stream(ctx, io.Discard); !errors.Is(err, context.Canceled) {
			s.t.Errorf("got %v", err)
		}
		run.Cancel()
		s.wait(run)
	})
}

func (s *suite) streams(it spec.S) {
	it("streams all of it, in order, to all who want", func() {
		run := s.start(s.t.Context(), s.build(Prints))
		early := s.read(run)
		s.wait(run)
		if late := s.read(run); late != early {
			s.t.Errorf("it printed %d bytes early and %d late", len(early), len(late))
		}
		if got := numbered(early); got != lines() {
			s.t.Errorf("it printed %d bytes of lines, want %d", len(got), len(lines()))
		}
	})
	it("streams what is there so far", func() {
		run := s.start(s.t.Context(), s.build(Waits))
		s.until(run, "waiting\n")
		run.Cancel()
		s.wait(run)
	})
	it("is not held up by who reads", func() {
		run := s.start(s.t.Context(), s.build(Prints))
		if err := run.Stream(s.t.Context(), broken{}); !errors.Is(err, errBroken) {
			s.t.Errorf("got %v", err)
		}
		if status, _ := s.wait(run); status != queue.Succeeded {
			s.t.Errorf("got %s", status)
		}
		if status, _ := s.wait(s.start(s.t.Context(), s.build(Prints))); status != queue.Succeeded {
			s.t.Errorf("got %s although nobody reads", status)
		}
	})
}

var errBroken = errors.New("nobody reads this")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func (s *suite) stops(when spec.G, it spec.S) {
	for _, app := range []string{Waits, Deaf} {
		when("a build "+app+" and is cancelled", func() {
			it("stops", func() {
				run := s.start(s.t.Context(), s.build(app))
				s.until(run, "waiting\n")
				run.Cancel()
				run.Cancel()
				if status, result := s.wait(run); status != queue.Cancelled || result.Code == 0 {
					s.t.Errorf("got %s, %+v", status, result)
				}
				if s.Alive != nil && s.Alive() > 0 {
					s.t.Errorf("%d processes are left", s.Alive())
				}
				run.Cancel() // nobody is there any more
			})
		})
	}
	when("it has just begun", func() {
		it("stops", func() {
			run := s.start(s.t.Context(), s.build(Waits))
			run.Cancel()
			if status, _ := s.wait(run); status != queue.Cancelled {
				s.t.Errorf("got %s", status)
			}
		})
	})
	when("its context ends", func() {
		it("stops", func() {
			ctx, cancel := context.WithCancel(s.t.Context())
			run := s.start(ctx, s.build(Waits))
			s.until(run, "waiting\n")
			cancel()
			if status, _ := s.wait(run); status != queue.Cancelled {
				s.t.Errorf("got %s", status)
			}
		})
	})
}
