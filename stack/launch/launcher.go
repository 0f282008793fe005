package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Launcher starts one process of a build. Its fields are its doors to the
// operating system; all are required.
type Launcher struct {
	// Environ is the environment that the launcher was started with, as
	// NAME=value. CNB_LAYERS_DIR, CNB_APP_DIR, CNB_PLATFORM_API and
	// CNB_EXEC_ENV say what to launch.
	Environ []string
	// Chdir changes the working directory.
	Chdir func(dir string) error
	// Exec replaces the launcher by a program. It returns only on failure.
	Exec func(path string, argv, environ []string) error
	// Stdout and Stderr are those of exec.d programs. Warnings go to Stderr.
	Stdout, Stderr io.Writer
}

// Launch becomes the process that argv asks for: argv[0] is the name that the
// launcher was called by, which is a process type, or is not, and then a
// command has to follow. It returns only on failure; ExitCode tells the exit
// code to end with.
func (l *Launcher) Launch(ctx context.Context, argv []string) error {
	env := NewEnv(l.Environ)
	p, err := newPlatform(env.Get("CNB_PLATFORM_API"))
	if err != nil {
		return err
	}
	layersDir := cmp.Or(env.Get("CNB_LAYERS_DIR"), "/layers")
	appDir := cmp.Or(env.Get("CNB_APP_DIR"), "/workspace")
	metadata, err := ReadMetadata(MetadataPath(layersDir))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; set CNB_LAYERS_DIR to the layers directory of this image", err)
	}
	if err != nil {
		return err
	}
	for _, b := range metadata.Buildpacks {
		if err := b.check(); err != nil {
			return err
		}
	}
	l.warn(p, env.Get("CNB_PROCESS_TYPE"))

	c := chooser{metadata: metadata, platform: p, execEnv: cmp.Or(env.Get("CNB_EXEC_ENV"), "production")}
	s, err := c.choose(argv)
	if err != nil {
		return fmt.Errorf("determine start command: %w", err)
	}
	if err := l.Chdir(appDir); err != nil {
		return fmt.Errorf("change to app directory: %w", err)
	}
	clean(env)
	if metadata.classic() {
		env.Set("HOME", appDir)
	}
	layers, err := metadata.layers(layersDir)
	if err != nil {
		return err
	}
	for _, group := range layers {
		if err := ApplyLaunch(env, s.processType, group...); err != nil {
			return err
		}
	}
	if err := l.execD(ctx, env, layers, s.processType, appDir); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before the start of the process: %w", context.Cause(ctx))
	}
	profiles := profiles{layers: layers, classic: metadata.classic()}
	if !s.direct {
		return l.shell(argv[0], s, env, appDir, profiles)
	}
	if scripts, err := profiles.app(appDir); profiles.classic && (err != nil || len(scripts) > 0) {
		return errors.Join(err, l.bash(env, directArgv(argv[0], s, scripts, workingDir(appDir, s.dir))))
	}
	return l.direct(s, env, appDir)
}

// direct starts a process without a shell. The program is looked for in the
// PATH that the layers made.
func (l *Launcher) direct(s start, env Env, appDir string) error {
	dir := workingDir(appDir, s.dir)
	program, err := lookPath(s.command, env.Get("PATH"))
	if err != nil {
		return err
	}
	if err := l.Chdir(dir); err != nil {
		return fmt.Errorf("change to the working directory of the process: %w", err)
	}
	return startError(program, env, l.Exec(program, append([]string{s.command}, s.args...), env.List()))
}

// shell starts a process with bash, after the profile scripts.
func (l *Launcher) shell(self string, s start, env Env, appDir string, p profiles) error {
	scripts, err := p.scripts(s.processType, appDir)
	if err != nil {
		return err
	}
	return l.bash(env, shellArgv(self, s, scripts, workingDir(appDir, s.dir)))
}

// bash becomes bash.
func (l *Launcher) bash(env Env, argv []string) error {
	err := l.Exec(bashPath, argv, env.List())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("starting %s: this image has no shell; use a run image with bash, or a command after --: %w", bashPath, err)
	}
	return startError(bashPath, env, err)
}

// startError says why a program did not start.
func startError(program string, env Env, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.E2BIG) {
		largest := env.largest()
		return fmt.Errorf("starting %s: its arguments and its environment are more than the kernel takes; the largest variable is %s, with %d bytes: %w",
			program, largest, len(env[largest]), err)
	}
	return fmt.Errorf("starting %s: %w", program, err)
}

// warn says that a variable of old platforms has no effect.
func (l *Launcher) warn(p platform, processType string) {
	if processType == "" {
		return
	}
	warning := log.New(l.Stderr, "Warning: ", 0)
	warning.Printf("CNB_PROCESS_TYPE is not supported in Platform API %s", p.api)
	warning.Printf("Run with ENTRYPOINT '%s' to invoke the '%s' process type", processType, processType)
}

// layers are the layer directories of each buildpack, in build order.
func (m Metadata) layers(layersDir string) ([][]LayerDir, error) {
	layers := make([][]LayerDir, len(m.Buildpacks))
	for i, b := range m.Buildpacks {
		var err error
		if layers[i], err = layerDirs(layersDir, b.ID); err != nil {
			return nil, err
		}
	}
	return layers, nil
}

// clean takes out of env what is only for the launcher.
func clean(env Env) {
	for _, name := range []string{
		"CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_PROCESS_TYPE", "CNB_PLATFORM_API", "CNB_DEPRECATION_MODE",
	} {
		delete(env, name)
	}
	if list, set := env["PATH"]; set {
		kept := slices.DeleteFunc(strings.Split(list, ":"), func(dir string) bool {
			return dir == ProcessDir || dir == LifecycleDir
		})
		env["PATH"] = strings.Join(kept, ":")
	}
}

// workingDir is where a process starts; a relative one is below the app.
func workingDir(appDir, dir string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(appDir, dir)
}

// lookPath is the file that a command names: a path, which is as it is, or a
// name to look up in a path list. Entries of the list that are not absolute
// are passed over, as they would make the program depend on where it starts.
func lookPath(command, list string) (string, error) {
	if strings.Contains(command, "/") {
		return command, nil
	}
	for _, entry := range strings.Split(list, ":") {
		if !filepath.IsAbs(entry) {
			continue
		}
		if file, err := exec.LookPath(filepath.Join(entry, command)); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("path lookup: there is no executable %q in PATH=%s", command, list)
}
