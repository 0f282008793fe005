package formation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

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
}

// unpack makes a place in a directory; in that for temporary files when it is
// empty.
func unpack(ctx context.Context, file, in string) (_ *place, err error) {
	dir, err := os.MkdirTemp(in, "slugc-run-")
	if err != nil {
		return nil, fmt.Errorf("making room for the slug: %w", err)
	}
	p := &place{dir: dir, app: filepath.Join(dir, "app")}
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

// command is a process in the place, on a stack, which may use so much memory; 0
// for as much as there is.
func (p *place) command(on stack.Stack, env launch.Env, process []string, quota int64) (sandbox.Command, error) {
	mounts := Mounts(p.app)
	if quota > 0 {
		limits := filepath.Join(p.dir, "limits")
		if err := memory.Files(limits, quota); err != nil {
			return sandbox.Command{}, err
		}
		mounts = []sandbox.Mount{mounts[0], {Source: limits, Target: controlGroups}}
	}
	return sandbox.Command{
		Stack:   on,
		Mounts:  mounts,
		Args:    Start(process...),
		Dir:     path.Join(Home, p.subdir),
		Env:     env.List(),
		Network: true,
		Grace:   Grace,
	}, nil
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

// shell is the command of a process type, as the shell has it.
func shell(line string) []string { return []string{"bash", "-c", line} }
