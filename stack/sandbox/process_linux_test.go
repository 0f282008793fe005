package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/sandbox"
)

func TestProcess(t *testing.T) { spec.Run(t, "a process in a sandbox", testProcess) }

func testProcess(t *testing.T, when spec.G, it spec.S) {
	var box sandbox.Namespaces

	it("returns nil for status 0 and the status otherwise", func() {
		run(t, box, command("true"))
		if got, _ := status(t, box, script("exit 7")); got != 7 {
			t.Errorf("the status is %d, not 7", got)
		}
	})

	it("tells which signal ended it", func() {
		err := box.Run(t.Context(), script("kill -SEGV $$"))
		var exit *sandbox.ExitError
		if !errors.As(err, &exit) || exit.Code != -1 || exit.Signal != syscall.SIGSEGV || exit.Status() != 139 {
			t.Errorf("ended with %v", err)
		}
	})

	it("keeps standard output and standard error apart", func() {
		var out, errs bytes.Buffer
		c := script("echo out; echo err >&2")
		c.Stdout, c.Stderr = &out, &errs
		if err := box.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if out.String() != "out\n" || errs.String() != "err\n" {
			t.Errorf("got %q on output and %q on error", &out, &errs)
		}
	})

	it("keeps output in order that goes to one writer", func() {
		var all, want bytes.Buffer
		c := script("i=0; while [ $i -lt 100 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done")
		c.Stdout, c.Stderr = &all, &all
		if err := box.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			fmt.Fprintf(&want, "out %d\nerr %d\n", i, i)
		}
		if all.String() != want.String() {
			t.Errorf("the order is lost:\n%s", &all)
		}
	})

	it("opens its streams by name", func() {
		var out, errs bytes.Buffer
		c := script("cat /dev/stdin > /dev/stdout; echo err > /dev/stderr")
		c.Stdin, c.Stdout, c.Stderr = strings.NewReader("in"), &out, &errs
		if err := box.Run(t.Context(), c); err != nil {
			t.Fatal(err, errs.String())
		}
		if out.String() != "in" || errs.String() != "err\n" {
			t.Errorf("got %q on output and %q on error", &out, &errs)
		}
	})

	it("reads its input", func() {
		input := strings.Repeat("slug\n", 1<<18)
		c := command("wc", "-c")
		c.Stdin = strings.NewReader(input)
		if got := strings.TrimSpace(run(t, box, c)); got != fmt.Sprint(len(input)) {
			t.Errorf("%s bytes arrived of %d", got, len(input))
		}
	})

	it("has no input when there is none", func() {
		if got := run(t, box, command("cat")); got != "" {
			t.Errorf("it read %q", got)
		}
	})

	it("does not have to read its input", func() {
		never, w := io.Pipe()
		defer w.Close()
		c := command("true")
		c.Stdin = never
		run(t, box, c)
	})

	it("prints 50 MB", func() {
		const size = 50 << 20
		var n counter
		c := command("head", "-c", fmt.Sprint(size), "/dev/zero")
		c.Stdout = &n
		if err := box.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if n != size {
			t.Errorf("%d bytes arrived of %d", n, size)
		}
	})

	it("loses nothing when its reader is slow", func() {
		dir, m := shared(t, "/shared")
		c := script("exec 9>/shared/lock; flock 9; head -c 60000 /dev/zero")
		c.Mounts = []sandbox.Mount{m}
		var n counter
		c.Stdout = writerFunc(func(p []byte) (int, error) {
			// It is unlocked when the process is gone.
			n += counter(len(p))
			return len(p), awaitUnlock(dir)
		})
		if err := box.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if n != 60000 {
			t.Errorf("%d bytes arrived of 60000", n)
		}
	})

	it("ends when nobody takes its output, and Run says why", func() {
		full := errors.New("the disk is full")
		c := command("yes")
		c.Stdout = writerFunc(func([]byte) (int, error) { return 0, full })
		err := box.Run(t.Context(), c)
		var exit *sandbox.ExitError
		if !errors.Is(err, full) || !errors.As(err, &exit) {
			t.Errorf("Run returned %v", err)
		}
	})

	it("gets the environment that it is given and nothing else", func() {
		t.Setenv("SANDBOX_TEST_SECRET", "leaked")
		c := command("/usr/bin/env")
		c.Env = []string{"A=1", "B=two words", "C=\xff not UTF-8"}
		want := strings.Join(c.Env, "\n") + "\n"
		if got := run(t, box, c); got != want {
			t.Errorf("the environment is\n%q, not\n%q", got, want)
		}
	})

	it("starts in its working directory", func() {
		c := command("pwd")
		if got := run(t, box, c); got != "/\n" {
			t.Errorf("by default it starts in %q", got)
		}
		c.Dir = "/usr/bin"
		if got := run(t, box, c); got != "/usr/bin\n" {
			t.Errorf("it starts in %q", got)
		}
	})

	it("leads a session and a process group of its own", func() {
		run(t, box, script("read -r pid name state parent group session rest < /proc/$$/stat; [ $session = $$ ] && [ $group = $$ ]"))
	})

	it("does not start in a directory that is not there", func() {
		c := command("pwd")
		c.Dir = "/nowhere"
		err := box.Run(t.Context(), c)
		if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/nowhere") {
			t.Errorf("Run returned %v", err)
		}
	})

	when("it cannot be started", func() {
		var dir string
		var mounts []sandbox.Mount
		it.Before(func() {
			var m sandbox.Mount
			dir, m = shared(t, "/app")
			mounts = []sandbox.Mount{m}
		})
		for _, bad := range []struct {
			name, program, content string
			mode                   os.FileMode
			status                 int
			reason                 string
		}{
			{name: "is missing", program: "no-such-program", status: 127, reason: "not found in PATH"},
			{name: "is missing by path", program: "/app/none", status: 127, reason: "/app/none: not found"},
			{name: "is not executable", program: "/app/file", mode: 0o644, status: 126, reason: "chmod +x"},
			{name: "is a directory", program: "/usr", status: 126, reason: "is a directory"},
			{name: "is not a program", program: "/app/file", content: "text\n", mode: 0o755, status: 126, reason: "#!"},
			{
				name: "has no interpreter", program: "./file", content: "#!/none\n", mode: 0o755,
				status: 127, reason: "interpreter",
			},
		} {
			it("says that it "+bad.name, func() {
				file := write(t, filepath.Join(dir, "file"), bad.content)
				if err := os.Chmod(file, bad.mode); err != nil {
					t.Fatal(err)
				}
				c := command(bad.program)
				c.Mounts, c.Dir = mounts, "/app"
				err := box.Run(t.Context(), c)
				var exit *sandbox.ExitError
				if !errors.As(err, &exit) || exit.Code != bad.status || !strings.Contains(exit.Error(), bad.reason) {
					t.Errorf("Run returned %v", err)
				}
			})
		}
	})

	it("is found in the PATH of its own environment", func() {
		dir, m := shared(t, "/app")
		program := write(t, filepath.Join(dir, "bin", "greet"), "#!/bin/sh\necho hello\n")
		if err := os.Chmod(program, 0o755); err != nil {
			t.Fatal(err)
		}
		c := command("greet")
		c.Mounts, c.Env = []sandbox.Mount{m}, []string{"PATH=/usr/bin:/app/bin"}
		if got := run(t, box, c); got != "hello\n" {
			t.Errorf("it printed %q", got)
		}
	})

	it("is not alone, and its orphans end with it", func() {
		dir, m := shared(t, "/shared")
		c := probing(t)
		c.Args = []string{"sh", "-c", "{ setsid " + probeInside + " hold /shared/lock & } | head -n 1"}
		c.Mounts = append(c.Mounts, m)
		if got := run(t, box, c); got != "held\n" {
			t.Fatalf("it printed %q", got)
		}
		unlocked(t, dir)
	})

	it("does not keep Run waiting with processes that hold its output", func() {
		if got := run(t, box, script("sleep 1000 & echo done")); got != "done\n" {
			t.Errorf("it printed %q", got)
		}
	})

	it("runs beside others", func() {
		var group errgroup.Group
		for i := range 20 {
			group.Go(func() error {
				var out bytes.Buffer
				c := script(fmt.Sprintf("echo $$ > /tmp/mine; cat /tmp/mine; echo %d", i))
				c.Stdout = &out
				if err := box.Run(t.Context(), c); err != nil {
					return err
				}
				if !strings.HasSuffix(out.String(), fmt.Sprintf("\n%d\n", i)) {
					return fmt.Errorf("sandbox %d printed %q", i, &out)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestEnd(t *testing.T) { spec.Run(t, "the end of a sandbox", testEnd) }

func testEnd(t *testing.T, _ spec.G, it spec.S) {
	const polite = `trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done`

	it("comes at once when the context ends and there is no grace", func() {
		dir, m := shared(t, "/shared")
		c := probing(t)
		c.Args = []string{"sh", "-c", "setsid " + probeInside + " hold /shared/lock & wait"}
		c.Mounts = append(c.Mounts, m)
		s := begin(t, c)
		s.await(t, "held")
		s.stop(nil)
		said, err := s.wait()
		var stopped *sandbox.StoppedError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &stopped) || stopped.Status != 137 {
			t.Errorf("Run returned %v: %#v; it said %q", err, stopped, said)
		}
		unlocked(t, dir)
	})

	it("tells the cause of the context's end", func() {
		why := errors.New("a newer build came")
		s := begin(t, script(polite))
		s.await(t, "ready")
		s.stop(why)
		if _, err := s.wait(); !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("Run returned %v", err)
		}
	})

	it("gives everybody inside SIGTERM and grace", func() {
		c := script(`(` + strings.Replace(polite, "echo ready", "> /tmp/ready", 1) + `) & pid=$!
			trap 'wait $pid; echo child $?; exit 7' TERM
			until [ -e /tmp/ready ]; do sleep 0.01; done; echo ready; wait $pid`)
		c.Grace = limit
		s := begin(t, c)
		s.await(t, "ready")
		s.stop(nil)
		said, err := s.wait()
		var stopped *sandbox.StoppedError
		if said != "bye\nchild 7" || !errors.Is(err, context.Canceled) || !errors.As(err, &stopped) || stopped.Status != 7 {
			t.Errorf("it said %q and Run returned %v", said, err)
		}
	})

	it("comes for who is deaf when the grace is over", func() {
		dir, m := shared(t, "/shared")
		c := probing(t)
		c.Args = []string{"sh", "-c", "setsid " + probeInside + " hold /shared/lock & trap '' TERM; wait"}
		c.Mounts, c.Grace = append(c.Mounts, m), 50*time.Millisecond
		s := begin(t, c)
		s.await(t, "held")
		s.stop(nil)
		if _, err := s.wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		unlocked(t, dir)
	})

	it("comes when the timeout passes", func() {
		c := command("sleep", "1000")
		c.Timeout, c.Grace = 100*time.Millisecond, limit
		var late *sandbox.TimeoutError
		if err := (sandbox.Namespaces{}).Run(t.Context(), c); !errors.As(err, &late) || late.After != c.Timeout {
			t.Errorf("Run returned %v", err)
		}
	})

	it("comes before the start when the context has ended", func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := (sandbox.Namespaces{}).Run(ctx, command("true")); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})

	it("comes with the end of the parent", func() {
		dir, _ := shared(t, "/shared")
		parent := outside(t, "enclose", dir)
		out, err := parent.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		held := make([]byte, len("held\n"))
		if _, err := io.ReadFull(out, held); err != nil {
			t.Fatal(err)
		}
		if err := parent.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := parent.Wait(); err == nil {
			t.Error("the parent survived")
		}
		if err := awaitUnlock(dir); err != nil {
			t.Error(err)
		}
	})
}

// unlocked checks that nobody holds the lock of a shared directory any more.
func unlocked(t *testing.T, dir string) {
	t.Helper()
	if err := flock(dir, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("somebody survived: %v", err)
	}
}

// awaitUnlock waits until nobody holds the lock of a shared directory.
func awaitUnlock(dir string) error { return flock(dir, unix.LOCK_EX) }

func flock(dir string, how int) error {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	return errors.Join(unix.Flock(int(f.Fd()), how), f.Close())
}

type counter int

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
