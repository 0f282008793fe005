package classic

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// exportProgram sources an export and writes the environment that it made.
//
//go:embed export.bash
var exportProgram string

// maxEnvironment bounds an environment that an export makes, in bytes.
const maxEnvironment = 4 << 20

// Export is the environment of later buildpacks: made, as the file "export" that
// bin/compile may have left in the buildpack changes it when bash sources it
// (Heroku Buildpack API, "Composing multiple buildpacks"). Variables that belong
// to a script, such as HOME and BUILD_DIR, stay. It returns a
// *buildpacks.CompileError for an export that fails or ends the shell.
func (b *Buildpack) Export(ctx context.Context, site buildpacks.Site, made launch.Env) (launch.Env, error) {
	if !b.has(exportFile) {
		return made, nil
	}
	p, err := newPlace(site)
	if err != nil {
		return nil, fmt.Errorf("exporting from %s: %w", b.descriptor, err)
	}
	env, err := b.source(ctx, p, made)
	gone, closeErr := p.close()
	if gone {
		closeErr = errors.Join(closeErr, &buildpacks.CompileError{Buildpack: b.descriptor, Step: exportFile, Err: errGone})
	}
	return env, errors.Join(err, closeErr)
}

// source has bash source the export.
func (b *Buildpack) source(ctx context.Context, p *place, made launch.Env) (launch.Env, error) {
	room, err := p.site.Room("export")
	if err != nil {
		return nil, fmt.Errorf("exporting from %s: %w", b.descriptor, err)
	}
	result := buildpacks.Dir{Host: filepath.Join(room, "environment"), Path: "/environment/environment"}
	command := p.command(b)
	if p.root == "" {
		result.Path = result.Host
	} else {
		command.Mounts = append(command.Mounts, sandbox.Mount{Source: room, Target: filepath.Dir(result.Path), Writable: true})
	}
	before := environment(p.site, made)
	command.Args = []string{"bash", "-c", exportProgram, "bash", b.script(exportFile), result.Path}
	command.Env = before.List()
	command.Stdout, command.Stderr = p.site.Output, p.site.Output
	command.Timeout = askTimeout
	if err := b.failure(exportFile, command, p.site.Runner.Run(ctx, command)); err != nil {
		return nil, err
	}
	after, err := readEnvironment(result.Host)
	if err != nil {
		return nil, &buildpacks.CompileError{Buildpack: b.descriptor, Step: exportFile, Err: err}
	}
	return exported(made, before, after), nil
}

// readEnvironment reads NUL-terminated variables that bash left.
func readEnvironment(file string) (launch.Env, error) {
	data, err := sandbox.ReadFile(file, maxEnvironment)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("it ends the shell that sources it; expected nothing but assignments, such as export PATH=\"$DIR/bin:$PATH\"")
	}
	if err != nil {
		return nil, fmt.Errorf("the environment that it made: %w", err)
	}
	return launch.NewEnv(strings.Split(string(data), "\x00")), nil
}

// exported is what later buildpacks get: made, with what an export changed.
func exported(made, before, after launch.Env) launch.Env {
	env := made.Clone()
	for name, value := range after {
		if old, was := before[name]; value == old && was || slices.Contains(shellsOwn(), name) {
			continue
		}
		env[name] = value
	}
	for name := range before {
		if _, still := after[name]; !still {
			delete(env, name)
		}
	}
	return env
}

// shellsOwn are variables that bash sets by itself, or that each script gets
// anew.
func shellsOwn() []string {
	return []string{
		"_", "OLDPWD", "PWD", "SHLVL",
		"BUILD_DIR", "CACHE_DIR", "ENV_DIR", "HOME", "REQUEST_ID", "SOURCE_VERSION", "STACK", "USER", buildpacks.SourceDirVariable,
	}
}
