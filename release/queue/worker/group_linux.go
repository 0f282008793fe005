package worker

import "syscall"

// group puts a process into a group of its own, which ends with the process that starts it
// (prctl(2), PR_SET_PDEATHSIG).
func group() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
