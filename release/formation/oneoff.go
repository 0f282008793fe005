package formation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// OneOff is a single process of a slug.
type OneOff struct {
	Runner sandbox.Runner
	// Stack finds the root filesystem for the stack that a slug says it was
	// built on; its ID is empty where another tool made the slug.
	Stack func(ctx context.Context, builtOn stack.Stack) (stack.Stack, error)
	// Slug is the slug file.
	Slug string
	// Type is the process type; with Command it only names the process.
	Type string
	// Command replaces the process type's command: a program and its
	// arguments.
	Command []string
	// Env is the environment of the process, on top of what the stack and the
	// slug give it.
	Env launch.Env
	// Port is told the value of PORT before a process that is to listen
	// starts; it chooses one when the environment has none.
	Port func() (string, error)
	// Interactive runs the process in the caller's terminal.
	Interactive    bool
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Web is the process type that is to listen on PORT.
const Web = "web"

// UnknownTypeError says that the slug has no such process type.
type UnknownTypeError struct {
	Slug  string
	Type  string
	Types []string
}

func (e *UnknownTypeError) Error() string {
	if len(e.Types) == 0 {
		return fmt.Sprintf("%s declares no process types; name a command: slugc run slug:%s -- COMMAND", e.Slug, e.Slug)
	}
	if e.Type == "" {
		return fmt.Sprintf("%s has no default process; name one of its types: %s", e.Slug, strings.Join(e.Types, ", "))
	}
	return fmt.Sprintf("%s has no process type %s; it has %s", e.Slug, e.Type, strings.Join(e.Types, ", "))
}

// Run unpacks the slug into a fresh directory, runs the process and removes
// the directory. It returns a *sandbox.ExitError when the process did not end
// with status 0, and a *sandbox.StoppedError, which has the status too, when
// the context ended it.
func (o OneOff) Run(ctx context.Context) (err error) {
	home, err := os.MkdirTemp("", "slugc-run-")
	if err != nil {
		return fmt.Errorf("making room for the slug: %w", err)
	}
	defer func() { err = errors.Join(err, sandbox.Remove(home)) }()
	app := filepath.Join(home, "app")
	if err := slug.Unpack(ctx, o.Slug, app, slug.Limits{}); err != nil {
		return err
	}
	if err := sandbox.GiveTree(app); err != nil {
		return fmt.Errorf("making room for the slug: %w", err)
	}
	command, name, err := o.command(app)
	if err != nil {
		return err
	}
	subdir, err := slug.ReadAppNote(app)
	if err != nil {
		return err
	}
	builtOn, err := slug.ReadStackNote(app)
	if err != nil {
		return err
	}
	on, err := o.Stack(ctx, builtOn)
	if err != nil {
		return err
	}
	env := Env(name)
	for k, v := range o.Env {
		env[k] = v
	}
	if strings.HasPrefix(name, Web+".") {
		if env["PORT"], err = o.Port(); err != nil {
			return err
		}
	}
	return o.Runner.Run(ctx, sandbox.Command{
		Stack:       on,
		Mounts:      Mounts(app),
		Args:        Start(command...),
		Dir:         path.Join(Home, subdir),
		Env:         env.List(),
		Network:     true,
		Interactive: o.Interactive,
		Stdin:       o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr,
		Grace: Grace,
	})
}

// command is what the script is to become, and the name of the process.
func (o OneOff) command(app string) (command []string, name string, err error) {
	if len(o.Command) > 0 {
		return o.Command, "run.1", nil
	}
	types, byDefault, err := processTypes(app)
	if err != nil {
		return nil, "", err
	}
	wanted := o.Type
	if wanted == "" {
		if wanted = byDefault; wanted == "" && types[Web] != "" {
			wanted = Web
		}
	}
	line, ok := types[wanted]
	if !ok {
		e := &UnknownTypeError{Slug: o.Slug, Type: o.Type}
		for t := range types {
			e.Types = append(e.Types, t)
		}
		sort.Strings(e.Types)
		return nil, "", e
	}
	return []string{"bash", "-c", line}, wanted + ".1", nil
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
