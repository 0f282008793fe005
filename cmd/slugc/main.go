// Command slugc turns a source tree into something that runs. It has a file for each
// subcommand, which reads the words of a person, calls one function, and prints what came of
// it. What happens on the way is in the packages that these call.
//
// Third-party: spf13/cobra has subcommands, flags (spf13/pflag) and completion.
// go-containerregistry has the credentials of docker login and the names of images.
// klauspost/compress/gzip unpacks the launcher that the binary carries. x/sync/errgroup
// waits for what a server does at once, and x/term tells whether somebody sits there.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/slugc/slugc/buildpacks/builtin"
)

// heapGrowth is by how many percent the heap grows before garbage is collected,
// unless GOGC says otherwise. slugc makes little garbage: less than half of Go's 100
// takes little of the processor, and a fifth less memory.
const heapGrowth = 40

func main() {
	if builtin.Called(os.Args[0], os.Getenv) {
		os.Exit(script())
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// script is bin/detect or bin/build of a builtin buildpack.
func script() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return builtin.Run(ctx, os.Args, os.Environ(), os.Stdout)
}
