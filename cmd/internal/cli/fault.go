package cli

// Class says what kind of end a command came to. Its value is the exit code.
type Class int

// The classes, and so the exit codes, of slugc.
const (
	// OK: all went well.
	OK Class = 0
	// Ours: slugc, or the machine under it, could not do its part.
	Ours Class = 1
	// Usage: the command line makes no sense.
	Usage Class = 2
	// NoMatch: no buildpack can build the app.
	NoMatch Class = 20
	// DetectBroken: a buildpack could not tell whether it can build the app.
	DetectBroken Class = 21
	// CompileFailed: a buildpack's build ended badly.
	CompileFailed Class = 51
	// PackFailed: the artifact could not be packed or pushed.
	PackFailed Class = 62
	// Temporary: the same command may succeed later.
	Temporary Class = 75
	// Interrupted: a person or the system ended the command.
	Interrupted Class = 130
)

// Fault says whose fault the class is, empty where there is nothing to blame.
func (c Class) Fault() string {
	switch c {
	case Ours:
		return "slugc or this machine, not the app"
	case NoMatch:
		return "the app, or the choice of buildpacks"
	case DetectBroken:
		return "the buildpack, or a broken file of the app"
	case CompileFailed:
		return "the app or its buildpack"
	case PackFailed:
		return "the destination, or the room on this machine's disk"
	case Temporary:
		return "a service that slugc needs, for now"
	case OK, Usage, Interrupted:
	}
	return ""
}
