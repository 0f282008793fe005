package release

import (
	"maps"
	"time"

	"github.com/slugc/slugc/stack/launch"
)

// Env is what every process of a release finds in its environment beside what its
// stack and its slug give it: the config, and which release it is of (Heroku Dev
// Center, "Dyno Metadata").
func (r Release) Env(config Config) launch.Env {
	env := launch.Env{}
	maps.Copy(env, config)
	env["HEROKU_APP_NAME"] = r.App
	env["HEROKU_RELEASE_VERSION"] = r.Version()
	env["HEROKU_RELEASE_CREATED_AT"] = r.Created.UTC().Format(time.RFC3339)
	env["HEROKU_SLUG_DESCRIPTION"] = r.Description
	if r.Artifact.Commit != "" {
		env["HEROKU_SLUG_COMMIT"] = r.Artifact.Commit
	}
	return env
}
