package ruby

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/download"
)

// javaScriptLock is a lock file with gems, each with what it needs.
func javaScriptLock(gems map[string]string, named string) string {
	text := "GEM\n  remote: https://gems.example.com/\n  specs:\n"
	for _, name := range sortedKeys(gems) {
		text += "    " + name + " (1.0.0)\n"
		if needs := gems[name]; needs != "" {
			text += "      " + needs + " (>= 0.3)\n"
		}
	}
	return text + "\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  " + named + "\n"
}

func TestJavaScript(t *testing.T) {
	for name, c := range map[string]struct {
		gems  map[string]string
		named string
		files map[string]string
		want  javaScript
	}{
		"none":                         {gems: map[string]string{"rack": ""}, named: "rack"},
		"a compressor":                 {gems: map[string]string{"terser": execJS, execJS: ""}, named: "terser", want: javaScript{by: "terser", idle: true}},
		"a compiler of a compiler":     {gems: map[string]string{"coffee-rails": "coffee-script", "coffee-script": execJS, execJS: ""}, named: "coffee-rails", want: javaScript{by: "coffee-script", idle: true}},
		"the app itself":               {gems: map[string]string{"uglifier": execJS, execJS: ""}, named: execJS, want: javaScript{by: execJS, launch: true}},
		"a gem that renders":           {gems: map[string]string{"react-rails": execJS, execJS: ""}, named: "react-rails", want: javaScript{by: "react-rails", launch: true}},
		"JavaScript of its own":        {gems: map[string]string{"terser": execJS, execJS: "", "mini_racer": ""}, named: "terser"},
		"assets that are made at run":  {gems: map[string]string{"terser": execJS, execJS: ""}, named: "terser", files: map[string]string{productionFile: "  config.assets.compile = true\n"}, want: javaScript{by: "terser", launch: true}},
		"assets that are not":          {gems: map[string]string{"terser": execJS, execJS: ""}, named: "terser", files: map[string]string{productionFile: "  # config.assets.compile = true\n"}, want: javaScript{by: "terser", idle: true}},
		"scripts of package.json":      {gems: map[string]string{"cssbundling-rails": ""}, named: "cssbundling-rails", want: javaScript{by: "cssbundling-rails", scripts: true}},
		"scripts, and a compressor":    {gems: map[string]string{"jsbundling-rails": "", "terser": execJS, execJS: ""}, named: "terser", want: javaScript{by: "jsbundling-rails", scripts: true, idle: true}},
		"a browser where the app runs": {gems: map[string]string{"grover": ""}, named: "grover", want: javaScript{by: "grover", launch: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.files = map[string]string{gemfile: "", gemfileLock: javaScriptLock(c.gems, c.named)}
			for file, text := range c.files {
				s.files[file] = text
			}
			s.fresh()
			l, err := readLock(gemfileLock, []byte(s.files[gemfileLock]))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, app{dir: s.App, lock: l}.javaScript(), cmp.AllowUnexported(javaScript{})); diff != "" {
				t.Error(diff)
			}
			// The build plan has the same.
			offered := plans(s.App)
			if (len(offered) > 1) != (c.want.by != "") {
				t.Fatalf("got %v", offered)
			}
			if c.want.by == "" {
				return
			}
			asked := offered[0].Requires[1]
			want := map[string]any{"for": "the gem " + c.want.by, "build": true, "launch": c.want.launch, "scripts": c.want.scripts}
			if diff := cmp.Diff(want, asked.Metadata); diff != "" || asked.Name != "node" {
				t.Error(asked.Name, diff)
			}
		})
	}
}

// Where nothing runs JavaScript, that is said before anything is downloaded; where
// something does, its packages are not installed again.
func TestWithoutNode(t *testing.T) {
	s := rails(t, "terser 1.2.5", "execjs 2.8.1")
	s.Env["PATH"] = "/nowhere"
	_, err := s.build()
	if err == nil {
		t.Fatal("no error")
	}
	languagetest.Holds(t, err.Error(), "runs JavaScript to precompile assets, and there is no Node.js in this build", "slugc build -b slugc/nodejs-assets -b slugc/ruby")
	if asked := s.archive.Requests(); len(asked) > 0 || download.FaultOf(err) != download.App {
		t.Errorf("it asks for %v; the fault is %v", asked, download.FaultOf(err))
	}

	s.files["node_modules/x"] = ""
	s.fresh()
	a, err := readApp(s.App, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	a.javaScriptEnv(env)
	if diff := cmp.Diff(map[string]string{"NODE_ENV": "production", "SKIP_YARN_INSTALL": "1", "SKIP_BUN_INSTALL": "1"}, env); diff != "" {
		t.Error(diff)
	}
	if env := launchEnv(a, bundle{}); env["EXECJS_RUNTIME.default"] != "" {
		// The Gemfile of this app names it.
		t.Errorf("got %v", env)
	}
	a.lock.dependencies = map[string]string{"terser": ""}
	a.lock.gems = append(a.lock.gems, lockedGem{name: "terser", needs: []string{execJS}})
	if env := launchEnv(a, bundle{}); env["EXECJS_RUNTIME.default"] != "Disabled" {
		t.Errorf("got %v", env)
	}
}
