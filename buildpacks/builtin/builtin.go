package builtin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/apt"
	"github.com/slugc/slugc/buildpacks/binary"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/deno"
	"github.com/slugc/slugc/buildpacks/golang"
	"github.com/slugc/slugc/buildpacks/java"
	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/nodejs"
	"github.com/slugc/slugc/buildpacks/php"
	"github.com/slugc/slugc/buildpacks/procfile"
	"github.com/slugc/slugc/buildpacks/python"
	"github.com/slugc/slugc/buildpacks/ruby"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/buildpacks/rust"
	"github.com/slugc/slugc/buildpacks/static"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Buildpack is one of slugc's own.
type Buildpack struct {
	// TOML is its buildpack.toml.
	TOML   []byte
	Detect libcnb.DetectFunc
	Build  libcnb.BuildFunc
	// Clients are the package clients whose settings its Build needs, by name:
	// NPM, Go, Debian.
	Clients []string
}

// All are the builtin buildpacks. Out receives what they print, env is the
// environment of their scripts.
func All(ctx context.Context, out io.Writer, env map[string]string) []Buildpack {
	helpers := language.Helpers{Out: out, Env: env, Runner: tool.Local{Grace: grace}, Now: time.Now}
	return []Buildpack{
		{TOML: golang.TOML, Detect: golang.Detect(out), Build: golang.Build(ctx, helpers), Clients: []string{Go}},
		{TOML: java.TOML, Detect: java.Detect(out), Build: java.Build(ctx, helpers), Clients: []string{Debian, Maven}},
		{TOML: rust.TOML, Detect: rust.Detect(out), Build: rust.Build(ctx, helpers), Clients: []string{Cargo, Debian}},
		{TOML: python.TOML, Detect: python.Detect(out), Build: python.Build(ctx, helpers), Clients: []string{PIP, Go, Debian}},
		{TOML: ruby.TOML, Detect: ruby.Detect(out), Build: ruby.Build(ctx, helpers), Clients: []string{Bundler, Debian}},
		{TOML: php.TOML, Detect: php.Detect(out), Build: php.Build(ctx, helpers), Clients: []string{Composer, Debian}},
		{TOML: nodejs.TOML, Detect: nodejs.Detect(out), Build: nodejs.Build(ctx, helpers), Clients: []string{NPM}},
		{TOML: nodejs.AssetsTOML, Detect: nodejs.DetectAssets(out), Build: nodejs.BuildAssets(ctx, helpers), Clients: []string{NPM}},
		{TOML: static.TOML, Detect: static.Detect(out), Build: static.Build(ctx, helpers), Clients: []string{Debian}},
		{TOML: deno.TOML, Detect: deno.Detect(out), Build: deno.Build(ctx, helpers), Clients: []string{NPM}},
		{TOML: binary.TOML, Detect: binary.Detect(out), Build: binary.Build(ctx, helpers)},
		{TOML: apt.TOML, Detect: apt.Detect(out), Build: apt.Build(ctx, helpers), Clients: []string{Debian}},
		{TOML: procfile.TOML, Detect: procfile.Detect(out), Build: procfile.Build(out)},
	}
}

// grace is the time that a package manager has between SIGTERM and SIGKILL.
const grace = 5 * time.Second

// Order is the order in which they are asked. The members have no version:
// there is one of each.
func Order() buildpacks.Order {
	return assisted(buildpacks.Order{
		{{ID: "slugc/golang"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/java"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/rust"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/python"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/ruby"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/php"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/deno"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/static", Optional: true}, {ID: "slugc/nodejs"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/static"}, {ID: "slugc/procfile", Optional: true}},
		{{ID: "slugc/binary"}, {ID: "slugc/procfile", Optional: true}},
	})
}

// exePath is where the scripts find the binary that they are.
const exePath = "/cnb/slugc"

// Install lays the builtin buildpacks out below a directory and returns them
// by id. Exe is the binary that their scripts run; it must answer Called.
func Install(dir, exe string) (map[string]*cnb.Buildpack, error) {
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
		for _, script := range scripts {
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
	return installed, nil
}

// lasting is a bin/build that writes down the layers which it leaves to the next
// build before it fails.
type lasting struct {
	to      libcnb.BuildFunc
	failure error
}

func (l *lasting) run(c libcnb.BuildContext) (libcnb.BuildResult, error) {
	result, err := l.to(c)
	if err == nil || len(result.Layers) == 0 {
		return result, err
	}
	l.failure = err
	return libcnb.BuildResult{Layers: result.Layers}, nil
}

func (b Buildpack) id() (string, error) {
	var doc libcnb.Buildpack
	if _, err := toml.Decode(string(b.TOML), &doc); err != nil {
		return "", fmt.Errorf("reading a builtin buildpack.toml: %w", err)
	}
	return doc.Info.ID, nil
}

// Called tells whether a binary was started as a script of a builtin buildpack.
// Program is its os.Args[0].
func Called(program string, getenv func(string) string) bool {
	return getenv(libcnb.EnvBuildpackDirectory) != "" && slices.Contains(scripts, path.Base(program))
}

// scripts are what a builtin buildpack has in bin. They are all the same binary.
var scripts = []string{"detect", "build", cnb.JointScript}

// Run is a script, as the first of args says, of the buildpack in
// CNB_BUILDPACK_DIR of the environment. It returns the exit status.
func Run(ctx context.Context, args, environ []string, out io.Writer) int {
	env := launch.NewEnv(environ)
	if len(args) == 0 || path.Base(args[0]) != cnb.JointScript {
		return run(ctx, args, env, out)
	}
	err := cnb.AnswerJointly(args, func(dir, platform, plan string, out io.Writer) int {
		// libcnb reads the environment of the process.
		env[libcnb.EnvBuildpackDirectory] = dir
		err := errors.Join(os.Setenv(libcnb.EnvBuildpackDirectory, dir), os.Setenv(libcnb.EnvDetectPlanPath, plan))
		if err != nil {
			return report(out, err)
		}
		return run(ctx, []string{filepath.Join(dir, "bin/detect"), platform, plan}, env, out)
	})
	if err != nil {
		return report(out, err)
	}
	return 0
}

// run is bin/detect or bin/build.
func run(ctx context.Context, args []string, env map[string]string, out io.Writer) int {
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
			build := &lasting{to: b.Build}
			libcnb.BuildpackMain(b.Detect, build.run,
				libcnb.WithArguments(args), libcnb.WithExitHandler(status), libcnb.WithEnvironmentWriter(quietWriter{}))
			if build.failure != nil && status.code == 0 {
				return report(out, build.failure)
			}
			return status.code
		}
	}
	return report(out, fmt.Errorf("%s is no builtin buildpack", doc.Info.ID))
}
