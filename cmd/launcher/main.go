// Command launcher starts one process of an image: the process type that it is
// called by, or the command that follows (CNB Platform API, "Launcher"). It is
// /cnb/lifecycle/launcher in an image; /cnb/process/<type> are links to it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/slugc/slugc/stack/launch"
)

func main() {
	signals := []os.Signal{syscall.SIGTERM}
	// An interrupt that is ignored has to be so for the process too, and would
	// no longer be once it was asked for.
	if !signal.Ignored(syscall.SIGINT) {
		signals = append(signals, syscall.SIGINT)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	l := launch.Launcher{
		Environ: os.Environ(),
		Chdir:   os.Chdir,
		Exec:    syscall.Exec,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
	}
	err := l.Launch(ctx, os.Args)
	stop()
	fmt.Fprintln(os.Stderr, "ERROR: failed to launch:", err)
	os.Exit(launch.ExitCode(err))
}
