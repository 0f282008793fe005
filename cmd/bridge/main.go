// Command bridge is bin/detect and bin/build of a classic buildpack that slugc
// buildpack package --classic made a Cloud Native Buildpack of: it is called by
// one of those names.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/slugc/slugc/buildpacks/classic/bridge"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := bridge.Run(ctx, os.Args, os.Environ(), os.Stdout)
	stop()
	os.Exit(status)
}
