package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// front is the terminal that the caller has in the foreground, if any.
type front struct {
	terminal *os.File
	group    int
}

// foreground finds the terminal of c.
func foreground(c Command) front {
	for _, stream := range []any{c.Stdin, c.Stdout, c.Stderr} {
		f, ok := stream.(*os.File)
		if !ok {
			continue
		}
		group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
		if err == nil && group == unix.Getpgrp() {
			return front{terminal: f, group: group}
		}
	}
	return front{}
}

// takeBack puts the caller in the foreground again. A shell inside moves its
// own jobs there and cannot restore what it cannot see, the caller's process
// group.
func (f front) takeBack() error {
	if f.terminal == nil {
		return nil
	}
	fd := int(f.terminal.Fd())
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err == nil && group == f.group {
		return nil
	}
	// Who is in the background and does this is stopped, unless it keeps
	// SIGTTOU from the calling thread.
	var stop, before unix.Sigset_t
	bits := 8 * int(unsafe.Sizeof(stop.Val[0]))
	stop.Val[(int(unix.SIGTTOU)-1)/bits] = 1 << ((int(unix.SIGTTOU) - 1) % bits)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &stop, &before); err != nil {
		return fmt.Errorf("blocking SIGTTOU: %w", err)
	}
	err = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, f.group)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); err != nil {
		return fmt.Errorf("unblocking SIGTTOU: %w", err)
	}
	// A terminal that has been hung up is nobody's.
	if err != nil && !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENOTTY) {
		return fmt.Errorf("taking the terminal back: %w", err)
	}
	return nil
}
