package formation

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// place is where one process runs, with a fresh copy of the app.
type place struct {
	// dir is the directory to remove, app the one in it that the process may write.
	dir, app string
	// types are the commands by process type, byDefault is the type that the
	// build says; both may be empty.
	types     map[string]string
	byDefault string
	of        artifact
}

// artifact is what a place is made of: an unpacked slug or an image.
type artifact interface {
	// start is the command of a process type, with more arguments.
	start(processType string, args []string) []string
	// exec is the command of a program in the environment of the app.
	exec(command []string) []string
	// environment is what a process of a name finds in its environment before config.
	environment(name string) launch.Env
	// on is what a process runs on; find knows the stacks of this machine.
	on(ctx context.Context, find func(context.Context, stack.Stack) (stack.Stack, error)) (stack.Stack, error)
	// mounts show a process the copy of the app, which is in a directory of this machine.
	mounts(app string) []sandbox.Mount
	// workDir is where a process starts.
	workDir() string
}

// newPlace makes an empty place in a directory; in that for temporary files when it
// is empty.
func newPlace(in string) (*place, error) {
	dir, err := os.MkdirTemp(in, "slugc-run-")
	if err != nil {
		return nil, fmt.Errorf("making room for a process: %w", err)
	}
	return &place{dir: dir, app: filepath.Join(dir, "app")}, nil
}

func (p *place) remove() error { return sandbox.Remove(p.dir) }

// grant is what a process gets beside the artifact and its config.
type grant struct {
	// quota is the memory that it may use, in bytes; 0 for as much as there is.
	quota    int64
	bindings []build.Binding
}

// command is a process in the place, on a stack, with what it is granted.
func (p *place) command(on stack.Stack, env launch.Env, args []string, g grant) (sandbox.Command, error) {
	limits, err := p.limits(g.quota)
	if err != nil {
		return sandbox.Command{}, err
	}
	mounts := append(p.of.mounts(p.app), limits...)
	if len(g.bindings) > 0 {
		dir := filepath.Join(p.dir, "bindings")
		if err := build.WriteBindings(dir, g.bindings); err != nil {
			return sandbox.Command{}, fmt.Errorf("showing a process its service bindings: %w", err)
		}
		mounts = append(mounts, sandbox.Mount{Source: dir, Target: bindingsAt})
		env = maps.Clone(env)
		env["SERVICE_BINDING_ROOT"] = bindingsAt
	}
	return sandbox.Command{
		Stack:   on,
		Mounts:  mounts,
		Args:    args,
		Dir:     p.of.workDir(),
		Env:     env.List(),
		Network: true,
		Grace:   Grace,
	}, nil
}

// limits are where a process finds what it may use.
func (p *place) limits(quota int64) ([]sandbox.Mount, error) {
	if quota <= 0 {
		return limitMounts(), nil
	}
	dir := filepath.Join(p.dir, "limits")
	if err := memory.Files(dir, quota); err != nil {
		return nil, err
	}
	return []sandbox.Mount{{Source: dir, Target: controlGroups}}, nil
}
