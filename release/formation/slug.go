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
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// unpacked is a slug that is unpacked.
type unpacked struct {
	// lines are the commands by process type.
	lines map[string]string
	// subdir is the directory of the slug that is the app, if not all is.
	subdir  string
	builtOn stack.Stack
}

// unpack makes a place of a slug in a directory.
func unpack(ctx context.Context, file, in string) (_ *place, s unpacked, err error) {
	p, err := newPlace(in)
	if err != nil {
		return nil, s, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.remove())
		}
	}()
	if err := slug.Unpack(ctx, file, p.app, slug.Limits{}); err != nil {
		return nil, s, err
	}
	if err := sandbox.GiveTree(p.app); err != nil {
		return nil, s, fmt.Errorf("making room for the slug: %w", err)
	}
	if p.types, p.byDefault, err = processTypes(p.app); err != nil {
		return nil, s, err
	}
	s.lines = p.types
	if s.subdir, err = slug.ReadAppNote(p.app); err != nil {
		return nil, s, err
	}
	if s.builtOn, err = slug.ReadStackNote(p.app); err != nil {
		return nil, s, err
	}
	p.of = s
	return p, s, nil
}

// Look unpacks a slug into a fresh directory, shows it, with the stack that the slug
// says it was built on, and removes it.
func Look(ctx context.Context, file string, look func(app string, builtOn stack.Stack) error) (err error) {
	p, s, err := unpack(ctx, file, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	return look(p.app, s.builtOn)
}

func (s unpacked) start(processType string, args []string) []string {
	line := s.lines[processType]
	if len(args) > 0 {
		line += " " + release.Quote(args...)
	}
	return Start("bash", "-c", line)
}

func (unpacked) exec(command []string) []string { return Start(command...) }

func (unpacked) environment(name string) launch.Env { return Env(name) }

func (s unpacked) on(ctx context.Context, find func(context.Context, stack.Stack) (stack.Stack, error)) (stack.Stack, error) {
	return find(ctx, s.builtOn)
}

func (unpacked) mounts(app string) []sandbox.Mount { return appMounts(app) }

func (s unpacked) workDir() string { return path.Join(Home, s.subdir) }

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
