package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// setUp is the first stage: process 1 of the new namespaces, with all
// capabilities in them. It makes the world of the target, gives up everything
// that it has, and becomes the init stage.
func setUp(requests, _ *os.File) error {
	surviveSignals()
	var req setupRequest
	if err := readFrame(requests, &req); err != nil {
		return &SetupError{Op: "reading the request", Err: err}
	}
	unix.Umask(0)
	if err := private(req); err != nil {
		return err
	}
	if err := makeRoot(req); err != nil {
		return err
	}
	unix.Umask(0o022)
	if err := surrender(req); err != nil {
		return err
	}
	if err := closeOnExec(reportFD + 1); err != nil {
		return err
	}
	// Nothing of slugc's environment comes this far, and the target's is not
	// for the Go runtime of the init stage.
	err := syscall.Exec("/proc/self/exe", []string{initStage}, nil)
	return &SetupError{Op: opStartInit, Err: err}
}

// opStartInit is when the program is started for the second time, by the user
// of the sandbox.
const opStartInit = "starting its first process"

// deadly are the signals that would end or stop a stage: what the Go runtime
// passes on to nobody else (runtime/sigtab_linux_generic.go: SigKill, SigThrow,
// SigPanic), and what the kernel does itself (SigDefault).
var deadly = []os.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM,
	unix.SIGILL, unix.SIGTRAP, unix.SIGABRT, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSTKFLT, unix.SIGSYS,
	unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU,
}

// surviveSignals keeps signals from ending a stage: those of a terminal, which
// reach all processes in the foreground, and those that the target sends to
// process 1. Ignored, they would be ignored in the target, too.
//
// The Go runtime switches threads several times for each of the signals, and
// stages start often, so those that do no harm are left alone.
func surviveSignals() { signal.Notify(make(chan os.Signal, 1), deadly...) }

// private gives the sandbox what is neither file nor permission.
func private(req setupRequest) error {
	if err := unix.Sethostname([]byte(hostName)); err != nil {
		return &SetupError{Op: "naming the host", Err: err}
	}
	if !req.Network {
		if err := loopback(); err != nil {
			return &SetupError{Op: "turning on the loopback network", Err: err}
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return &SetupError{Op: "turning off core dumps", Err: err}
	}
	// Without a session keyring of its own the target would possess the keys
	// of the caller's session. Where keyrings are forbidden there are none.
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return &SetupError{Op: "making a session keyring", Err: err}
	}
	return nil
}

// loopback turns on the only network device of a new network namespace.
func loopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, lo)
	}
	if err == nil {
		lo.SetUint16(lo.Uint16() | unix.IFF_UP)
		err = unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo)
	}
	return errors.Join(err, unix.Close(socket))
}

// makeRoot makes the root filesystem and enters it.
func makeRoot(req setupRequest) error {
	root, err := openNewRoot(req.Root, req.Remount)
	if err != nil {
		return err
	}
	for _, place := range []string{"/proc", "/dev"} {
		if err := root.do(step{Kind: directory, Path: place, Own: true}); err != nil {
			return err
		}
	}
	if err := root.mountProc(); err != nil {
		return setupError("preparing", "/proc", err)
	}
	terminal := ""
	if req.Interactive {
		terminal = root.terminalName()
	}
	if err := root.mountDev(terminal); err != nil {
		return setupError("preparing", "/dev", err)
	}
	for _, s := range req.Steps {
		if err := root.do(s); err != nil {
			return err
		}
	}
	return root.enter()
}

// closeOnExec keeps all descriptors from first on, whoever opened them, from
// the next program.
func closeOnExec(first int) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			return fmt.Errorf("reading /proc/self/fd: %w", err)
		}
		if fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
