package sandbox_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/processtest"
	"github.com/slugc/slugc/stack/sandbox"
)

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
	processtest.Gone(t, processtest.Noted(t, file))
}
