package nodejs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// Build returns bin/build (CNB Buildpack API, "Phase #3: Build"); see
// language.Func for its errors.
func Build(ctx context.Context, h language.Helpers) libcnb.BuildFunc {
	return language.Func(ctx, h, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		return run(ctx, common, false)
	})
}

// run is the build. Assists tells that it is one for an app in another language.
func run(ctx context.Context, common *language.Build, assists bool) (libcnb.BuildResult, error) {
	read := func(common *language.Build) (app, error) {
		return readApp(common.App, common.Env[language.SourceVariable])
	}
	if assists {
		read = assisted
	}
	a, err := read(common)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b, err := newBuild(common, a.root)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	return b.run(ctx, a)
}

// build is one run of bin/build.
type build struct {
	*language.Build
	releases releases
	config   npm.Config
	registry *npm.Registry
	// answers is what the registry said, and will say until tomorrow.
	answers *npm.Answers
}

func newBuild(common *language.Build, root workspaceRoot) (*build, error) {
	known, err := readReleases(TOML)
	if err != nil {
		return nil, err
	}
	b := &build{Build: common, releases: known}
	if b.Env, err = withBinding(b.Env, b.Bindings); err != nil {
		return nil, err
	}
	if err := b.RegistriesOf(root.dir); err != nil {
		return nil, err
	}
	b.registry, b.answers = b.Runtimes.NPM, b.Runtimes.Answers
	if b.registry == nil {
		return nil, b.Runtimes.Without["npm"]
	}
	b.config = b.registry.Config
	return b, nil
}

// withBinding adds the settings file of a service binding of type npmrc, as
// Paketo and Heroku know it, as the user's.
func withBinding(env map[string]string, bindings libcnb.Bindings) (map[string]string, error) {
	for _, binding := range bindings {
		if binding.Type != "npmrc" {
			continue
		}
		// libcnb leaves out names with a dot in front.
		file := filepath.Join(binding.Path, ".npmrc")
		if _, err := os.Stat(file); err != nil {
			return nil, appfile.Error("the service binding %s has the type npmrc, but no file .npmrc that can be read: %w", binding.Name, err)
		}
		with := maps.Clone(env)
		delete(with, "NPM_CONFIG_USERCONFIG")
		with["npm_config_userconfig"] = file
		return with, nil
	}
	return env, nil
}

// run is the build.
func (b *build) run(ctx context.Context, a app) (libcnb.BuildResult, error) {
	a.isSite = isSite(b.Plan)
	if a.assists {
		b.tellAssistance(a)
	}
	if a.alone() {
		return b.nodeAlone(ctx, a)
	}
	if err := b.setAside(a); err != nil {
		return libcnb.BuildResult{}, err
	}
	tree, err := b.planModules(a)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	tools, err := b.installTools(ctx, a, tree.prefetch)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	modules, err := tree.install(ctx, tools)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	if err := tools.bills(); err != nil {
		return libcnb.BuildResult{}, err
	}
	result := libcnb.NewBuildResult()
	result.Layers = append(tools.layers(), modules...)
	catalog, err := b.Catalog()
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	result.Layers = append(result.Layers, catalog)
	if result.Processes, err = a.processes(tree.driver); err != nil {
		return libcnb.BuildResult{}, err
	}
	if !a.assists {
		b.tellProcesses(a, result.Processes)
	}
	return result, nil
}

// setAside takes away a node_modules that came with the app: packages are
// installed clean. It is deleted with the scratch space at the end, because
// some file systems are slow to create files right after many were deleted.
func (b *build) setAside(a app) error {
	for _, dir := range append([]string{""}, sortedKeys(a.members)...) {
		path := filepath.Join(a.root.dir, dir, "node_modules")
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for node_modules: %w", err)
		}
		if info.Mode()&fs.ModeSymlink != 0 || a.choice.manager == pnpmManager && linksOnly(path) {
			// Most likely that of an earlier build, which may be right.
			continue
		}
		name := filepath.Join(dir, "node_modules")
		b.Print.Warn("%s came with the app. It may be made for another system, so packages are installed anew.\n"+
			"If git has it, take it out:\n  git rm -r --cached %s\n  echo node_modules >> .gitignore", name, name)
		if err := b.Scratch.Discard(path); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// tellProcesses says how the app starts.
func (b *build) tellProcesses(a app, processes []libcnb.Process) {
	b.Print.Step("Finding out how the app starts")
	if a.isSite {
		b.Print.Detail("A web server serves what was built, so Node.js and the packages are left out of it")
		return
	}
	if s, is, err := readSite(a.dir, a.manifest); len(processes) == 0 && err == nil && is {
		b.Print.Warn("The app is files in %s once it was built, and no buildpack of this build has a web server for them.\n"+
			"Build with slugc/static too, or add a start script", cmp.Or(s.root, "a directory"))
		return
	}
	if len(processes) == 0 {
		b.Print.Warn("%s has no start script, and there is no server.js, app.js, main.js or index.js, so the app has no process web.\n"+
			"Unless a Procfile says how it starts, add a start script:\n"+
			"  npm pkg set scripts.start=\"node FILE.js\"\n"+
			"or a Procfile:\n"+
			"  echo \"web: node FILE.js\" > Procfile", manifestFile)
		return
	}
	for _, p := range processes {
		b.Print.Detail("%s: %s", p.Type, strings.Join(p.Command, " "))
	}
}
