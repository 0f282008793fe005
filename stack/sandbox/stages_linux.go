package sandbox

import (
	"os"
	"runtime"
	"syscall"
)

// The stages of the sandbox, as the argv[0] that they are started with.
const (
	setupStage = "slugc-sandbox-setup"
	initStage  = "slugc-sandbox-init"
)

// init does the work of the sandbox's own processes, which are the running
// program, started again; in all other processes it returns at once. It is no
// function for main to call, since many packages are initialised only after
// this one: a build starts such a process for each script, twice, and to wait for
// what they set up would double its time.
//
// It is the one place outside of cmd that looks at os.Args and ends the
// process.
func init() {
	var stage func(requests, reports *os.File) error
	switch stageName() {
	case setupStage:
		stage = setUp
	case initStage:
		stage = runInit
	default:
		return
	}
	// Capabilities, seccomp and Landlock belong to a thread.
	runtime.LockOSThread()
	reports := os.NewFile(reportFD, "reports")
	status := 0
	if err := stage(os.NewFile(requestFD, "requests"), reports); err != nil {
		status = 1
		// Without a report the parent knows that something is wrong, too.
		if writeFrame(reports, &report{Fault: newFault(err)}) != nil {
			status = 2
		}
	}
	// os.Exit would run the exit hooks of the program.
	syscall.Exit(status)
}

// stageName is the argv[0] of this process.
func stageName() string {
	if len(os.Args) == 0 {
		return ""
	}
	return os.Args[0]
}
