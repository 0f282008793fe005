// Command slugc turns a source tree into something that runs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/slugc/slugc/buildpacks/builtin"
)

func main() {
	if builtin.Called(os.Args[0], os.Getenv) {
		os.Exit(script())
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// script is bin/detect or bin/build of a builtin buildpack.
func script() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return builtin.Run(ctx, os.Args, os.Environ(), os.Stdout)
}
