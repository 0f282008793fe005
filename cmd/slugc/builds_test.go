package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
)

// orderBuild is "order APP BRANCH STATUS": it orders a build, and has it come so far. One that
// runs goes on until it is cancelled, or the script ends.
func orderBuild(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: order APP BRANCH STATUS")
	}
	ctx, cancel := context.WithCancel(context.Background())
	home := ts.Getenv("SLUGC_HOME")
	l, err := ledger.Open(ctx, ledger.Settings{Dir: home, Keys: ledger.Keys{File: filepath.Join(home, "key")}})
	ts.Check(err)
	q, err := l.Queue(0)
	ts.Check(err)
	over := make(chan struct{})
	close(over)
	ts.Defer(func() {
		cancel()
		<-over
		ts.Check(errors.Join(q.Close(), l.Close()))
	})
	b, _, err := q.Order(ctx, queue.Order{
		App: args[0], Trigger: "push", By: "ada",
		Source: queue.Source{Kind: queue.Repository, Location: "/srv/" + args[0] + ".git", Branch: args[1], Commit: strings.Repeat("c0ffee11", 5), Message: "Say hello"},
	})
	ts.Check(err)
	status := queue.Status(args[2])
	if status == queue.Waiting {
		return
	}
	c, taken, err := q.Claim(ctx, b.ID, 0)
	ts.Check(err)
	if !taken {
		ts.Fatalf("build %d cannot be had", b.ID)
	}
	_, err = io.WriteString(c.Log(), "-----> Building "+args[0]+"\n       and so on\n")
	ts.Check(err)
	if status == queue.Running {
		over = make(chan struct{})
		go func() {
			defer close(over)
			select {
			case <-c.Cancelled():
			case <-ctx.Done():
			}
			_ = c.Log().Close()
			_, _ = c.End(context.WithoutCancel(ctx), queue.Cancelled, queue.Result{Code: 130, Reason: "it was cancelled"})
		}()
		return
	}
	ts.Check(c.Log().Close())
	result := queue.Result{Steps: []queue.Step{{Name: "Packing", Duration: 1200 * time.Millisecond}}, Reuse: []queue.Reuse{{Name: "app", Reused: true}, {Name: "slugc/nodejs:modules", Reason: "the lock changed"}}}
	switch status {
	case queue.Succeeded:
		result.Release = 3
	default:
		result.Code, result.Reason = 51, "npm ci failed"
	}
	_, err = c.End(ctx, status, result)
	ts.Check(err)
}
