package classic

import (
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

// TestScript is the script by which a buildpack tests the apps that it builds.
const TestScript = "bin/test"

// Test is the command that tests an app that the buildpack built, and what has
// to be shown to it beside the app and the platform directory (Heroku Buildpack
// API, "bin/test"). A buildpack need not have one.
func (b *Buildpack) Test(site buildpacks.Site) (command []string, mount sandbox.Mount, ok bool) {
	if !b.has(TestScript) {
		return nil, sandbox.Mount{}, false
	}
	return []string{b.script(TestScript), site.AppDir().Path, envDir(site)},
		sandbox.Mount{Source: b.dir.Host, Target: b.dir.Path, Writable: b.own}, true
}
