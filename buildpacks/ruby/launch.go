package ruby

import (
	_ "embed"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
)

// The exec.d script of the gems layer, and what Rails needs besides.
var (
	//go:embed launch/processes.sh
	processesScript string
	//go:embed launch/secret.sh
	secretScript string
)

// launchEnv is the environment of processes: what Heroku's buildpack sets, where
// nobody else did, and where the gems are.
func launchEnv(a app, g bundle) libcnb.Environment {
	env := buildEnv(g)
	defaults := map[string]string{
		"LANG": "C.UTF-8", "RACK_ENV": "production",
		// glibc has an arena for each thread otherwise, and they grow.
		"MALLOC_ARENA_MAX": "2",
		// Longer than a router keeps a connection open.
		"PUMA_PERSISTENT_TIMEOUT": "95",
	}
	if a.isRails() {
		for name, value := range map[string]string{
			"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "enabled", "RAILS_SERVE_STATIC_FILES": "enabled", "DISABLE_SPRING": "1",
		} {
			defaults[name] = value
		}
	}
	for name, value := range defaults {
		env.Default(name, value)
	}
	return env
}

// buildEnv lets later buildpacks find the gems.
func buildEnv(g bundle) libcnb.Environment {
	env := libcnb.Environment{}
	for _, name := range []string{"BUNDLE_PATH", "BUNDLE_DEPLOYMENT", "BUNDLE_WITHOUT", "BUNDLE_VERSION", "BUNDLE_SILENCE_ROOT_WARNING"} {
		env.Override(name, g.env[name])
	}
	const separator = string(os.PathListSeparator)
	env.Prepend("PATH", separator, filepath.Join(g.home, "bin"))
	env.Prepend("GEM_PATH", separator, g.home)
	return env
}

// writeScripts writes the exec.d scripts of the gems layer.
func writeScripts(dir string, a app) error {
	body := processesScript
	if a.isRails() {
		body += secretScript
	}
	return layer.WriteBeside(filepath.Join(dir, "exec.d", "processes"), limits.Script(body), 0o755)
}
