package lifecycle

import "fmt"

// Class is what kind of failure ended a phase; the program has an exit code for
// each (CNB Platform API, "Outputs" of each phase).
type Class int

// The classes.
const (
	// Generic is any failure outside of what a phase is for.
	Generic Class = iota
	// BadArgs: flags, arguments or inputs are not as they should be.
	BadArgs
	// FailedDetect: no group of buildpacks can build the app.
	FailedDetect
	// FailedDetectErrors: none can, and some buildpack broke while it was asked.
	FailedDetectErrors
	// DetectError, AnalyzeError, RestoreError, BuildError, ExportError, RebaseError,
	// GenerateError and ExtendError: the phase itself failed.
	DetectError
	AnalyzeError
	RestoreError
	// BuildpackBuild: bin/build of a buildpack failed.
	BuildpackBuild
	BuildError
	ExportError
	RebaseError
	// GenerateBuildpack: bin/generate of an extension failed.
	GenerateBuildpack
	GenerateError
	ExtendError
)

// Failure is the error that ended a phase; its class decides the exit code.
type Failure struct {
	// Action is what failed, in the words of the reference lifecycle, which
	// platforms look for: "export", "resolve inputs".
	Action string
	Class  Class
	// Err is why; nil where Action says it all.
	Err error
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return "failed to " + f.Action
	}
	return fmt.Sprintf("failed to %s: %v", f.Action, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
