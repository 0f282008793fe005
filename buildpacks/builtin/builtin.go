package builtin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/nodejs"
	"github.com/slugc/slugc/buildpacks/procfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Buildpack is one of slugc's own.
type Buildpack struct {
	// TOML is its buildpack.toml.
	TOML   []byte
	Detect libcnb.DetectFunc
	Build  libcnb.BuildFunc
}

// All are the builtin buildpacks. Out receives what they print, env is the
// environment of their scripts.
func All(ctx context.Context, out io.Writer, env map[string]string) []Buildpack {
	return []Buildpack{
		{nodejs.TOML, nodejs.Detect(out), nodejs.Build(ctx, nodejs.Helpers{
			Out: out, Env: env, Runner: tool.Local{Grace: grace}, Now: time.Now,
		})},
		{procfile.TOML, procfile.Detect(out), procfile.Build(out)},
	}
}

// grace is the time that a package manager has between SIGTERM and SIGKILL.
const grace = 5 * time.Second

// Order is the order in which they are asked. The members have no version:
// there is one of each.
func Order() buildpacks.Order {
	return buildpacks.Order{
		{{ID: "slugc/nodejs"}, {ID: "slugc/procfile", Optional: true}},
	}
}

// exePath is where the scripts find the binary that they are.
const exePath = "/cnb/slugc"

// Clients are the settings of this machine's own package clients that builds
// need to reach registries.
type Clients struct {
	// Npmrc is the text of an .npmrc; see npm.Config.Connection.
	Npmrc string
}

// npmrcPath is where slugc/nodejs, and nobody else, finds Clients.Npmrc.
const npmrcPath = "/cnb/npmrc"

// Install lays the builtin buildpacks out below a directory and returns them
// by id. Exe is the binary that their scripts run; it must answer Called.
func Install(dir, exe string, clients Clients) (map[string]*cnb.Buildpack, error) {
	installed := map[string]*cnb.Buildpack{}
	for _, b := range All(context.Background(), io.Discard, nil) {
		id, err := b.id()
		if err != nil {
			return nil, err
		}
		home := filepath.Join(dir, filepath.FromSlash(id))
		if err := os.MkdirAll(filepath.Join(home, "bin"), 0o755); err != nil {
			return nil, fmt.Errorf("installing buildpack %s: %w", id, err)
		}
		if err := os.WriteFile(filepath.Join(home, "buildpack.toml"), b.TOML, 0o644); err != nil {
			return nil, fmt.Errorf("installing buildpack %s: %w", id, err)
		}
		for _, script := range []string{"detect", "build"} {
			if err := os.Symlink(exePath, filepath.Join(home, "bin", script)); err != nil {
				return nil, fmt.Errorf("installing buildpack %s: %w", id, err)
			}
		}
		opened, err := cnb.Open(home)
		if err != nil {
			return nil, err
		}
		opened.Mounts = []sandbox.Mount{{Source: exe, Target: exePath}}
		installed[id] = opened
	}
	if clients.Npmrc != "" {
		npmrc := filepath.Join(dir, "npmrc")
		if err := os.WriteFile(npmrc, []byte(clients.Npmrc), 0o600); err != nil {
			return nil, fmt.Errorf("handing over npm's settings: %w", err)
		}
		if err := sandbox.Give(npmrc); err != nil {
			return nil, fmt.Errorf("handing over npm's settings: %w", err)
		}
		nodejs := installed["slugc/nodejs"]
		nodejs.Mounts = append(nodejs.Mounts, sandbox.Mount{Source: npmrc, Target: npmrcPath})
		nodejs.Env = map[string]string{"npm_config_userconfig": npmrcPath}
	}
	return installed, nil
}

func (b Buildpack) id() (string, error) {
	var doc libcnb.Buildpack
	if _, err := toml.Decode(string(b.TOML), &doc); err != nil {
		return "", fmt.Errorf("reading a builtin buildpack.toml: %w", err)
	}
	return doc.Info.ID, nil
}

// Called tells whether a binary was started as bin/detect or bin/build of a
// builtin buildpack. Program is its os.Args[0].
func Called(program string, getenv func(string) string) bool {
	if getenv(libcnb.EnvBuildpackDirectory) == "" {
		return false
	}
	name := path.Base(program)
	return name == "detect" || name == "build"
}

// Run is bin/detect or bin/build, as the first of args says, of the buildpack
// in CNB_BUILDPACK_DIR of the environment. It returns the exit status.
func Run(ctx context.Context, args, environ []string, out io.Writer) int {
	env := launch.NewEnv(environ)
	var doc libcnb.Buildpack
	if _, err := toml.DecodeFile(filepath.Join(env[libcnb.EnvBuildpackDirectory], "buildpack.toml"), &doc); err != nil {
		return report(out, err)
	}
	for _, b := range All(ctx, out, env) {
		id, err := b.id()
		if err != nil {
			return report(out, err)
		}
		if id == doc.Info.ID {
			status := &exit{out: out}
			libcnb.BuildpackMain(b.Detect, b.Build,
				libcnb.WithArguments(args), libcnb.WithExitHandler(status), libcnb.WithEnvironmentWriter(quietWriter{}))
			return status.code
		}
	}
	return report(out, fmt.Errorf("%s is no builtin buildpack", doc.Info.ID))
}
