package sandbox_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// noted waits for the id of a process in a file, whole once it is there.
func noted(t *testing.T, file string) int {
	t.Helper()
	for {
		data, err := os.ReadFile(file)
		if id, convErr := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && convErr == nil {
			return id
		}
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// gone waits for the end of a process. A zombie that nobody waits for has ended.
func gone(t *testing.T, id int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "stat"))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", id)
		}
	}
}

func TestDirect(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	plain := script("plain", "#!/bin/sh\n")
	if err := os.Chmod(plain, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		command sandbox.Command
		want    error
		out     string
	}{
		"a name in the PATH":   {sandbox.Command{Args: []string{"sh", "-c", "echo $A; pwd; cat"}, Env: []string{"A=b"}}, nil, "b\n" + dir + "\n"},
		"a path":               {sandbox.Command{Args: []string{script("ok", "#!/bin/sh\necho $1\n"), "x y"}}, nil, "x y\n"},
		"its status":           {sandbox.Command{Args: []string{"sh", "-c", "exit 3"}}, &sandbox.ExitError{Code: 3}, ""},
		"its signal":           {sandbox.Command{Args: []string{"sh", "-c", "kill -TERM $$"}}, &sandbox.ExitError{Code: -1, Signal: syscall.SIGTERM}, ""},
		"no such name":         {sandbox.Command{Args: []string{"no-such"}}, &sandbox.ExitError{Code: 127, Reason: "no-such: not found"}, ""},
		"no such path":         {sandbox.Command{Args: []string{"/no/such"}}, &sandbox.ExitError{Code: 127, Reason: "/no/such: not found"}, ""},
		"no such interpreter":  {sandbox.Command{Args: []string{script("odd", "#!/no/such\n")}}, &sandbox.ExitError{Code: 127, Reason: dir + "/odd: its interpreter, which the first line names, is not there"}, ""},
		"nothing to execute":   {sandbox.Command{Args: []string{plain}}, &sandbox.ExitError{Code: 126, Reason: "fork/exec " + plain + ": permission denied"}, ""},
		"no time left":         {sandbox.Command{Args: []string{"sleep", "1000"}, Timeout: 10 * time.Millisecond}, &sandbox.TimeoutError{After: 10 * time.Millisecond}, ""},
		"a child with no time": {sandbox.Command{Args: []string{"sh", "-c", "sleep 1000; :"}, Timeout: 10 * time.Millisecond}, &sandbox.TimeoutError{After: 10 * time.Millisecond}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c.command.Dir, c.command.Stdout, c.command.Stderr = dir, &out, &out
			c.command.Env = append(c.command.Env, "PATH="+stack.DefaultPath)
			err := sandbox.Direct{}.Run(t.Context(), c.command)
			if diff := cmp.Diff(c.want, err); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.out, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDirectLeavesNothingBehind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	err := sandbox.Direct{}.Run(t.Context(), sandbox.Command{
		Args: []string{"sh", "-c", "sleep 1000 & echo $! >" + file}, Env: []string{"PATH=" + stack.DefaultPath},
	})
	if err != nil {
		t.Fatal(err)
	}
	gone(t, noted(t, file))
}
