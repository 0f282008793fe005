package formation

import (
	_ "embed"
	"os"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Home is where an app is when its processes run, and their home.
const Home = "/app"

// Grace is the time that a process has between SIGTERM and SIGKILL.
const Grace = 30 * time.Second

// start is the script that sources the profiles and becomes the command.
//
//go:embed start.bash
var start string

// controlGroups is where runtimes and profile scripts look for the memory and
// the processors that they may use (cgroups(7)).
const controlGroups = "/sys/fs/cgroup"

// bindingsAt is where processes find service bindings, as builds do (CNB Platform
// API, "Platform directory").
const bindingsAt = "/platform/bindings"

// Start is the command that starts a process of an app, a program with its
// arguments: bash, which sources the profiles of the app and becomes it.
func Start(process ...string) []string {
	return append([]string{"bash", "-c", start, "slugc"}, process...)
}

// Env is what every process finds in its environment. The name is one like
// "web.1".
func Env(name string) launch.Env {
	return launch.Env{"HOME": Home, "PATH": stack.DefaultPath, "DYNO": name, "USER": sandbox.UserName}
}

// Mounts are what a process sees beside its stack: the app in a directory of
// this machine, which it may write, and the limits that it has to keep to.
func Mounts(app string) []sandbox.Mount { return append(appMounts(app), limitMounts()...) }

func appMounts(app string) []sandbox.Mount {
	return []sandbox.Mount{{Source: app, Target: Home, Writable: true}}
}

func limitMounts() []sandbox.Mount {
	if _, err := os.Stat(controlGroups); err != nil {
		return nil
	}
	return []sandbox.Mount{{Source: controlGroups, Target: controlGroups}}
}
