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
	"syscall"

	"github.com/slugc/slugc/build/lifecycle/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// Whoever asks a second time need not wait for what is being cleared away.
	context.AfterFunc(ctx, stop)
	environ := os.Environ()
	// Nothing that a phase starts has the credentials from it. A name without "="
	// can always be unset.
	_ = os.Unsetenv(target.AuthVariable)
	code := run(ctx, os.Args, environ, os.Stdout)
	stop()
	os.Exit(code)
}
