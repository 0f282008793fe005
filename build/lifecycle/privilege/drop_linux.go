package privilege

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Drop makes the process, all of its threads, one of a user and group and of no
// other group. For the user that it is already it changes nothing. Afterwards no
// process of that user can read its memory or its environment.
func Drop(uid, gid int) error {
	if uid != os.Getuid() || gid != os.Getgid() {
		if err := syscall.Setgroups(nil); err != nil {
			return fmt.Errorf("leaving the groups of root: %w", err)
		}
		if err := syscall.Setresgid(gid, gid, gid); err != nil {
			return err
		}
		if err := syscall.Setresuid(uid, uid, uid); err != nil {
			return err
		}
	}
	return Hide()
}

// Hide lets no other process of the same user read the memory and the environment
// of this one.
func Hide() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// Home is what HOME and USER are for a user, by /etc/passwd.
func Home(uid int) (home, name string, err error) {
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "", "", err
	}
	return found.HomeDir, found.Username, nil
}
