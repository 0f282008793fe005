package sandbox

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// withHint adds to an error what to change on this machine.
func withHint(err *SetupError) *SetupError {
	err.Hint = hint(err, os.DirFS("/"))
	return err
}

// hint reads in the root filesystem of a machine why it may have refused.
func hint(err *SetupError, root fs.FS) string {
	forbidden := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
	switch {
	case err.Op == opStartInit && forbidden:
		return "let every user execute the program: run chmod o+x on it"
	case err.Op == opNamespaces && errors.Is(err, unix.EACCES):
		return "the program must be executable: run chmod +x on it"
	case err.Op == opNamespaces && errors.Is(err, unix.EINVAL):
		return "the kernel needs CONFIG_USER_NS, CONFIG_PID_NS and CONFIG_NET_NS"
	case err.Op == opRoot && errors.Is(err, unix.EINVAL):
		return "something is mounted below that directory: run findmnt to see what, and umount it"
	case err.Op == opClaim:
		return "start with a fresh root directory: a process that ran in this one left something in the way"
	case errors.Is(err, unix.EUSERS):
		return "there are too many sandboxes inside each other"
	case errors.Is(err, unix.EDQUOT):
		return "there are too many keyrings: run sysctl -w kernel.keys.maxkeys=2000 as root"
	case errors.Is(err, unix.ENOSPC):
		return hintLimit(root)
	case !forbidden:
		return ""
	case setting(root, "kernel/unprivileged_userns_clone") == "0":
		return "run sysctl -w kernel.unprivileged_userns_clone=1 as root"
	case setting(root, "kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "run sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 as root, " +
			"or give the program an AppArmor profile that allows userns"
	case inContainer(root):
		return "start the container with --security-opt seccomp=unconfined " +
			"--security-opt apparmor=unconfined --security-opt systempaths=unconfined " +
			"(in Kubernetes: seccompProfile Unconfined and procMount Unmasked)"
	case err.Op == opMountProc:
		return "something covers parts of /proc: run findmnt -R /proc to see what, and umount it"
	}
	return ""
}

// hintLimit names the limit that is too low.
func hintLimit(root fs.FS) string {
	const advice = "=15000 as root"
	for _, kind := range []string{"user", "mnt", "pid", "net", "ipc", "uts"} {
		name := "max_" + kind + "_namespaces"
		if setting(root, "user/"+name) == "0" {
			return "run sysctl -w user." + name + advice
		}
	}
	return "the machine has all the namespaces it allows: run sysctl -w user.max_user_namespaces" + advice
}

// setting is the value of a sysctl, empty where there is none.
func setting(root fs.FS, name string) string {
	value, err := fs.ReadFile(root, "proc/sys/"+name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(value))
}

// inContainer is whether a container runtime may be who forbids something.
func inContainer(root fs.FS) bool {
	for _, mark := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := fs.Stat(root, mark); err == nil {
			return true
		}
	}
	status, err := fs.ReadFile(root, "proc/self/status")
	return err == nil && bytes.Contains(status, []byte("\nSeccomp:\t2\n"))
}
