package ruby

import (
	_ "embed"
	"os"
	"path/filepath"
	"slices"

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
	//go:embed launch/puma_stop.rb
	pumaStopScript []byte
)

// pumaStop is the file in the gems layer that Ruby loads first where Puma is.
func pumaStop(dir string) string { return filepath.Join(dir, ownDir, "puma_stop.rb") }

// launchEnv is the environment of processes: what Heroku's buildpack sets, where
// nobody else did, and where the gems are.
func launchEnv(a app, g bundle) libcnb.Environment {
	env := buildEnv(g)
	defaults := map[string]string{
		"LANG": "C.UTF-8", "RACK_ENV": "production",
		// glibc has an arena for each thread otherwise, and they grow.
		"MALLOC_ARENA_MAX": "2",
	}
	if number := a.lock.version("puma"); number != "" {
		if !takesTextForTime(number) {
			// Longer than a router keeps a connection open.
			defaults["PUMA_PERSISTENT_TIMEOUT"] = "95"
		}
		env.Append("RUBYOPT", " ", "-r"+pumaStop(g.dir))
	}
	if a.isRails() {
		for name, value := range map[string]string{
			"RAILS_ENV": "production", "RAILS_LOG_TO_STDOUT": "enabled", "RAILS_SERVE_STATIC_FILES": "enabled", "DISABLE_SPRING": "1",
		} {
			defaults[name] = value
		}
	}
	if a.javaScript().idle {
		// It looks for something that runs JavaScript when it is loaded, and there is
		// nothing to run.
		defaults["EXECJS_RUNTIME"] = "Disabled"
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

// takesTextForTime tells whether a version of Puma fails at the first request
// when the variable for its time limit is set: it takes the text for a number.
func takesTextForTime(number string) bool {
	return slices.Contains([]string{"7.0.0", "7.0.1", "7.0.2"}, number)
}

// writeScripts writes what processes start with into the gems layer.
func writeScripts(dir string, a app) error {
	body := processesScript
	if a.isRails() {
		body += secretScript
	}
	if a.lock.has("puma") {
		if err := layer.WriteBeside(pumaStop(dir), pumaStopScript, 0o644); err != nil {
			return err
		}
	}
	return layer.WriteBeside(filepath.Join(dir, "exec.d", "processes"), limits.Script(body), 0o755)
}
