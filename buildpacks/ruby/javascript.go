package ruby

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// execJS is the gem that runs JavaScript with what it finds, when it is loaded.
const execJS = "execjs"

var (
	// bundlers are gems whose tasks run the scripts of a package.json when assets
	// are precompiled.
	bundlers = []string{"jsbundling-rails", "cssbundling-rails", "shakapacker", "webpacker", "vite_rails", "vite_ruby", "react_on_rails"}
	// compilers are gems that need JavaScript for the sources of assets alone.
	compilers = []string{
		"uglifier", "terser", "coffee-script", "coffee-rails", "autoprefixer-rails", "babel-transpiler", "sprockets-es6", "eco", "ejs", "haml_coffee",
		"handlebars_assets", "barber", "ember-source", "less", "less-rails", "stylus", "svgo-rails", "closure-compiler-js",
	}
	// starters are gems that start Node.js where the app runs.
	starters = []string{"nodo", "schmooze", "grover", "node-runner", "react_on_rails"}
	// engines are gems that bring JavaScript themselves.
	engines = []string{"mini_racer", "duktape", "therubyracer"}
)

// javaScript is what an app needs of Node.js.
type javaScript struct {
	// by is the gem that needs it, "" when none does.
	by string
	// scripts tells that a gem runs the scripts of package.json, launch that
	// processes need it, idle that ExecJS is there in them and has nothing to do.
	scripts, launch, idle bool
}

// javaScript reads it from the lock file: a Gemfile is a program.
func (a app) javaScript() javaScript {
	first := func(gems []string) string {
		if at := slices.IndexFunc(gems, a.lock.has); at >= 0 {
			return gems[at]
		}
		return ""
	}
	var needs javaScript
	if needs.by = first(bundlers); needs.by != "" {
		needs.scripts = true
	}
	if by := first(starters); by != "" {
		needs.by, needs.launch = by, true
	}
	if !a.lock.has(execJS) || first(engines) != "" {
		return needs
	}
	by, launch := a.runsJavaScript()
	if needs.by == "" {
		needs.by = by
	}
	needs.launch = needs.launch || launch
	needs.idle = !launch
	return needs
}

var compilesWhenAsked = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*config\.assets\.compile\s*=\s*true`) })

// runsJavaScript is the gem for which ExecJS is there, and whether it has
// something to do where the app runs: that of the Gemfile itself has, and that of
// gems that do not only compile assets.
func (a app) runsJavaScript() (by string, launch bool) {
	by = execJS
	for _, g := range a.lock.gems {
		if !slices.Contains(g.needs, execJS) {
			continue
		}
		if by == execJS {
			by = g.name
		}
		if !slices.Contains(compilers, g.name) {
			return g.name, true
		}
	}
	if _, own := a.lock.dependencies[execJS]; own {
		return execJS, true
	}
	text, err := os.ReadFile(filepath.Join(a.dir, productionFile))
	return by, err == nil && compilesWhenAsked().Match(text)
}

// plans are those of bin/detect: an app whose gems run JavaScript asks for Node.js,
// and is built without, where there is none.
func plans(dir string) []libcnb.BuildPlan {
	plain := libcnb.BuildPlan{Provides: []libcnb.BuildPlanProvide{{Name: "ruby"}}, Requires: []libcnb.BuildPlanRequire{{Name: "ruby"}}}
	a := app{dir: dir}
	// What is wrong with the app is for the build to say.
	if a.findFiles() != nil {
		return []libcnb.BuildPlan{plain}
	}
	text, err := appfile.Read(dir, a.lockName)
	if err != nil {
		return []libcnb.BuildPlan{plain}
	}
	if a.lock, err = readLock(a.lockName, text); err != nil {
		return []libcnb.BuildPlan{plain}
	}
	needs := a.javaScript()
	if needs.by == "" {
		return []libcnb.BuildPlan{plain}
	}
	with := libcnb.BuildPlan{Provides: plain.Provides, Requires: []libcnb.BuildPlanRequire{
		{Name: "ruby"},
		{Name: "node", Metadata: map[string]any{"for": "the gem " + needs.by, "build": true, "launch": needs.launch, "scripts": needs.scripts}},
	}}
	return []libcnb.BuildPlan{with, plain}
}

// refuseWithoutNode refuses an app that has assets to precompile by JavaScript, and
// nothing that runs it: its gems look for that as soon as they are loaded.
func (a app) refuseWithoutNode(env map[string]string) error {
	needs := a.javaScript()
	if wants, _ := a.wantsAssets(); needs.by == "" || !wants || env["EXECJS_RUNTIME"] != "" || tool.Find(env["PATH"], "node") != "" {
		return nil
	}
	return appfile.Error("the gem %s runs JavaScript to precompile assets, and there is no Node.js in this build\nname the buildpack that brings it before this one:\n"+
		"  slugc build -b slugc/nodejs-assets -b slugc/ruby", needs.by)
}

// javaScriptEnv adds what gems that run JavaScript find in the environment of
// assets: packages are installed, if there are any.
func (a app) javaScriptEnv(env map[string]string) {
	needs := a.javaScript()
	if needs.by == "" {
		return
	}
	add := map[string]string{"NODE_ENV": "production"}
	if info, err := os.Stat(filepath.Join(a.dir, "node_modules")); err == nil && info.IsDir() {
		add["SKIP_YARN_INSTALL"], add["SKIP_BUN_INSTALL"] = "1", "1"
	}
	for name, value := range add {
		if strings.TrimSpace(env[name]) == "" {
			env[name] = value
		}
	}
}
