package launch

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// start is a process that has been chosen, with a user's arguments in place.
type start struct {
	// processType is empty for a command that a user typed.
	processType string
	command     string
	args        []string
	direct      bool
	// line says that command is a line for the shell, to which args are added
	// as they are; else every word of a command with args is expanded.
	line bool
	// dir is the working directory, empty for that of the app.
	dir string
}

// chooser picks a process from what a user typed.
type chooser struct {
	metadata Metadata
	platform platform
	execEnv  string
}

// choose picks the process that argv asks for (CNB Platform API, "Launch"):
// the type that the program is called by, else a command, which is direct
// after "--" and else for the shell.
func (c chooser) choose(argv []string) (start, error) {
	if len(argv) == 0 {
		return start{}, errors.New("the launcher was started without a name")
	}
	name := path.Base(argv[0])
	if _, known := c.metadata.Find(name); known {
		return c.process(name, argv[1:])
	}
	if path.Dir(argv[0]) == ProcessDir {
		return start{}, fmt.Errorf("process type %s was not found; %s", name, c.known())
	}
	return c.typed(argv[1:])
}

// typed is a command that a user typed.
func (c chooser) typed(words []string) (start, error) {
	direct := len(words) > 0 && words[0] == "--"
	if direct {
		words = words[1:]
	}
	if len(words) == 0 {
		return start{}, fmt.Errorf("when there is no default process a command is required; %s", c.known())
	}
	return start{command: words[0], args: words[1:], direct: direct}, nil
}

// process is a process of the build.
func (c chooser) process(name string, user []string) (start, error) {
	p, found := c.eligible(name)
	if !found {
		return start{}, fmt.Errorf("process type %s was not found for the execution environment %s; set CNB_EXEC_ENV to another",
			name, c.execEnv)
	}
	if len(p.Command) == 0 {
		return start{}, fmt.Errorf("process type %s has no command", name)
	}
	buildpack, known := c.metadata.buildpack(p.BuildpackID)
	fixed := p.Command[1:]
	args := p.Args
	replace := c.platform.replaceArgs && (len(fixed) > 0 || buildpack.replacesArgs())
	switch {
	case len(user) == 0:
	case replace:
		args = user
	default:
		args = slices.Concat(args, user)
	}
	s := start{
		processType: name,
		command:     p.Command[0],
		args:        slices.Concat(fixed, args),
		direct:      p.Direct,
		line:        !p.Direct && buildpack.API == "",
		dir:         p.WorkingDirectory,
	}
	replacing := c.platform.replaceArgs && len(user) > 0 && len(fixed) == 0
	expanding := !p.Direct && len(s.args) > 0
	if p.BuildpackID != "" && !known && (replacing || expanding) {
		return start{}, fmt.Errorf("process type %s is of the buildpack %s, which is not one of this image; its API decides about arguments",
			name, p.BuildpackID)
	}
	return s, nil
}

// eligible is the process of a type for the execution environment (Platform
// API 0.15, "Execution Environments").
func (c chooser) eligible(name string) (Process, bool) {
	for _, p := range c.metadata.Processes {
		if p.Type != name {
			continue
		}
		if !c.platform.execEnv || len(p.ExecEnv) == 0 ||
			slices.Contains(p.ExecEnv, "*") || slices.Contains(p.ExecEnv, c.execEnv) {
			return p, true
		}
	}
	return Process{}, false
}

// known tells the process types that there are.
func (c chooser) known() string {
	types := c.metadata.types()
	if len(types) == 0 {
		return "this image has no process types"
	}
	return "this image has the process types " + strings.Join(types, ", ")
}
