package sandbox

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// surrender gives up, for the calling thread and what it starts, every
// privilege there is in the namespaces and every way to get one back.
func surrender(req setupRequest) error {
	if err := prctl("forbidding new privileges", unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return err
	}
	if err := prctl("dropping ambient capabilities", unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL); err != nil {
		return err
	}
	for capability := uintptr(0); ; capability++ {
		err := prctl("dropping capabilities", unix.PR_CAPBSET_DROP, capability)
		// The kernel knows no more capabilities.
		if errors.Is(err, unix.EINVAL) && capability > 0 {
			break
		}
		if err != nil {
			return err
		}
	}
	if req.Become {
		if err := becomeUser(); err != nil {
			return &SetupError{Op: "becoming user " + UserName, Err: err}
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return &SetupError{Op: "dropping capabilities", Err: err}
	}
	if err := scope(); err != nil {
		return &SetupError{Op: "closing abstract sockets with Landlock", Err: err}
	}
	if req.Interactive {
		if err := protectTerminal(); err != nil {
			return &SetupError{Op: "protecting the terminal with seccomp", Err: err}
		}
	}
	// The kernel forgets this one whenever a process changes its user.
	return prctl("following the parent into death", unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL))
}

func prctl(op string, option int, value uintptr) error {
	if err := unix.Prctl(option, value, 0, 0, 0); err != nil {
		return &SetupError{Op: op, Err: err}
	}
	return nil
}

func becomeUser() error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setresgid(GID, GID, GID); err != nil {
		return err
	}
	return syscall.Setresuid(UID, UID, UID)
}

// scopedABI is the version of Landlock that brought scopes, in Linux 6.12.
const scopedABI = 6

// scope closes the abstract sockets of this machine, which have no path that
// could be hidden and which a process that keeps the network would reach. It
// does nothing where the kernel is too old.
func scope() error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || version < scopedABI {
		return nil
	}
	attr := unix.LandlockRulesetAttr{Scoped: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return errno
	}
	_, _, errno = unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0)
	if errno != 0 {
		return errors.Join(errno, unix.Close(int(ruleset)))
	}
	return unix.Close(int(ruleset))
}
