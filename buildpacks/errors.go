package buildpacks

import (
	"fmt"

	"github.com/slugc/slugc/stack/sandbox"
)

// CompileError says that a buildpack's build script did not succeed.
type CompileError struct {
	Buildpack Descriptor
	// Step is what failed, in the buildpack's own words where it has any:
	// bin/build, launch.toml, ...
	Step string
	// Status is the exit status of the script, 0 if it was not the script
	// that failed, -1 if it did not end by itself.
	Status int
	// Command is the script that failed, for who wants to look into what it worked
	// in; without Args there is none.
	Command sandbox.Command
	// Report is what a classic buildpack tells programs about the failure.
	Report Report
	Err    error
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("%s: %s: %v", e.Buildpack, e.Step, e.Err)
}

// Temporary says that the same build may succeed later: a registry was not
// reachable, a download stalled.
func (e *CompileError) Temporary() bool { return e.Status == TemporaryStatus }

// Unwrap returns the cause.
func (e *CompileError) Unwrap() error { return e.Err }

// TemporaryStatus is the exit status with which a build script says that the
// same build may succeed later (EX_TEMPFAIL of sysexits(3)).
const TemporaryStatus = 75
