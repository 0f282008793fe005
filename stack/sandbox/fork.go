package sandbox

import (
	"io/fs"
	"syscall"
)

// HoldForks keeps this process from forking while a file of a mode is written, if that
// is a program, until done is called. A process that is forked meanwhile would have the
// program open for writing until it is what it is to be, and nobody could start it
// before (execve(2), ETXTBSY).
func HoldForks(mode fs.FileMode) (done func()) {
	if mode&0o111 == 0 {
		return func() {}
	}
	syscall.ForkLock.RLock()
	return syscall.ForkLock.RUnlock
}
