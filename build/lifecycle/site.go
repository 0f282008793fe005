package lifecycle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Place is where buildpacks work, and with what, when they are asked and when they
// build.
type Place struct {
	App, Layers, Platform, Buildpacks, Extensions, BuildConfig string
	// Environ is the environment of the lifecycle, of which buildpacks get a part.
	Environ launch.Env
	// ExecEnv is the execution environment that is built for.
	ExecEnv string
	// Scratch is a directory of the lifecycle's own.
	Scratch string
	// Out gets what buildpacks print while they build.
	Out io.Writer
}

// passedOn are the variables that buildpacks get of the lifecycle's own
// environment: CNB Platform API, "Environment Variables", and the reference
// lifecycle, which adds the lists of directories.
func passedOn() []string {
	return []string{
		"CNB_STACK_ID", "HOSTNAME", "HOME", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
		"PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH",
	}
}

// site is the place for buildpacks, for the target of a run image. What that does
// not say is as on this machine, which the log is told of the distribution.
func (p Place) site(analyzed files.Analyzed, log *platform.Log) (buildpacks.Site, error) {
	host, err := stack.Host()
	if err != nil {
		return buildpacks.Site{}, err
	}
	target := analyzed.Target().Stack()
	if target.OS == "" {
		target.OS = host.Target.OS
	}
	if target.Arch == "" {
		target.Arch = host.Target.Arch
	}
	if target.DistroName == "" && target.DistroVersion == "" {
		log.Infof("target distro name/version labels not found, reading /etc/os-release file")
		target.DistroName, target.DistroVersion = host.Target.DistroName, host.Target.DistroVersion
	}
	base := launch.Env{}
	for _, name := range passedOn() {
		if value, set := p.Environ[name]; set {
			base[name] = value
		}
	}
	person, err := readEnv(filepath.Join(p.Platform, "env"))
	if err != nil {
		return buildpacks.Site{}, err
	}
	dir := func(path string) buildpacks.Dir { return buildpacks.Dir{Host: path, Path: path} }
	return buildpacks.Site{
		Stack: stack.Stack{Target: target}, Runner: sandbox.Direct{}, InPlace: true, Base: base,
		App: dir(p.App), Layers: dir(p.Layers), Platform: dir(p.Platform), Scratch: p.Scratch,
		Env: person, ExecEnv: p.ExecEnv, BuildConfig: p.BuildConfig, Output: p.Out,
	}, nil
}

// maxVariable bounds the value of a variable, in bytes: the kernel takes no longer
// ones.
const maxVariable = 128 << 10

// readEnv reads the person's variables, a file each (CNB Platform API, "Platform
// Directory").
func readEnv(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for _, entry := range entries {
		// A platform may have links to files here.
		file, err := filepath.EvalSymlinks(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		info, err := os.Lstat(file)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			continue
		}
		value, err := sandbox.ReadFile(file, maxVariable)
		if err != nil {
			return nil, fmt.Errorf("the variable %s: %w", filepath.Join(dir, entry.Name()), err)
		}
		env[entry.Name()] = string(value)
	}
	return env, nil
}

// dir is where a builder has a buildpack or an extension.
func (p Place) dir(m buildpacks.Member) string {
	if m.Extension {
		return filepath.Join(p.Extensions, launch.EscapeID(m.ID), m.Version)
	}
	return p.buildpackDir(m.ID, m.Version)
}

// buildpackDir is where a builder has a buildpack (CNB Platform API, "Buildpacks
// Directory Layout").
func (p Place) buildpackDir(id, version string) string {
	return filepath.Join(p.Buildpacks, launch.EscapeID(id), version)
}
