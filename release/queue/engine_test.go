package queue_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
)

func TestEngine(t *testing.T) { spec.Run(t, "Engine", testEngine) }

// hands is a worker whose builds are what a test says.
type hands struct {
	mu   sync.Mutex
	runs map[string]*handRun
	// began has each build that is started.
	began chan queue.Build
}

func newHands() *hands {
	return &hands{runs: map[string]*handRun{}, began: make(chan queue.Build, 100)}
}

// Start starts a build that goes on until it is told how it ends.
func (h *hands) Start(_ context.Context, b queue.Build) (queue.Run, error) {
	if b.App == "broken" {
		return nil, errors.New("there is no place for it")
	}
	r := &handRun{stop: make(chan struct{}), ends: make(chan queue.Result, 1), done: make(chan struct{})}
	r.text = fmt.Sprintf("-----> Building %s\n", b.App)
	h.mu.Lock()
	h.runs[b.App] = r
	h.mu.Unlock()
	h.began <- b
	return r, nil
}

func (h *hands) of(app string) *handRun {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.runs[app]
}

type handRun struct {
	once   sync.Once
	stop   chan struct{}
	ends   chan queue.Result
	done   chan struct{}
	text   string
	status queue.Status
	result queue.Result
}

func (r *handRun) Stream(_ context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, r.text); err != nil {
		return err
	}
	<-r.done
	_, err := io.WriteString(w, "       over\n")
	return err
}

func (r *handRun) Cancel() { r.once.Do(func() { close(r.stop) }) }

func (r *handRun) Wait(context.Context) (queue.Status, queue.Result, error) {
	select {
	case r.result = <-r.ends:
		r.status = queue.Succeeded
		if r.result.Code != 0 {
			r.status = queue.Failed
		}
	case <-r.stop:
		r.status, r.result = queue.Cancelled, queue.Result{Code: 130}
	}
	close(r.done)
	return r.status, r.result, nil
}

func testEngine(t *testing.T, when spec.G, it spec.S) {
	var store *ledger.Queue
	var worker *hands
	var engine queue.Engine
	var home string

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func() *ledger.Queue {
		t.Helper()
		l, err := ledger.Open(t.Context(), ledger.Settings{Dir: home, Keys: ledger.Keys{File: filepath.Join(home, "key")}})
		must(err)
		q, err := l.Queue(0)
		must(err)
		t.Cleanup(func() { must(errors.Join(q.Close(), l.Close())) })
		return q
	}
	it.Before(func() {
		home = t.TempDir()
		store, worker = open(), newHands()
		engine = queue.Engine{Store: store, Worker: worker, Most: 2, Warn: func(err error) { t.Error(err) }}
	})
	order := func(what string, more ...func(*queue.Order)) queue.Build {
		t.Helper()
		app, branch, _ := strings.Cut(what, "/")
		o := queue.Order{App: app, Source: queue.Source{Kind: queue.Repository, Branch: branch}, Trigger: "push"}
		for _, say := range more {
			say(&o)
		}
		b, _, err := store.Order(t.Context(), o)
		must(err)
		return b
	}
	mine := func(o *queue.Order) { o.Mine = true }
	// run runs the engine until it is told to end; wait waits until it has.
	run := func() (end, wait func()) {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { engine.Run(ctx) })
		return cancel, running.Wait
	}
	// serve runs the engine until what it returns is called.
	serve := func() (stop func()) {
		end, wait := run()
		return func() { end(); wait() }
	}
	began := func() queue.Build {
		t.Helper()
		select {
		case b := <-worker.began:
			return b
		case <-time.After(5 * time.Second):
			t.Fatal("no build begins")
			return queue.Build{}
		}
	}
	none := func() {
		t.Helper()
		select {
		case b := <-worker.began:
			t.Fatalf("build %d of %s begins", b.ID, b.App)
		case <-time.After(300 * time.Millisecond):
		}
	}
	// ended waits for a build to end.
	ended := func(b queue.Build) queue.Build {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		b, err := queue.Follow(ctx, store, b.ID, 0, io.Discard)
		must(err)
		return b
	}
	is := func(b queue.Build, status queue.Status, reason string) {
		t.Helper()
		if b.Status != status || b.Reason != reason {
			t.Errorf("build %d of %s is %s: %s; want %s: %s", b.ID, b.App, b.Status, b.Reason, status, reason)
		}
	}
	log := func(b queue.Build) string {
		t.Helper()
		var text bytes.Buffer
		_, err := queue.Follow(t.Context(), store, b.ID, 0, &text)
		must(err)
		return text.String()
	}
	// one has the engine run one build, and says how that ended.
	type ending struct {
		queue.Build
		out string
		err error
	}
	one := func(ctx context.Context, s queue.Store, id int64, out io.Writer) <-chan ending {
		e := engine
		e.Store = s
		c := make(chan ending, 1)
		var text bytes.Buffer
		if out == nil {
			out = &text
		}
		go func() {
			b, err := e.RunOne(ctx, id, out)
			c <- ending{b, text.String(), err}
		}()
		return c
	}

	when("builds are ordered", func() {
		it("runs as many as may run, and keeps how they went", func() {
			stop := serve()
			defer stop()
			a, b, c := order("a/main"), order("b/main"), order("c/main")
			began()
			began()
			none()
			worker.of("b").ends <- queue.Result{Code: 51, Reason: "npm ci failed"}
			is(ended(b), queue.Failed, "npm ci failed")
			if got := began(); got.ID != c.ID {
				t.Errorf("build %d begins", got.ID)
			}
			worker.of("a").ends <- queue.Result{Release: 3}
			worker.of("c").ends <- queue.Result{}
			if got := ended(a); got.Release != 3 || got.Status != queue.Succeeded {
				t.Errorf("got %+v", got)
			}
			is(ended(c), queue.Succeeded, "")
			if got := log(a); got != "-----> Building a\n       over\n" {
				t.Errorf("its log is %q", got)
			}
		})
		it("tells who listens", func() {
			told := make(chan string, 9)
			tell := func(word string) func(queue.Build) {
				return func(b queue.Build) { told <- fmt.Sprintf("%s %s %s", word, b.App, b.Status) }
			}
			engine.Began, engine.Ended, engine.Grace = tell("began"), tell("ended"), time.Minute
			stop := serve()
			b := order("a/main")
			began()
			worker.of("a").ends <- queue.Result{}
			is(ended(b), queue.Succeeded, "")
			stop()
			close(told)
			var got []string
			for word := range told {
				got = append(got, word)
			}
			if strings.Join(got, "; ") != "began a running; ended a succeeded" {
				t.Errorf("told: %q", got)
			}
		})
		it("says why one cannot begin", func() {
			stop := serve()
			defer stop()
			b := order("broken/main")
			is(ended(b), queue.Failed, "there is no place for it")
			if got := log(b); got != " !     there is no place for it\n" {
				t.Errorf("its log is %q", got)
			}
		})
		it("ends one that takes too long", func() {
			stop := serve()
			defer stop()
			b := order("a/main", func(o *queue.Order) { o.Limit = 50 * time.Millisecond })
			is(ended(b), queue.Failed, "it took longer than 50ms, its limit")
		})
		it("ends one that is cancelled elsewhere", func() {
			stop := serve()
			defer stop()
			b := order("a/main")
			began()
			_, err := open().Cancel(t.Context(), b.ID)
			must(err)
			is(ended(b), queue.Cancelled, "it was cancelled")
		})
	})
	when("the engine is stopped", func() {
		it("lets builds end that do in time", func() {
			engine.Grace = time.Minute
			end, wait := run()
			b := order("a/main")
			began()
			end()
			order("b/main")
			worker.of("a").ends <- queue.Result{}
			wait()
			is(ended(b), queue.Succeeded, "")
			none()
		})
		it("gives up the others, and orders them again when it is back", func() {
			engine.Again = true
			stop := serve()
			b := order("a/main")
			began()
			stop()
			is(ended(b), queue.Abandoned, "slugc was stopped before it ended")
			stop = serve()
			defer stop()
			if again := began(); again.Again != b.ID {
				t.Errorf("got %+v", again)
			}
		})
	})
	when("somebody waits for one build", func() {
		it("runs it, and streams it", func() {
			b := order("a/main", mine)
			got := one(t.Context(), store, b.ID, nil)
			began()
			worker.of("a").ends <- queue.Result{}
			end := <-got
			is(end.Build, queue.Succeeded, "")
			if end.err != nil || end.out != "-----> Building a\n       over\n" {
				t.Errorf("got %q, %v", end.out, end.err)
			}
		})
		it("waits for those before it, and says so", func() {
			first, second := order("a/1", mine), order("a/2", mine)
			before := one(t.Context(), store, first.ID, nil)
			began()
			got := one(t.Context(), store, second.ID, nil)
			none()
			worker.of("a").ends <- queue.Result{}
			<-before
			began()
			worker.of("a").ends <- queue.Result{}
			end := <-got
			if want := fmt.Sprintf("-----> Waiting for build %d of a to end\n-----> Building a\n       over\n", first.ID); end.out != want || end.err != nil {
				t.Errorf("got %q, %v", end.out, end.err)
			}
		})
		it("ends when a newer one supersedes it", func() {
			first := one(t.Context(), store, order("a/1", mine).ID, nil)
			began()
			second := order("a/2", mine)
			got := one(t.Context(), store, second.ID, nil)
			none()
			third := order("a/2", mine)
			end := <-got
			is(end.Build, queue.Superseded, fmt.Sprintf("build %d was ordered after it", third.ID))
			worker.of("a").ends <- queue.Result{}
			<-first
		})
		it("is cancelled with who waits", func() {
			ctx, cancel := context.WithCancel(t.Context())
			b := order("a/main", mine)
			got := one(ctx, store, b.ID, nil)
			began()
			cancel()
			end := <-got
			is(end.Build, queue.Cancelled, "who waited for it is gone")
			if end.err != nil {
				t.Error(end.err)
			}
		})
		it("is cancelled before its turn, too", func() {
			first := one(t.Context(), store, order("a/1", mine).ID, nil)
			began()
			ctx, cancel := context.WithCancel(t.Context())
			got := one(ctx, store, order("a/2", mine).ID, nil)
			none()
			cancel()
			is((<-got).Build, queue.Cancelled, "it was cancelled before it began")
			worker.of("a").ends <- queue.Result{}
			<-first
		})
		it("is cancelled when nobody reads", func() {
			b := order("a/main", mine)
			end := <-one(t.Context(), store, b.ID, deafWriter{})
			is(end.Build, queue.Cancelled, "who waited for it is gone")
		})
		it("follows one that another runs", func() {
			stop := serve()
			defer stop()
			b := order("a/main")
			began()
			out, follower := io.Pipe()
			got := one(t.Context(), open(), b.ID, follower)
			lines := bufio.NewReader(out)
			first, err := lines.ReadString('\n')
			must(err)
			worker.of("a").ends <- queue.Result{}
			second, err := lines.ReadString('\n')
			must(err)
			if end := <-got; end.err != nil || first+second != "-----> Building a\n       over\n" || end.Status != queue.Succeeded {
				t.Errorf("got %q, %+v, %v", first+second, end.Build, end.err)
			}
		})
	})
}

type deafWriter struct{}

func (deafWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
