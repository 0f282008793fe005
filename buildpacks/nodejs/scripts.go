package nodejs

import (
	"context"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// scripts runs the package manager of an app, and through it the app's scripts.
type scripts struct {
	b      *build
	app    app
	driver driver
	env    map[string]string
	// missed says of a package that was wanted early why it did not come.
	missed string
}

// install runs the package manager with some arguments.
func (s scripts) install(ctx context.Context, arguments []string) error {
	s.env = maps.Clone(s.env)
	if s.env["UV_THREADPOOL_SIZE"] == "" {
		// Creating thousands of files, Node.js's four threads are in one
		// another's way where there are fewer processors.
		s.env["UV_THREADPOOL_SIZE"] = strconv.Itoa(min(max(goruntime.GOMAXPROCS(0), 2), 4))
	}
	s.b.Print.Working("Installing")
	output, err := s.run(ctx, s.app.root.dir, append([]string{s.driver.program}, arguments...))
	if err == nil {
		return nil
	}
	return s.explain(ran{what: s.driver.name() + " " + arguments[0] + " failed", err: err, output: output})
}

// script runs a script of the app's package.json, if there is one of the name.
func (s scripts) script(ctx context.Context, name string) error {
	return s.memberScript(ctx, s.app.root.member, s.app.manifest, name)
}

// memberScript runs a script of a directory below the root.
func (s scripts) memberScript(ctx context.Context, dir string, m manifest, name string) error {
	line := m.Scripts[name]
	if line == "" {
		return nil
	}
	file := path.Join(dir, manifestFile)
	if dir == "" {
		s.b.Print.Step("Running the script %q", name)
	} else {
		s.b.Print.Step("Running the script %q of %s", name, dir)
	}
	output, err := s.run(ctx, filepath.Join(s.app.root.dir, dir), []string{s.driver.program, "run", name})
	if err == nil {
		return nil
	}
	return s.explain(ran{
		what:   fmt.Sprintf("the app's script %q failed", name),
		script: fmt.Sprintf("%q: %q in %s", name, line, file),
		err:    err, output: output,
	})
}

// build runs the scripts that build the app. Those of the workspaces that a
// member depends on come first: it cannot be built with what was not made.
func (s scripts) build(ctx context.Context) error {
	for _, dir := range s.app.before() {
		if m := s.app.members[dir]; m.Scripts["build"] != "" {
			if err := s.memberAll(ctx, dir, m, []string{"build"}); err != nil {
				return err
			}
		}
	}
	return s.own(ctx, s.app.manifest.buildScripts())
}

// own runs scripts of the app in order.
func (s scripts) own(ctx context.Context, names []string) error {
	return s.memberAll(ctx, s.app.root.member, s.app.manifest, names)
}

// memberAll runs scripts of a directory in order. Most package managers run
// prebuild and postbuild with build, and the like, so those are not run by
// themselves then.
func (s scripts) memberAll(ctx context.Context, dir string, m manifest, names []string) error {
	for _, name := range names {
		if main := strings.TrimPrefix(strings.TrimPrefix(name, "pre"), "post"); main != name && slices.Contains(names, main) && s.driver.hooks() {
			continue
		}
		for _, hook := range s.withHooks(name) {
			if err := s.memberScript(ctx, dir, m, hook); err != nil {
				return err
			}
		}
	}
	return nil
}

// withHooks are a script and, where the package manager does not run them by
// itself, those around a build.
func (s scripts) withHooks(name string) []string {
	if s.driver.hooks() || slices.Contains(lifecycle, name) {
		return []string{name}
	}
	return []string{"pre" + name, name, "post" + name}
}

// afterInstall does what the package manager would have done after it installed
// packages, when they were there: it runs the scripts of the app and of its
// workspaces that belong to an installation. They may write into the app, which
// is always as its author left it.
func (s scripts) afterInstall(ctx context.Context, tools toolchain) error {
	if !s.app.manages() {
		if err := s.rebuild(ctx, filepath.Join(tools.nodeLayer.Path, "bin", "node"), filepath.Join(tools.npmLayer.Path, npmHome)); err != nil {
			return err
		}
	}
	for _, dir := range s.driver.installed(s.app) {
		if err := s.memberAll(ctx, dir, s.app.members[dir], s.driver.lifecycle(s.app.members[dir])); err != nil {
			return err
		}
	}
	return s.memberAll(ctx, "", s.app.root.manifest, s.driver.lifecycle(s.app.root.manifest))
}

// run runs a command in a directory, prints what it prints and returns
// the end of it.
func (s scripts) run(ctx context.Context, dir string, args []string) (*tool.Tail, error) {
	lines := s.b.Print.Writer()
	output := tool.NewTail(lines)
	err := s.b.Runner.Run(ctx, tool.Command{Args: args, Dir: dir, Env: s.env, Output: output})
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
	output, err := s.run(ctx, s.app.dir, []string{node, filepath.Join(npmHome, "node_modules", "node-gyp", "bin", "node-gyp.js"), "rebuild"})
	if err == nil {
		return nil
	}
	return s.explain(ran{what: "node-gyp rebuild failed", err: err, output: output})
}
