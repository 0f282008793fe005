package python

import (
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
)

// launchEnv is the environment of processes: what Heroku's buildpack sets, where
// nobody else did. A process may not write into its layers, so bytecode is not
// written, and what it prints is not held back.
func launchEnv(v environment) libcnb.Environment {
	env := buildEnv(v)
	for name, value := range map[string]string{
		"LANG":                    "C.UTF-8",
		"PYTHONUNBUFFERED":        "1",
		"PYTHONDONTWRITEBYTECODE": "1",
		// Whoever routes requests to the app says where they come from.
		"FORWARDED_ALLOW_IPS": "*",
		"GUNICORN_CMD_ARGS":   "--access-logfile -",
	} {
		env.Default(name, value)
	}
	return env
}

// buildEnv lets later buildpacks find the packages. The directory bin of a layer
// is in the PATH anyway (CNB Buildpack API, "Layer Paths").
func buildEnv(v environment) libcnb.Environment {
	env := libcnb.Environment{}
	env.Override("VIRTUAL_ENV", v.dir)
	env.Prepend("PATH", string(os.PathListSeparator), filepath.Join(v.dir, "bin"))
	return env
}
