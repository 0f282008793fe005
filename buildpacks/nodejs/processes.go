package nodejs

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// launches tells whether Node.js and the packages go along with what starts. A
// site needs neither, and an app in another language only where it starts them or
// its buildpack asks for them.
func (a *app) launches() bool {
	if a.assists {
		return startsNode(a.procfile) || a.need.launch
	}
	return !a.isSite
}

// launchesNPM tells whether npm does: where it starts processes, or where a
// script calls it.
func (a *app) launchesNPM() bool {
	if !a.launches() {
		return false
	}
	if !a.manages() {
		return true
	}
	for _, script := range a.manifest.Scripts {
		if npmCommand().MatchString(script) {
			return true
		}
	}
	return npmCommand().MatchString(a.procfile)
}

var npmCommand = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)(?:^|[\s;&|(:])np[mx]\s`) })

// needsNode tells whether the app needs Node.js. One that is built with Bun does
// where it asks for a version, or where a script starts it.
func (a *app) needsNode() bool {
	if a.choice.manager != bunManager || a.asksForNode {
		return true
	}
	for _, script := range a.manifest.Scripts {
		if nodeCommand().MatchString(script) {
			return true
		}
	}
	return nodeCommand().MatchString(a.procfile)
}

var nodeCommand = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)(?:^|[\s;&|(:])(?:node|np[mx])\s`) })

// processes are how the app starts: by its start script; an app of a framework
// whose start script is for who works on it, or is missing, as the framework
// says; and otherwise as npm would start it, with server.js, or else with the file
// that its main names or that Paketo would try.
func (a *app) processes(d driver) ([]libcnb.Process, error) {
	if a.isSite || a.assists {
		return nil, nil
	}
	command, err := a.frameworkStart(d)
	if err != nil {
		return nil, err
	}
	script := a.manifest.Scripts["start"]
	if script != "" && (command == nil || !developing(script)) {
		return web(d.start(a.manifest)...), nil
	}
	if command != nil {
		return web(command...), nil
	}
	files := []string{"server.js", a.manifest.Main, "app.js", "main.js", "index.js"}
	if !d.runsNode {
		files = append(files, a.manifest.Module, "index.ts", "src/index.ts", "server.ts", "src/server.ts")
	}
	for _, file := range files {
		if !starts(file, d) {
			continue
		}
		there, err := appfile.Exists(a.dir, file)
		if err != nil {
			return nil, fmt.Errorf("looking for the file to start: %w", err)
		}
		if there {
			return web(d.node(file)...), nil
		}
	}
	return nil, nil
}

// starts tells whether a file is one that can be started.
func starts(file string, d driver) bool {
	switch path.Ext(file) {
	case ".js", ".mjs", ".cjs":
		return true
	case ".ts", ".tsx", ".jsx":
		return !d.runsNode
	}
	return false
}

// frameworkStart is how a framework starts what it has built; nil for an app of
// none that is known, or one that was not built.
func (a *app) frameworkStart(d driver) ([]string, error) {
	bin := func(name string, arguments ...string) []string {
		if d.pnp {
			return append([]string{"yarn", "run", name}, arguments...)
		}
		return append([]string{name}, arguments...)
	}
	for _, f := range []struct {
		packages []string
		// file is what the build makes.
		file    string
		command func(file string) []string
	}{
		{[]string{"next"}, ".next", func(string) []string { return bin("next", "start") }},
		{[]string{"nuxt", "nitropack", "@solidjs/start", "vinxi", "@tanstack/react-start"}, ".output/server/index.mjs", d.node},
		{[]string{"@react-router/serve"}, "build/server/index.js", func(file string) []string { return bin("react-router-serve", "./"+file) }},
		{[]string{"@remix-run/serve"}, "build/server/index.js", func(file string) []string { return bin("remix-serve", "./"+file) }},
		{[]string{"@remix-run/serve"}, "build/index.js", func(file string) []string { return bin("remix-serve", "./"+file) }},
		{[]string{"@astrojs/node"}, "dist/server/entry.mjs", d.node},
		{[]string{"@sveltejs/adapter-node"}, "build/index.js", d.node},
		{[]string{"@nestjs/core"}, "dist/main.js", d.node},
		{[]string{"@nestjs/core"}, "dist/src/main.js", d.node},
		{[]string{"@angular/ssr"}, a.angularServer(), d.node},
	} {
		if f.file == "" || !a.manifest.depends(f.packages...) {
			continue
		}
		there, err := appfile.Exists(a.dir, f.file)
		if err != nil {
			return nil, fmt.Errorf("looking for what was built: %w", err)
		}
		if there {
			return f.command(f.file), nil
		}
	}
	return nil, nil
}

// angularServer is the server of an Angular app that is rendered on one, as
// Angular's own script for it names it.
func (a *app) angularServer() string {
	for _, name := range sortedKeys(a.manifest.Scripts) {
		if strings.HasPrefix(name, "serve:ssr") {
			if file, is := strings.CutPrefix(a.manifest.Scripts[name], "node "); is {
				return strings.TrimSpace(file)
			}
		}
	}
	return ""
}

// launchVariables are what a framework has to be told to be reached from outside.
func (a *app) launchVariables() map[string]string {
	if a.manifest.depends("@astrojs/node") {
		return map[string]string{"HOST": "0.0.0.0"}
	}
	return nil
}

func web(command ...string) []libcnb.Process {
	return []libcnb.Process{{Type: "web", Command: command, Default: true}}
}
