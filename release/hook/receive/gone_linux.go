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

// Gone waits until whoever pushes is gone, or ctx ends, and tells which. It looks at two things: whether
// somebody reads what the hook prints, and whether the process that started git's receive-pack is
// there: git push, or the session of sshd. While a hook runs, receive-pack itself takes no notice of a
// pusher that is gone.
func Gone(ctx context.Context, out *os.File) bool {
	info, err := out.Stat()
	isPipe := err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0
	line := ancestors()
	ticks := time.NewTicker(glance)
	defer ticks.Stop()
	for {
		if isPipe && unread(out) || !line.same() {
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
	statParent = 1
	statStart  = 19
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
