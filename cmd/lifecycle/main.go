// Command lifecycle is the lifecycle of Cloud Native Buildpacks, for platforms such
// as pack, kpack and Tekton: all phases in one program, which is told by its name
// which one it is, or by its first argument (CNB Platform API, "Operations").
//
// A phase is a row of flags (flags.go) and a constructor (phases.go); all it does
// is in build/lifecycle.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// A platform gives a container of a lifecycle less memory than time: what is garbage
// is collected sooner than by default, in percent of what is in use.
const garbage = 70

func main() {
	debug.SetGCPercent(garbage)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args, os.Environ(), os.Stdout)
	stop()
	os.Exit(code)
}
