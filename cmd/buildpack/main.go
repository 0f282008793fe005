// Command buildpack is bin/detect and bin/build of every builtin buildpack, for
// packages and builder images: it is called by one of those names.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/slugc/slugc/buildpacks/builtin"
)

// usageStatus is the exit code of a program that was called as what it is not.
const usageStatus = 2

func main() {
	if !builtin.Called(os.Args[0], os.Getenv) {
		fmt.Fprintln(os.Stderr, "this is bin/detect and bin/build of slugc's buildpacks; a lifecycle starts it by one of those names, with CNB_BUILDPACK_DIR")
		os.Exit(usageStatus)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := builtin.Run(ctx, os.Args, os.Environ(), os.Stdout)
	stop()
	os.Exit(status)
}
