package formation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation/memory"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// place is a fresh copy of a slug, in which one process runs.
type place struct {
	// dir is the directory to remove, app the one that the process sees as /app.
	dir, app string
	// subdir is the directory of the slug that is the app, if not all is.
	subdir string
	// types are the commands by process type, byDefault is the type that the
	// build says; both may be empty.
	types     map[string]string
	byDefault string
	builtOn   stack.Stack
	// image is what it is a place of, where that is no slug.
	image *Image
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

// unpack makes a place of a slug in a directory.
func unpack(ctx context.Context, file, in string) (_ *place, err error) {
	p, err := newPlace(in)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.remove())
		}
	}()
	if err := slug.Unpack(ctx, file, p.app, slug.Limits{}); err != nil {
		return nil, err
	}
	if err := sandbox.GiveTree(p.app); err != nil {
		return nil, fmt.Errorf("making room for the slug: %w", err)
	}
	if p.types, p.byDefault, err = processTypes(p.app); err != nil {
		return nil, err
	}
	if p.subdir, err = slug.ReadAppNote(p.app); err != nil {
		return nil, err
	}
	if p.builtOn, err = slug.ReadStackNote(p.app); err != nil {
		return nil, err
	}
	return p, nil
}

// Look unpacks a slug into a fresh directory, shows it, with the stack that the slug
// says it was built on, and removes it.
func Look(ctx context.Context, file string, look func(app string, builtOn stack.Stack) error) (err error) {
	p, err := unpack(ctx, file, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	return look(p.app, p.builtOn)
}

func (p *place) remove() error { return sandbox.Remove(p.dir) }

// start is the command of a process type, with more arguments.
func (p *place) start(processType string, args []string) []string {
	if p.image != nil {
		return p.image.start(processType, args)
	}
	line := p.types[processType]
	if len(args) > 0 {
		line += " " + release.Quote(args...)
	}
	return Start("bash", "-c", line)
}

// exec is the command of a program in the environment of the app.
func (p *place) exec(command []string) []string {
	if p.image != nil {
		return p.image.exec(command)
	}
	return Start(command...)
}

// environment is what a process of a name finds in its environment before config.
func (p *place) environment(name string) launch.Env {
	if p.image != nil {
		return p.image.environment(name)
	}
	return Env(name)
}

// on is what a process of the place runs on.
func (p *place) on(ctx context.Context, find func(context.Context, stack.Stack) (stack.Stack, error)) (stack.Stack, error) {
	if p.image != nil {
		return p.image.stack, nil
	}
	return find(ctx, p.builtOn)
}

// grant is what a process gets beside the artifact and its config.
type grant struct {
	// quota is the memory that it may use, in bytes; 0 for as much as there is.
	quota    int64
	bindings []build.Binding
}

// command is a process in the place, on a stack, with what it is granted.
func (p *place) command(on stack.Stack, env launch.Env, args []string, g grant) (sandbox.Command, error) {
	mounts, dir := appMounts(p.app), path.Join(Home, p.subdir)
	if p.image != nil {
		mounts, dir = p.image.mounts(p.app), p.image.dir
	}
	limits, err := p.limits(g.quota)
	if err != nil {
		return sandbox.Command{}, err
	}
	mounts = append(mounts, limits...)
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
		Dir:     dir,
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

// processTypes are the commands of an unpacked slug by process type: those
// that its build recorded, or those of its Procfile where another tool made
// it.
func processTypes(app string) (types map[string]string, byDefault string, err error) {
	meta, err := launch.ReadMetadata(launch.MetadataPath(filepath.Join(app, ".slugc", "layers")))
	if errors.Is(err, os.ErrNotExist) {
		types, err = procfileTypes(filepath.Join(app, "Procfile"))
		return types, "", err
	}
	if err != nil {
		return nil, "", err
	}
	types = map[string]string{}
	for _, p := range meta.Processes {
		types[p.Type] = release.Line(p)
	}
	return types, meta.DefaultProcess, nil
}
