package bridge

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Run is bin/detect or bin/build, as the last name of args[0] says, of the
// package in CNB_BUILDPACK_DIR of the environment. It returns the exit status.
func Run(ctx context.Context, args, environ []string, out io.Writer) int {
	h := Helpers{Out: out, Env: launch.NewEnv(environ), Runner: sandbox.Direct{}}
	status := &exit{out: out}
	libcnb.BuildpackMain(Detect(ctx, h), Build(ctx, h), libcnb.WithArguments(args), libcnb.WithExitHandler(status))
	return status.code
}

// failStatus is how bin/detect says no (CNB Buildpack API, "Detection").
const failStatus = 100

// exit is a libcnb.ExitHandler that keeps the status instead of ending the
// process.
type exit struct {
	out  io.Writer
	code int
}

// Error prints an error as Heroku prints errors. When even that cannot be done,
// nothing is left to do.
func (e *exit) Error(err error) {
	report.New(e.out, time.Now).Warn("%v", err)
	e.code = 1
	var passing interface{ Temporary() bool }
	if errors.As(err, &passing) && passing.Temporary() {
		e.code = buildpacks.TemporaryStatus
	}
}

func (e *exit) Fail() { e.code = failStatus }
func (e *exit) Pass() { e.code = 0 }
