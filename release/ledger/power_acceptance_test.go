//go:build acceptance

package ledger_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPowerLoss cuts the power of a disk while releases are made on it: a file system
// on a file is copied as it is, without what the system has not written to it yet, and
// mounted anew. What was said to be made has to be there.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	must(t, os.WriteFile(disk, nil, 0o600))
	must(t, os.Truncate(disk, 32<<20))
	run := func(args ...string) error {
		out, err := exec.CommandContext(context.Background(), args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return errors.New(strings.Join(args, " ") + ": " + err.Error() + ": " + string(out))
		}
		return nil
	}
	mount := func(file, at string) (unmount func()) {
		must(t, os.MkdirAll(at, 0o700))
		// Nothing is written but what somebody waits for.
		if err := run("mount", "-o", "loop,commit=3000", file, at); err != nil {
			t.Skip(err)
		}
		return func() { must(t, run("umount", at)) }
	}
	if err := run("mkfs.ext4", "-q", disk); err != nil {
		t.Skip(err)
	}
	t.Cleanup(mount(disk, filepath.Join(dir, "on")))
	home := filepath.Join(dir, "on", "home")
	must(t, os.Mkdir(home, 0o700))
	must(t, run("sync", "-f", home))

	c := childOf(t, home, 100_000, "shop", 5)
	out, err := c.StdoutPipe()
	must(t, err)
	var errOut bytes.Buffer
	c.Stderr = &errOut
	must(t, c.Start())
	ended := sync.OnceValue(c.Wait)
	t.Cleanup(func() {
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		// How it ended is looked at where it matters.
		_ = ended()
	})
	var mu sync.Mutex
	var told []int
	read := make(chan error, 1)
	go func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				read <- err
				return
			}
			n, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				read <- err
				return
			}
			mu.Lock()
			told = append(told, n)
			mu.Unlock()
		}
	}()
	random := rand.New(rand.NewSource(5))
	const cuts = 20
	for i := range cuts {
		// A name of its own: the system may still have the pages of the one before.
		lost := filepath.Join(dir, "lost"+strconv.Itoa(i))
		time.Sleep(time.Duration(20+random.Intn(150)) * time.Millisecond)
		mu.Lock()
		made := append([]int{}, told...)
		mu.Unlock()
		// The copy takes a moment, in which the disk must not change.
		must(t, c.Process.Signal(syscall.SIGSTOP))
		stopped(t, c.Process.Pid)
		must(t, run("cp", disk, lost))
		must(t, c.Process.Signal(syscall.SIGCONT))
		func() {
			at := filepath.Join(dir, "after")
			defer mount(lost, at)()
			checkWhole(t, filepath.Join(at, "home"), "shop", made)
		}()
		must(t, os.Remove(lost))
	}
	must(t, c.Process.Kill())
	if err := <-read; !errors.Is(err, io.EOF) {
		t.Errorf("%v: %s", err, &errOut)
	}
	if err := ended(); err == nil || c.ProcessState.ExitCode() != -1 {
		t.Errorf("it ended by itself: %v: %s", err, &errOut)
	}
	if len(told) < cuts {
		t.Errorf("only %d releases were made", len(told))
	}
	t.Logf("%d times without power, %d releases", cuts, len(told))
}

// stopped waits until all threads of a child stand still, of which the kernel tells
// its parent then (waitid(2)).
func stopped(t *testing.T, pid int) {
	t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil)
		if !errors.Is(err, unix.EINTR) {
			must(t, err)
			break
		}
	}
	files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	must(t, err)
	for _, file := range files {
		stat, err := os.ReadFile(file)
		must(t, err)
		if !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" T")) {
			t.Fatalf("a thread goes on: %s", stat)
		}
	}
}
