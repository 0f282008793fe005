package formation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/slugc/slugc/build"
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
	// Slug is the slug file, Image the image in its place.
	Slug  string
	Image *Image
	// What is what a person calls it: an app, or slug:FILE; by default that.
	What string
	// Name is that of the process, such as run.1234; by default that of the
	// first process of its type, or run.1.
	Name string
	// Type is the process type, unless there is a Command, and Args are arguments
	// after those that its command has.
	Type string
	Args []string
	// Command replaces the process type's command: a program and its
	// arguments.
	Command []string
	// Env is the environment of the process, on top of what the stack and the
	// slug give it.
	Env launch.Env
	// Port is told the value of PORT before a process that is to listen
	// starts; it chooses one when the environment has none.
	Port func() (string, error)
	// Unpacked and Ended, where there are such, are told the directory of this
	// machine that the process sees as /app, before it starts and after it ended.
	Unpacked, Ended func(app string) error
	// Memory is how much it may use, in bytes; 0 for as much as there is. Say is
	// told when it uses more.
	Memory int64
	Say    func(line string)
	// Bindings are services that it finds below SERVICE_BINDING_ROOT
	// (servicebinding.io, "Workload Projection").
	Bindings []build.Binding
	// Interactive runs the process in the caller's terminal.
	Interactive    bool
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Web is the process type that is to listen on PORT.
const Web = "web"

// UnknownTypeError says that there is no such process type.
type UnknownTypeError struct {
	// What has none: an app, or slug:FILE.
	What  string
	Type  string
	Types []string
	// Args are the arguments that it was to have.
	Args []string
}

func (e *UnknownTypeError) Error() string {
	if len(e.Types) == 0 {
		return fmt.Sprintf("%s declares no process types; name a command: slugc run %s -- COMMAND", e.What, e.What)
	}
	if e.Type == "" {
		return fmt.Sprintf("%s has no default process; name one of its types: %s", e.What, strings.Join(e.Types, ", "))
	}
	text := fmt.Sprintf("%s has no process type %s; it has %s", e.What, e.Type, strings.Join(e.Types, ", "))
	if len(e.Args) > 0 {
		text += fmt.Sprintf("; to run it as a command: slugc run %s -- %s %s", e.What, e.Type, release.Quote(e.Args...))
	}
	return text
}

// Run unpacks the slug into a fresh directory, runs the process and removes
// the directory. It returns a *sandbox.ExitError when the process did not end
// with status 0, and a *sandbox.StoppedError, which has the status too, when
// the context ended it.
func (o OneOff) Run(ctx context.Context) (err error) {
	p, err := Release{Slug: o.Slug, Image: o.Image}.unpack(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	if o.Unpacked != nil {
		if err := o.Unpacked(p.app); err != nil {
			return err
		}
	}
	args, processType, err := o.command(p)
	if err != nil {
		return err
	}
	on, err := p.of.on(ctx, o.Stack)
	if err != nil {
		return err
	}
	env := p.of.environment(cmp.Or(o.Name, processType+".1"))
	maps.Copy(env, o.Env)
	if processType == Web {
		if env["PORT"], err = o.Port(); err != nil {
			return err
		}
	}
	c, err := p.command(on, env, args, grant{o.Memory, o.Bindings})
	if err != nil {
		return err
	}
	c.Interactive, c.Stdin, c.Stdout, c.Stderr = o.Interactive, o.Stdin, o.Stdout, o.Stderr
	err = o.weighed(ctx, c)
	if o.Ended != nil {
		err = errors.Join(err, o.Ended(p.app))
	}
	return err
}

// command is what is to be started, and its process type.
func (o OneOff) command(p *place) (args []string, processType string, err error) {
	if len(o.Command) > 0 {
		return p.of.exec(o.Command), "run", nil
	}
	wanted := o.Type
	if wanted == "" {
		if wanted = p.byDefault; wanted == "" && p.types[Web] != "" {
			wanted = Web
		}
	}
	if _, is := p.types[wanted]; !is {
		return nil, "", &UnknownTypeError{What: cmp.Or(o.What, "slug:"+o.Slug), Type: o.Type, Types: slices.Sorted(maps.Keys(p.types)), Args: o.Args}
	}
	return p.of.start(wanted, o.Args), wanted, nil
}
