package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack/launch"
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

// TestEngine has an engine build and release an app, as slugc serve does: first from nothing,
// then unchanged, then broken.
func TestEngine(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	hello, err := filepath.Abs("../../testdata/buildpacks/hello")
	must(err)
	home := t.TempDir()
	p := &program{out: io.Discard, err: io.Discard, env: launch.NewEnv([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "SLUGC_HOME=" + home, "SLUGC_CACHE=" + filepath.Join(home, "cache"), "GIT_DIR=/nowhere",
	})}
	p.speak(p.out)
	d, err := p.desk(t.Context())
	must(err)
	q, err := d.Queue(0)
	must(err)
	defer func() { must(errors.Join(q.Close(), d.Close())) }()
	files := map[string]string{"hello.txt": "world\n"}
	engine, err := p.engine(q, func(_ context.Context, s queue.Source, dir string, out io.Writer) error {
		fmt.Fprintf(out, "-----> Checking out %s\n", s.Commit)
		files[".git/HEAD"] = s.Commit + "\n"
		for name, text := range files {
			must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
		}
		return nil
	})
	must(err)
	commit := strings.Repeat("c0ffee11", 5)
	build := func() (queue.Build, string) {
		t.Helper()
		b, _, err := q.Order(t.Context(), queue.Order{
			App: "shop", Source: queue.Source{Kind: queue.Repository, Location: "/srv/shop.git", Branch: "main", Commit: commit}, By: "ada", Flags: []string{"-b", hello}, Mine: true,
		})
		must(err)
		var out strings.Builder
		b, err = engine.RunOne(t.Context(), b.ID, &out)
		must(err)
		return b, out.String()
	}
	b, out := build()
	if b.Status != queue.Succeeded || b.Release != 1 || b.Code != 0 || b.Reason != "" {
		t.Fatalf("got %+v: %s", b, out)
	}
	for _, want := range []string{"-----> Checking out " + commit, "-----> Building shop on the host stack", "       Making the greeter", "-----> Releasing shop", "Done, v1"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	var steps []string
	var took time.Duration
	for _, s := range b.Steps {
		steps, took = append(steps, s.Name), took+s.Duration
	}
	if got := strings.Join(steps, "; "); !strings.HasPrefix(got, "Building shop on the host stack; ") || !strings.HasSuffix(got, "; Releasing shop") || !strings.Contains(got, "; Greeting; ") {
		t.Errorf("its steps are %s", got)
	}
	if whole := b.Finished.Sub(b.Started); took <= 0 || took > whole {
		t.Errorf("its steps took %s, all of it %s", took, whole)
	}
	r, err := d.Release(t.Context(), "shop", 1)
	must(err)
	if r.Author != "ada" || !strings.Contains(r.Description, commit[:7]) {
		t.Errorf("the release is %q by %q", r.Description, r.Author)
	}

	b, out = build()
	if b.Status != queue.Succeeded || b.Release != 2 || len(b.Reuse) == 0 {
		t.Fatalf("got %+v: %s", b, out)
	}
	for _, r := range b.Reuse {
		if !r.Reused {
			t.Errorf("%s is not reused: %s", r.Name, r.Reason)
		}
	}

	files["fail"] = "Nothing works.\n"
	b, out = build()
	if b.Status != queue.Failed || b.Code != int(cli.CompileFailed) || !strings.Contains(b.Reason, "hello") || b.Release != 0 || !strings.Contains(out, "Nothing works.") {
		t.Errorf("got %+v: %s", b, out)
	}
	left, err := os.ReadDir(filepath.Join(q.Dir(), "work"))
	must(err)
	if len(left) > 0 {
		t.Errorf("%s is left", left[0])
	}
}
