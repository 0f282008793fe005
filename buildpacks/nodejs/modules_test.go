package nodejs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// of are the stamps below layers whose names begin in one of these ways.
func of(stamps map[string]string, layers ...string) map[string]string {
	some := maps.Clone(stamps)
	maps.DeleteFunc(some, func(name, _ string) bool {
		return !slices.ContainsFunc(layers, func(layer string) bool { return strings.HasPrefix(name, layer) })
	})
	return some
}

// interrupted is a Runner whose build is interrupted while a program runs.
type interrupted struct {
	cancel context.CancelFunc
	to     language.Runner
}

func (i interrupted) Run(ctx context.Context, c tool.Command) error {
	i.cancel()
	return i.to.Run(ctx, c)
}

func testModules(t *testing.T, when spec.G, it spec.S) {
	var (
		registry *npmtest.Registry
		s        *site
		runner   *languagetest.Recorder
	)
	it.Before(func() {
		registry = fakeRegistry(t)
		s = newFakeSite(t, registry)
		runner = &languagetest.Recorder{To: s.Runner}
		s.Runner = runner
	})

	it("installs again when the lock file changed", func() {
		s.mustBuild()
		s.remake(map[string]string{"package-lock.json": strings.Replace(oneDepLock, "1.3.0", "1.3.1", 1), "fake-ci.sh": fakeCI + "\nmkdir node_modules/more\n"})
		languagetest.Holds(t, s.mustBuild(), "Running npm ci --omit=dev (package-lock.json changed)")
		if !s.Has("layers", "modules", "node_modules", "more") {
			t.Error("the layer was not made anew")
		}
	})

	it("says what the authors of packages say against them, those that are asked for first", func() {
		s.remake(map[string]string{"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}},
			"node_modules/left-pad": {"version": "1.3.0", "deprecated": "use String.prototype.padStart()"},
			"node_modules/a": {"version": "1.0.0", "deprecated": "gone,\n  for good"}, "node_modules/b": {"version": "1.0.0", "deprecated": false},
			"node_modules/only-dev": {"version": "1.0.0", "dev": true, "deprecated": "old"}}}`})
		out := s.mustBuild()
		languagetest.Holds(t, out, "The authors of these packages advise against them:", "left-pad 1.3.0: use String.prototype.padStart()", "a 1.0.0: gone, for good")
		languagetest.Lacks(t, out, "only-dev", "b 1.0.0")
		if strings.Index(out, "left-pad 1.3.0:") > strings.Index(out, "a 1.0.0:") {
			t.Errorf("the order is another one:\n%s", out)
		}
	})

	it("installs again when a setting of npm changed, but not for a new token", func() {
		s.mustBuild()
		s.remake(nil)
		s.Env["npm_config_//npm.test/:_authToken"] = "new"
		s.Env["NPM_TOKEN"] = "new"
		languagetest.Holds(t, s.mustBuild(), "Reusing node_modules")
		s.remake(nil)
		s.Env["npm_config_legacy_peer_deps"] = "true"
		languagetest.Holds(t, s.mustBuild(), "Running npm ci")
	})

	it("installs again when a patch changed", func() {
		s.write(map[string]string{"patches/left-pad.patch": "one"})
		s.mustBuild()
		s.remake(map[string]string{"patches/left-pad.patch": "two"})
		languagetest.Holds(t, s.mustBuild(), "Running npm ci")
	})

	it("needs no lock file for an app without dependencies", func() {
		if err := os.Remove(filepath.Join(s.App, "package-lock.json")); err != nil {
			t.Fatal(err)
		}
		s.write(map[string]string{"package.json": `{"scripts": {"start": "node x.js", "build": "x"}}`, "fake-build.sh": "touch built"})
		languagetest.Holds(t, s.mustBuild(), "package.json asks for none")
		if diff := cmp.Diff([]string{"npm run build"}, runner.Runs); diff != "" {
			t.Error(diff)
		}
	})

	it("takes away a node_modules that came with the app, and says so", func() {
		s.write(map[string]string{"node_modules/old/index.js": "old"})
		languagetest.Holds(t, s.mustBuild(), " !     node_modules came with the app", "git rm -r --cached node_modules", "echo node_modules >> .gitignore")
		if s.Has("app", "node_modules", "old") {
			t.Error("it is still there")
		}
	})

	it("copies the packages where layers lie on another volume", func() {
		layers, err := os.MkdirTemp("/dev/shm", "slugc-layers-*")
		if err != nil {
			t.Skip("there is no other volume: ", err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(layers); err != nil {
				t.Error(err)
			}
		})
		s.Layers = layers
		s.write(map[string]string{"fake-ci.sh": fakeCI + "\nln -s ../left-pad/index.js node_modules/.bin/pad; chmod 755 node_modules/left-pad/index.js"})
		s.mustBuild()
		file := filepath.Join(layers, "modules", "node_modules", "left-pad", "index.js")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("got %v, %v", info, err)
		}
		if s.Read("app", "node_modules", ".bin", "pad") != "pad\n" {
			t.Error("the link to a command is broken")
		}
		s.remake(nil)
		languagetest.Holds(t, s.mustBuild(), "Reusing node_modules")
	})

	it("puts the lock file back when it is interrupted", func() {
		s.write(map[string]string{"fake-ci.sh": "exec sleep 1000"})
		sum := registry.Publish(t, npmtest.Package{Name: "left-pad", Version: "1.3.0", Files: map[string]string{"index.js": "pad"}})
		lock := fmt.Sprintf(`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}}, "node_modules/left-pad": {"version": "1.3.0", "integrity": %q}}}`, sum)
		s.write(map[string]string{"package-lock.json": lock})
		ctx, cancel := context.WithCancel(t.Context())
		s.ctx = ctx
		s.Runner = interrupted{cancel: cancel, to: s.Runner}
		_, err := s.build()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(lock, s.Read("app", "package-lock.json")); diff != "" {
			t.Error(diff)
		}
		if s.Has("layers", ".scratch") || s.Has("layers", "modules") {
			t.Error("something half made is left")
		}
	})

	it("does not complain about its own link", func() {
		s.mustBuild()
		languagetest.Lacks(t, s.mustBuild(), "came with the app")
	})

	when("there are packages for development", func() {
		devLock := `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/left-pad": {"version": "1.3.0"},
			"node_modules/jest": {"version": "29.0.0", "dev": true}, "node_modules/@types/jest": {"version": "29.0.0", "dev": true}}}`
		manifest := func(scripts string) string {
			return `{"engines": {"node": "22.x"}, "scripts": {` + scripts + `}, "dependencies": {"left-pad": "^1.3.0"}, "devDependencies": {"jest": "29.x", "@types/jest": "*"}}`
		}
		listed := func(layer string) []string {
			var paths []string
			for path := range tree(t, filepath.Join(s.Layers, layer, "node_modules")) {
				paths = append(paths, path)
			}
			return sorted(paths)
		}

		it("leaves them out when no script needs them", func() {
			s.write(map[string]string{"package.json": manifest(`"start": "x", "test": "jest"`), "package-lock.json": devLock})
			s.mustBuild()
			if diff := cmp.Diff([]string{"npm ci --omit=dev --prefer-offline"}, runner.Runs); diff != "" {
				t.Error(diff)
			}
			if s.Has("layers", "modules-dev.toml") {
				t.Error("there is a layer for development")
			}
		})

		it("has them for the scripts and not for the processes", func() {
			s.write(map[string]string{
				"package.json": manifest(`"build": "x"`), "package-lock.json": devLock,
				"fake-build.sh": "readlink node_modules; ls node_modules/.bin; echo NODE_ENV=$NODE_ENV",
			})
			out := s.mustBuild()
			languagetest.Holds(t, out, "npm ci --include=dev", "       ../layers/modules-dev/node_modules\n       jest\n       NODE_ENV=production",
				"Left out 2 packages (packages were installed anew)")
			if diff := cmp.Diff([]string{".", ".bin", ".bin/jest", ".package-lock.json", "@types", "@types/jest", "@types/jest/index.d.ts",
				"jest", "jest/jest.js", "jest/node_modules", "jest/node_modules/deep", "left-pad", "left-pad/index.js"}, listed("modules-dev")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{".", "left-pad", "left-pad/index.js"}, listed("modules")); diff != "" {
				t.Error(diff)
			}
			link, err := os.Readlink(filepath.Join(s.App, "node_modules"))
			if err != nil || link != "../layers/modules/node_modules" {
				t.Errorf("got %q, %v", link, err)
			}
		})

		it("keeps both layers untouched when nothing changed", func() {
			s.write(map[string]string{"package.json": manifest(`"build": "x"`), "package-lock.json": devLock, "fake-build.sh": "mkdir -p dist"})
			s.mustBuild()
			before := s.LayerStamps()
			s.remake(nil)
			out := s.mustBuild()
			languagetest.Holds(t, out, "Reusing node_modules (package-lock.json unchanged)", "Reusing what they made")
			if !s.Has("app", "dist") {
				t.Error("what the script made is not there")
			}
			if diff := cmp.Diff(before, s.LayerStamps()); diff != "" {
				t.Error(diff)
			}
		})

		it("keeps both layers of packages untouched when the app changed", func() {
			s.write(map[string]string{"package.json": manifest(`"build": "x"`), "package-lock.json": devLock, "fake-build.sh": "mkdir -p dist"})
			s.mustBuild()
			before := s.LayerStamps()
			s.remake(map[string]string{"page.html": "new"})
			out := s.mustBuild()
			languagetest.Holds(t, out, "Reusing node_modules (package-lock.json unchanged)", "> build", "Reusing the pruned node_modules")
			if diff := cmp.Diff(of(before, "modules", "npm", "node"), of(s.LayerStamps(), "modules", "npm", "node")); diff != "" {
				t.Error(diff)
			}
		})

		it("prunes again when a script wrote into node_modules", func() {
			s.write(map[string]string{"package.json": manifest(`"build": "x"`), "package-lock.json": devLock, "fake-build.sh": "mkdir -p node_modules/.client; echo $VALUE > node_modules/.client/index.js"})
			s.Env["VALUE"] = "one"
			s.mustBuild()
			if got := s.Read("layers", "modules", "node_modules", ".client", "index.js"); got != "one\n" {
				t.Errorf("the launch layer has %q", got)
			}
			s.remake(nil)
			s.Env["VALUE"] = "two"
			languagetest.Holds(t, s.mustBuild(), "Left out 2 packages (a script changed node_modules)")
			if got := s.Read("layers", "modules", "node_modules", ".client", "index.js"); got != "two\n" {
				t.Errorf("the launch layer has %q", got)
			}
		})

		it("leaves the caches of tools to the next build alone", func() {
			s.write(map[string]string{"package.json": manifest(`"build": "x"`), "package-lock.json": devLock, "fake-build.sh": "mkdir -p node_modules/.cache; echo $VALUE >> node_modules/.cache/state"})
			s.Env["VALUE"] = "one"
			s.mustBuild()
			s.remake(nil)
			s.Env["VALUE"] = "two"
			languagetest.Holds(t, s.mustBuild(), "Reusing the pruned node_modules")
			if got := s.Read("layers", "modules-dev", "node_modules", ".cache", "state"); got != "one\ntwo\n" {
				t.Errorf("the cache has %q", got)
			}
			if s.Has("layers", "modules", "node_modules", ".cache") {
				t.Error("processes get the cache too")
			}
		})

		it("keeps all of them where npm does not say which is which", func() {
			s.write(map[string]string{"package.json": manifest(`"build": "x"`), "package-lock.json": devLock, "fake-build.sh": "rm node_modules/.package-lock.json"})
			languagetest.Holds(t, s.mustBuild(), "npm has left no list of what it installed", "install-strategy")
			if !s.Has("layers", "modules", "node_modules", "jest", "jest.js") {
				t.Error("something was left out")
			}
		})

		it("keeps them for the processes when the app runs in development", func() {
			s.Env["NODE_ENV"] = "development"
			s.write(map[string]string{"package.json": manifest(`"build": "x"`), "package-lock.json": devLock, "fake-build.sh": "echo NODE_ENV=$NODE_ENV"})
			languagetest.Holds(t, s.mustBuild(), "NODE_ENV=development")
			if !s.Has("layers", "modules", "node_modules", "jest") || s.Has("layers", "modules-dev.toml") {
				t.Error("they are not in the one layer")
			}
		})
	})

	when("there are workspaces", func() {
		it.Before(func() {
			s.write(map[string]string{
				"package.json":            `{"engines": {"node": "22.x"}, "workspaces": ["packages/*"]}`,
				"packages/a/package.json": `{"name": "a", "dependencies": {"left-pad": "1.3.0"}}`,
				"packages/a/index.js":     "a",
				"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"resolved": "packages/a", "link": true}, "packages/a": {},
					"packages/a/node_modules/left-pad": {"version": "1.3.0"}}}`,
				"fake-ci.sh": "mkdir -p node_modules packages/a/node_modules/left-pad; ln -s ../packages/a node_modules/a; echo pad > packages/a/node_modules/left-pad/index.js\n" +
					"ln -s ../../../packages/a/index.js packages/a/node_modules/.entry",
			})
		})
		it("moves the packages of each, and keeps links to the app", func() {
			for range 2 {
				s.mustBuild()
				for _, path := range [][2]string{
					{"app/node_modules/a/index.js", "a"},
					{"app/packages/a/node_modules/left-pad/index.js", "pad\n"},
					{"app/node_modules/a/node_modules/left-pad/index.js", "pad\n"},
					{"app/packages/a/node_modules/.entry", "a"},
				} {
					if got := s.Read(path[0]); got != path[1] {
						t.Errorf("%s has %q", path[0], got)
					}
				}
				link, err := os.Readlink(filepath.Join(s.Layers, "modules", "node_modules", "a"))
				if err != nil || link != "../../../app/packages/a" {
					t.Errorf("got %q, %v", link, err)
				}
				s.remake(nil)
			}
		})
	})

	when("packages of the lock file are in the registry", func() {
		var sum string
		it.Before(func() {
			sum = registry.Publish(t, npmtest.Package{Name: "left-pad", Version: "1.3.0", Files: map[string]string{"index.js": "pad"}})
			other := registry.Publish(t, npmtest.Package{Name: "@acme/mac", Version: "1.0.0", Files: map[string]string{"index.js": "mac"}})
			s.write(map[string]string{
				"package-lock.json": fmt.Sprintf(`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}},
					"node_modules/left-pad": {"version": "1.3.0", "integrity": %q},
					"node_modules/@acme/mac": {"version": "1.0.0", "integrity": %q, "os": ["darwin"]},
					"node_modules/gone": {"version": "1.0.0", "integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}}}`, sum, other),
				"fake-ci.sh": fakeCI + "\ncp package-lock.json seen-lock.json; find $npm_config_cache -type f | wc -l",
			})
		})
		it("has them in npm's cache, with their addresses, when npm runs", func() {
			original := s.Read("app", "package-lock.json")
			out := s.mustBuild()
			languagetest.Holds(t, out, "Packages that were fetched in the meantime: 1", "       1\n")
			seen := s.Read("app", "seen-lock.json")
			languagetest.Holds(t, seen, `left-pad/-/left-pad-1.3.0.tgz"`)
			languagetest.Lacks(t, seen, "gone-1.0.0.tgz", "mac-1.0.0.tgz")
			if diff := cmp.Diff(original, s.Read("app", "package-lock.json")); diff != "" {
				t.Errorf("the lock file was changed: %s", diff)
			}
			if s.Has("app", "package-lock.json.original") {
				t.Error("a copy of the lock file is left")
			}
		})
		it("fetches only what is new, and drops what is not needed any more", func() {
			s.mustBuild()
			registry.Forget()
			next := registry.Publish(t, npmtest.Package{Name: "right-pad", Version: "1.0.0", Files: map[string]string{"index.js": "right"}})
			s.remake(map[string]string{"package-lock.json": fmt.Sprintf(`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}},
				"node_modules/left-pad": {"version": "1.3.0", "integrity": %q}, "node_modules/right-pad": {"version": "1.0.0", "integrity": %q}}}`, sum, next)})
			s.mustBuild()
			if diff := cmp.Diff([]string{"/right-pad/-/right-pad-1.0.0.tgz"}, registry.Requests()); diff != "" {
				t.Error(diff)
			}
			s.remake(map[string]string{"package-lock.json": fmt.Sprintf(`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}},
				"node_modules/left-pad": {"version": "1.3.0", "integrity": %q}}}`, sum)})
			s.mustBuild()
			files := 0
			for path := range tree(t, filepath.Join(s.Layers, "npm-cache")) {
				if info, err := os.Stat(filepath.Join(s.Layers, "npm-cache", path)); err == nil && info.Mode().IsRegular() {
					files++
				}
			}
			if files != 1 {
				t.Errorf("the cache has %d packages, expected 1", files)
			}
		})
	})
}
