package sandbox_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slugc/slugc/stack/sandbox"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == probeName {
		// os.Exit would talk about coverage.
		syscall.Exit(probe(append(os.Args[1:], "")))
	}
	os.Exit(m.Run())
}

// limit ends a command that hangs, long after every command here should be
// over.
const limit = time.Minute

// command is a command on the host stack with little to it.
func command(args ...string) sandbox.Command {
	return sandbox.Command{Args: args, Env: []string{"PATH=/usr/bin:/bin"}, Timeout: limit}
}

// script is a command for the shell.
func script(lines string) sandbox.Command { return command("sh", "-c", lines) }

// run runs a command that is to succeed and returns what it printed.
func run(t *testing.T, box sandbox.Runner, c sandbox.Command) string {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := box.Run(t.Context(), c); err != nil {
		t.Fatalf("%q: %v\n%s%s", c.Args, err, &out, &errs)
	}
	return out.String()
}

// status runs a command and returns its exit status, as a shell counts it, and
// all that it printed.
func status(t *testing.T, box sandbox.Runner, c sandbox.Command) (int, string) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := box.Run(t.Context(), c)
	var exit *sandbox.ExitError
	switch {
	case err == nil:
		return 0, out.String()
	case errors.As(err, &exit):
		return exit.Status(), out.String()
	}
	t.Fatalf("%q: %v\n%s", c.Args, err, &out)
	return 0, ""
}

// started is a command that runs in the background.
type started struct {
	lines *bufio.Scanner
	stop  context.CancelCauseFunc
	done  chan error
	rest  chan string
}

// begin starts a command in the background.
func begin(t *testing.T, c sandbox.Command) *started {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	r, w := io.Pipe()
	c.Stdout = w
	s := &started{lines: bufio.NewScanner(r), stop: stop, done: make(chan error, 1), rest: make(chan string, 1)}
	go func() {
		err := sandbox.Namespaces{}.Run(ctx, c)
		s.done <- errors.Join(err, w.Close())
	}()
	return s
}

// await waits for a line of output.
func (s *started) await(t *testing.T, line string) {
	t.Helper()
	for s.lines.Scan() {
		if s.lines.Text() == line {
			return
		}
	}
	t.Fatalf("the command ended without printing %q: %v", line, <-s.done)
}

// wait waits for the end and returns the lines that were not awaited.
func (s *started) wait() (string, error) {
	var rest []string
	for s.lines.Scan() {
		rest = append(rest, s.lines.Text())
	}
	return strings.Join(rest, "\n"), <-s.done
}

// shared is a directory that a command may write, and the mount for it.
func shared(t *testing.T, target string) (string, sandbox.Mount) {
	t.Helper()
	dir := tempDir(t)
	if err := sandbox.Give(dir); err != nil {
		t.Fatal(err)
	}
	return dir, sandbox.Mount{Source: dir, Target: target, Writable: true}
}

// tempDir is a directory that every user may enter. Some files in it may not
// belong to the user of the test.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
