package buildpacks

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Site is the place where the buildpacks of one build work. It is the same
// value for every buildpack and does not change.
type Site struct {
	Stack  stack.Stack
	Runner sandbox.Runner
	// InPlace says that scripts see everything where it is on this machine: of
	// each Dir, Host and Path are the same, nothing is mounted, and scripts run as
	// whoever runs slugc. It is for the inside of a container, which is the
	// sandbox; the Runner is a sandbox.Direct then.
	InPlace bool
	// Base is what a platform passes on of its own environment, which the layers
	// of buildpacks then change (CNB Platform API, "Environment Variables"). With
	// it scripts have the PATH, HOME, CNB_STACK_ID and proxies that it has, or
	// none; nil leaves them to slugc.
	Base launch.Env
	// App is what is built, the whole source. Buildpacks find the app itself in
	// AppDir.
	App Dir
	// Subdir is the directory of App that holds the app, with slashes; empty where
	// App is the app. Where it is not, every script finds App in SourceDirVariable.
	Subdir string
	Layers Dir
	// Platform holds what the person who builds hands in: env/NAME files with
	// build-time variables, and bindings (CNB Platform API, "Platform
	// directory").
	Platform Dir
	// Temp is private scratch space of the build scripts, shown as /tmp.
	Temp Dir
	// Cache is what the classic buildpacks of the app, together, keep from build
	// to build (Heroku Buildpack API, "CACHE_DIR"). On this machine it lies with
	// the layers.
	Cache Dir
	// Scratch is a directory on this machine for what goes between slugc and
	// single scripts.
	Scratch string
	// Env is the build-time environment from the person who builds; it is
	// also in Platform.
	Env map[string]string
	// ExecEnv is the execution environment that is built for, "production"
	// when empty (CNB Platform API 0.15, "CNB_EXEC_ENV").
	ExecEnv string
	// Bindings are directories on this machine with service bindings, one
	// directory for each in it, by the name under which buildpacks see them
	// (servicebinding.io, "Workload Projection").
	Bindings map[string]string
	// BuildConfig is a directory on this machine whose env directory has the
	// operator's variables, which come last; empty for none (CNB Platform API
	// 0.11, "Operator-Defined Variables").
	BuildConfig string
	// SourceVersion is the commit that is built, empty where it is not known
	// (Heroku Buildpack API, "SOURCE_VERSION").
	SourceVersion string
	// RequestID tells one build from all others (Heroku, "REQUEST_ID").
	RequestID string
	// Offline cuts the network while buildpacks build.
	Offline bool
	// BuildTimeout ends a build script that hangs. Zero leaves it to the dialect
	// how long that is, and a negative one waits for ever; see Timeout.
	BuildTimeout time.Duration
	// Keep leaves what a build script worked in as it is when the script fails,
	// so that somebody can look at it. Nothing can be built there any more.
	Keep bool
	// Output receives what buildpacks print while they build, line by line.
	Output io.Writer
}

// SourceDirVariable is the variable by which the scripts of an app that lies in a
// directory of its source find the whole of that, such as "/app": workspaces have
// their lock file there. It is set while buildpacks are asked and while they build,
// and for no other app.
const SourceDirVariable = "SLUGC_SOURCE_DIR"

// AppDir is the directory of the app: the working directory of scripts, BUILD_DIR,
// and where processes start.
func (s Site) AppDir() Dir { return s.App.Below(s.Subdir) }

// CheckAppDir says what keeps the directory of the app from being built on after a
// script was in it. One that is App itself is no script's to replace.
func (s Site) CheckAppDir() error {
	if s.Subdir == "" {
		return nil
	}
	dir := s.App
	for name := range strings.SplitSeq(s.Subdir, "/") {
		dir = dir.Below(name)
		info, err := os.Lstat(dir.Host)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s is gone; expected the finished app in %s", dir.Path, s.AppDir().Path)
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s was replaced by what is not a directory; expected the finished app in %s", dir.Path, s.AppDir().Path)
		}
	}
	return nil
}

// SourceDir are the variables that tell scripts where the whole source is; none
// where that is the app.
func (s Site) SourceDir() map[string]string {
	if s.Subdir == "" {
		return nil
	}
	return map[string]string{SourceDirVariable: s.App.Path}
}

// Timeout is how long a build script may take; zero is for ever. Own is what the
// dialect of the script says where the person says nothing.
func (s Site) Timeout(own time.Duration) time.Duration {
	switch {
	case s.BuildTimeout == 0:
		return own
	case s.BuildTimeout < 0:
		return 0
	}
	return s.BuildTimeout
}

// Room makes a directory of the build for one script, empty, and writable for
// it. The name tells what it is for.
func (s Site) Room(name string) (string, error) {
	dir := filepath.Join(s.Scratch, name)
	if err := sandbox.Remove(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, s.Give(dir)
}

// Give hands a file or directory to the user that scripts run as.
func (s Site) Give(path string) error {
	if s.InPlace {
		return nil
	}
	return sandbox.Give(path)
}

// StackName is what classic buildpacks are told of the stack: its id, or what the
// person says that it is as good as (Heroku, "STACK").
func (s Site) StackName() string { return cmp.Or(s.Env["STACK"], s.Stack.ID) }

// Proxies are the variables that say how this network is left, with the values
// that the person who builds gives them. They are no wish of the person, so
// every script gets them.
func (s Site) Proxies() map[string]string {
	found := map[string]string{}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		for _, spelling := range []string{name, strings.ToLower(name)} {
			if value := s.Env[spelling]; value != "" {
				found[spelling] = value
			}
		}
	}
	return found
}
