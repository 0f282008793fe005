package processtest

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ended waits until a process, which may be anybody's child, has ended, but no longer
// than to a limit.
func Ended(t *testing.T, id int, limit time.Time) {
	t.Helper()
	fd, err := unix.PidfdOpen(id, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	handle := os.NewFile(uintptr(fd), "pidfd")
	defer handle.Close()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, max(0, int(time.Until(limit).Milliseconds())))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			t.Fatal(err)
		case n == 0:
			t.Fatalf("process %d does not end", id)
		default:
			return
		}
	}
}
