package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/queue/worker"
	"github.com/slugc/slugc/release/queue/workertest"
	"github.com/slugc/slugc/stack/processtest"
)

// ownerVariable has the test binary run a build in the directory that it names.
const ownerVariable = "WORKER_TEST_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		if err := own(context.Background(), dir, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// local is a worker whose slugc is the script, with a name among its arguments.
func local(dir, name string) worker.Local {
	return worker.Local{
		Program: "/bin/sh", Args: []string{"sh", "-c", slugc, name}, Dir: dir, Env: []string{"PATH=" + os.Getenv("PATH")},
		Checkout: func(context.Context, queue.Source, string, io.Writer) error { return nil },
	}
}

// own runs a build that does not stop by itself, and says what it prints.
func own(ctx context.Context, dir, name string) error {
	run, err := local(dir, name).Start(ctx, queue.Build{ID: 1, Order: queue.Order{App: workertest.Waits}})
	if err != nil {
		return err
	}
	return run.Stream(ctx, os.Stdout)
}

// TestKilledOwner: a build dies with the process that started it, and what it left is removed
// by the next.
func TestKilledOwner(t *testing.T) {
	dir, name := filepath.Join(t.TempDir(), "work"), "slugc-of-killed-owner-"+filepath.Base(t.TempDir())
	c := exec.CommandContext(t.Context(), os.Args[0], name)
	c.Env = append(os.Environ(), ownerVariable+"="+dir)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "waiting\n" || err != nil {
		t.Fatalf("it printed %q, %v", line, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // killed
	limit := time.Now().Add(5 * time.Second)
	for left := processes(t, name); len(left) > 0; left = processes(t, name) {
		processtest.Ended(t, left[0], limit)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Fatalf("got %v, %v", left, err)
	}
	run, err := local(dir, name).Start(t.Context(), queue.Build{ID: 2, Order: queue.Order{App: workertest.Prints}})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := run.Stream(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	if status, _, err := run.Wait(t.Context()); status != queue.Succeeded || err != nil {
		t.Errorf("got %s, %v", status, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("got %v, %v", left, err)
	}
}
