package main_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// TestSignals shows that the process takes the launcher's place: it has its
// id, gets what is sent to it, and ends as it likes.
func TestSignals(t *testing.T) {
	launcher, probe, environ := build(t), buildProbe(t), stage(t)
	direct, shell := []string{"launcher", "--", probe, "--signal"}, []string{"launcher", probe + " --signal"}
	for _, test := range []struct {
		name   string
		argv   []string
		signal syscall.Signal
		// code is 40 and the number of the signal, or that of its death.
		code int
	}{
		{"direct", direct, syscall.SIGTERM, 40 + 15},
		{"direct", direct, syscall.SIGINT, 40 + 2},
		{"direct", direct, syscall.SIGHUP, 40 + 1},
		{"direct", direct, syscall.SIGUSR1, 40 + 10},
		{"shell", shell, syscall.SIGTERM, 40 + 15},
		{"shell", shell, syscall.SIGINT, 40 + 2},
		{"not asked for", []string{"launcher", "--", "/bin/sh", "-c", "echo $$; exec sleep 60"}, syscall.SIGTERM, -1},
		{"not to be asked for", direct, syscall.SIGKILL, -1},
	} {
		t.Run(fmt.Sprintf("%s %v", test.name, test.signal), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), launcher)
			cmd.Args, cmd.Env = test.argv, environ
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			printed := bufio.NewReader(stdout)
			id, err := printed.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if id != strconv.Itoa(cmd.Process.Pid)+"\n" {
				t.Errorf("the process has the id %q, and the launcher had %d", id, cmd.Process.Pid)
			}
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, printed); err != nil {
				t.Error(err)
			}
			err = cmd.Wait()
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.ExitCode() != test.code {
				t.Errorf("ended with %v, want exit code %d", err, test.code)
			}
			if status, ok := exit.Sys().(syscall.WaitStatus); test.code < 0 && (!ok || status.Signal() != test.signal) {
				t.Errorf("ended with %v, want the signal %v", err, test.signal)
			}
		})
	}
}

// TestIgnoredSignal has a parent that ignores interrupts, as a shell does for
// what runs in the background.
func TestIgnoredSignal(t *testing.T) {
	launcher, environ := build(t), stage(t)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `trap "" INT; exec "$0" -- /bin/sh -c 'kill -INT $$; echo ignored'`, launcher)
	cmd.Env = environ
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "ignored\n" {
		t.Errorf("printed %q: %v", out, err)
	}
}

// TestInterrupted sends the launcher a signal before there is a process: what
// it was waiting for ends too.
func TestInterrupted(t *testing.T) {
	launcher := build(t)
	environ := stageWith(t, map[string]string{"layers/acme_hello/hello/exec.d/wait": "#!/bin/sh\necho $$\nexec sleep 60\n"})
	cmd := exec.CommandContext(t.Context(), launcher)
	cmd.Args, cmd.Env = []string{"web"}, environ
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var waiting int
	if _, err := fmt.Fscanln(stdout, &waiting); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(stdout); err != nil || len(rest) > 0 {
		t.Errorf("printed %q: %v", rest, err)
	}
	err = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 82 {
		t.Errorf("exit code %d, want 82: %v", got, err)
	}
	if err := syscall.Kill(waiting, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the exec.d program %d is still there: %v", waiting, err)
	}
}
