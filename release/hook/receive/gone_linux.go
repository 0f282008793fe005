package receive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// glance is how often the pusher is looked for.
const glance = 300 * time.Millisecond

// Gone waits until whoever pushes is gone, or ctx ends, and tells which. While a hook runs, git's
// receive-pack takes no notice of that, so three things are looked at: whether somebody reads what the
// hook prints; whether the process that started receive-pack is there, which is git push or the
// session of sshd; and whether receive-pack still has the thread that hands on what the hook prints: that ends when
// it cannot be handed on, and every five seconds something is (git-config(1), "receive.keepAlive").
func Gone(ctx context.Context, out *os.File) bool {
	info, err := out.Stat()
	isPipe := err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
	line := ancestors()
	several := threads(line[1]) > 1
	ticks := time.NewTicker(glance)
	defer ticks.Stop()
	for {
		if isPipe && unread(out) || !line.same() || several && threads(line[1]) == 1 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticks.C:
		}
	}
}

// unread is whether nobody can read what is written to a pipe.
func unread(pipe *os.File) bool {
	fds := []unix.PollFd{{Fd: int32(pipe.Fd())}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
}

// ancestry is a chain of processes, each the parent of the one before. The first is this one.
type ancestry []int

// ancestors are git's receive-pack, what started it, and what started that if it is a shell that git or
// sshd had start it.
func ancestors() ancestry {
	line := ancestry{os.Getpid(), os.Getppid()}
	for {
		last := line[len(line)-1]
		parent := parentOf(last)
		if parent <= 1 {
			return line
		}
		line = append(line, parent)
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", parent))
		shell := filepath.Base(strings.SplitN(string(command), "\x00", 2)[0])
		if err != nil || !strings.HasSuffix(shell, "sh") || !strings.Contains(string(command), "receive-pack") {
			return line
		}
	}
}

// same is whether each is still the child of the next: an orphan has another parent.
func (a ancestry) same() bool {
	if os.Getppid() != a[1] {
		return false
	}
	for i := 1; i+1 < len(a); i++ {
		if parentOf(a[i]) != a[i+1] {
			return false
		}
	}
	return true
}

// stat are the fields of a process after its name (proc(5), "/proc/[pid]/stat"); none where it is gone.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// The places of what is looked at in stat.
const (
	statParent  = 1
	statThreads = 17
	statStart   = 19
)

// parentOf is the parent of a process; 0 where it is gone.
func parentOf(pid int) int {
	fields := stat(pid)
	if len(fields) <= statStart {
		return 0
	}
	parent, err := strconv.Atoi(fields[statParent])
	if err != nil {
		return 0
	}
	return parent
}

// threads is how many a process has; 0 where it is gone.
func threads(pid int) int {
	fields := stat(pid)
	if len(fields) <= statStart {
		return 0
	}
	count, err := strconv.Atoi(fields[statThreads])
	if err != nil {
		return 0
	}
	return count
}

// parent is the process that started this one, in words that name no other one.
func parent() string {
	pid := os.Getppid()
	fields := stat(pid)
	if len(fields) <= statStart {
		return ""
	}
	return fmt.Sprintf("%d %s", pid, fields[statStart])
}

// await waits until a process is gone that parent named.
func await(ctx context.Context, process string) error {
	var pid int
	var start string
	if _, err := fmt.Sscanf(process, "%d %s", &pid, &start); err != nil {
		return nil // it is the name of none
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("waiting for another push: %w", err)
	}
	handle := os.NewFile(uintptr(fd), "pidfd")
	defer handle.Close()
	if fields := stat(pid); len(fields) <= statStart || fields[statStart] != start {
		return nil
	}
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(glance.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for another push: %w", err)
		}
		if n > 0 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
