package receive

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// glance is how often the pusher is looked for.
const glance = 500 * time.Millisecond

// Gone waits until nobody reads a pipe any more, or ctx ends, and tells which: whoever pushed is
// gone with git at this end. Of a file that is no pipe nobody can tell.
func Gone(ctx context.Context, pipe *os.File) bool {
	info, err := pipe.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		<-ctx.Done()
		return false
	}
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(pipe.Fd())}}
		n, err := unix.Poll(fds, int(glance.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			<-ctx.Done()
			return false
		}
		if n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			return true
		}
	}
	return false
}
