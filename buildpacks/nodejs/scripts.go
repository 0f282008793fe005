package nodejs

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// scripts runs npm and the scripts of an app.
type scripts struct {
	b   *build
	app app
	env map[string]string
	// npm is the command.
	npm string
}

// npmCI installs the packages.
func (s scripts) npmCI(ctx context.Context, arguments []string) error {
	s.env = maps.Clone(s.env)
	if s.env["UV_THREADPOOL_SIZE"] == "" {
		// Creating thousands of files, Node.js's four threads are in one
		// another's way where there are fewer processors.
		s.env["UV_THREADPOOL_SIZE"] = strconv.Itoa(min(max(goruntime.GOMAXPROCS(0), 2), 4))
	}
	s.b.Print.Working("Installing")
	output, err := s.run(ctx, append([]string{s.npm}, arguments...))
	if err == nil {
		return nil
	}
	return explain(ran{what: "npm " + arguments[0] + " failed", err: err, output: output, lock: s.app.lock.Name})
}

// script runs a script of package.json, if there is one of the name.
func (s scripts) script(ctx context.Context, name string) error {
	line := s.app.manifest.Scripts[name]
	if line == "" {
		return nil
	}
	s.b.Print.Step("Running the script %q", name)
	output, err := s.run(ctx, []string{s.npm, "run", name})
	if err == nil {
		return nil
	}
	return explain(ran{
		what:   fmt.Sprintf("the app's script %q failed", name),
		script: fmt.Sprintf("%q: %q in %s", name, line, manifestFile),
		err:    err, output: output, lock: s.app.lock.Name,
	})
}

// all runs scripts in order. "npm run install" runs preinstall and postinstall
// too, and the like, so those are not run by themselves then.
func (s scripts) all(ctx context.Context, names []string) error {
	for _, name := range names {
		if main := strings.TrimPrefix(strings.TrimPrefix(name, "pre"), "post"); main != name && slices.Contains(names, main) {
			continue
		}
		if err := s.script(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command in the app's directory, prints what it prints and returns
// the end of it.
func (s scripts) run(ctx context.Context, args []string) (*tool.Tail, error) {
	lines := s.b.Print.Writer()
	output := tool.NewTail(lines)
	err := s.b.Runner.Run(ctx, tool.Command{Args: args, Dir: s.app.dir, Env: s.env, Output: output})
	lines.Flush()
	return output, err
}

// isNative tells whether the app itself is a native package, which npm compiles
// with node-gyp though no script says so.
func (a app) isNative() bool {
	there, err := appfile.Exists(a.dir, "binding.gyp")
	return err == nil && there
}

// rebuild compiles an app that is a native package itself.
func (s scripts) rebuild(ctx context.Context, node, npmHome string) error {
	m := s.app.manifest
	if !s.app.isNative() || m.Scripts["install"] != "" || m.Scripts["preinstall"] != "" || m.Gypfile != nil && !*m.Gypfile {
		return nil
	}
	s.b.Print.Step("Compiling the app's binding.gyp")
	output, err := s.run(ctx, []string{node, filepath.Join(npmHome, "node_modules", "node-gyp", "bin", "node-gyp.js"), "rebuild"})
	if err == nil {
		return nil
	}
	return explain(ran{what: "node-gyp rebuild failed", err: err, output: output})
}
