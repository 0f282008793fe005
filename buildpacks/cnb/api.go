package cnb

// api is what a Buildpack API version means for slugc.
type api struct {
	// stringCommand: a process's command is one string, and it may be not
	// direct (before 0.9).
	stringCommand bool
	// workingDir: a process may name its working directory (from 0.8).
	workingDir bool
	// targets: scripts learn the target instead of the stack, whose id alone is
	// no target any more (from 0.10).
	targets bool
	// execEnv: buildpacks and processes may be limited to execution
	// environments (from 0.12).
	execEnv bool
}

// apis are the supported Buildpack APIs.
var apis = []string{"0.7", "0.8", "0.9", "0.10", "0.11", "0.12"}

func capabilities(version string) (api, bool) {
	for i, v := range apis {
		if v == version {
			return api{stringCommand: i < 2, workingDir: i >= 1, targets: i >= 3, execEnv: i >= 5}, true
		}
	}
	return api{}, false
}
