package nodejs_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/stack/download"
)

func TestManagers(t *testing.T) {
	spec.Run(t, "other package managers", testManagers)
}

const (
	// fakeManager is a package manager that runs what the app keeps for it, as
	// fakeNPM does. It is a script that the fake Node.js runs.
	fakeManager = `#!/usr/bin/env node
case $1 in
run) echo "> $2"; exec sh ./fake-$2.sh ;;
esac
exec sh ./fake-install.sh "$@"
`
	// fakeInstall installs left-pad, and jest unless it is told not to.
	fakeInstall = `
echo "installing: $*"
mkdir -p node_modules/.bin node_modules/left-pad node_modules/jest
echo '{"name": "left-pad", "version": "1.3.0", "license": "WTFPL"}' >node_modules/left-pad/package.json
echo '{"name": "jest", "version": "29.0.0"}' >node_modules/jest/package.json
date >node_modules/.modules.yaml
date >node_modules/.yarn-integrity
cp yarn.lock node_modules/left-pad/seen.lock 2>/dev/null || true
`
	devManifest = `{"engines": {"node": "22.x"}, "scripts": {"start": "node server.js", "build": "x"}, "dependencies": {"left-pad": "^1.3.0"}, "devDependencies": {"jest": "29"}`
)

// publishManagers adds package managers to a registry and returns the checksum of
// each, as corepack writes it.
func publishManagers(t *testing.T, r *npmtest.Registry) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for name, p := range map[string]npmtest.Package{
		"yarn":  {Name: "yarn", Version: "1.22.22", Bin: map[string]string{"yarn": "./bin/yarn.js"}, Files: map[string]string{"bin/yarn.js": fakeManager, "lib/cli.js": "exports.YARN_REGISTRY = 'https://yarn.example.com';\n"}},
		"berry": {Name: "@yarnpkg/cli-dist", Version: "4.12.0", Bin: map[string]string{"yarn": "bin/yarn.js"}, Files: map[string]string{"bin/yarn.js": fakeManager + "# cacheFolder\n"}},
		"pnpm":  {Name: "pnpm", Version: "10.1.0", Bin: map[string]string{"pnpm": "bin/pnpm.cjs"}, Files: map[string]string{"bin/pnpm.cjs": fakeManager}},
		"bun":   {Name: "@oven/bun-linux-x64-baseline", Version: "1.2.0", Files: map[string]string{"bin/bun": strings.Replace(fakeManager, "#!/usr/bin/env node", "#!/bin/sh", 1)}},
	} {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Publish(t, p), "sha512-"))
		if err != nil {
			t.Fatal(err)
		}
		sums[name] = "sha512." + hex.EncodeToString(sum)
	}
	file := sha512.Sum512([]byte(fakeManager + "# cacheFolder\n"))
	sums["berry"] = "sha512." + hex.EncodeToString(file[:])
	return sums
}

func testManagers(t *testing.T, context spec.G, it spec.S) {
	var (
		s    *site
		sums map[string]string
	)
	pnpmLock := strings.Replace(pnpmOneDep, "        version: 1.3.0\n", "        version: 1.3.0\n    devDependencies:\n      jest:\n        specifier: '29'\n        version: 29.0.0\n", 1)
	it.Before(func() {
		r := fakeRegistry(t)
		sums = publishManagers(t, r)
		s = newFakeSite(t, r)
		s.remove("package-lock.json", "package.json")
		s.write(map[string]string{"fake-install.sh": fakeInstall, "fake-build.sh": "test -d node_modules/jest && echo built\n"})
	})

	it("brings pnpm, installs frozen, builds, prunes, and does nothing the second time", func() {
		files := map[string]string{"package.json": devManifest + `, "packageManager": "pnpm@10.1.0+` + sums["pnpm"] + `"}`, "pnpm-lock.yaml": pnpmLock}
		s.write(files)
		out := s.mustBuild()
		languagetest.Holds(t, out, `pnpm 10.1.0 (packageManager "10.1.0" in package.json)`, "installing: install --frozen-lockfile --prod=false", "built", "Left out 1 packages", "web: node server.js")
		if s.Has("layers", "modules", "node_modules", "jest") || !s.Has("layers", "modules-dev", "node_modules", "jest") || s.Has("layers", "modules", "node_modules", ".modules.yaml") {
			t.Error("what goes where it should not")
		}
		if info, err := os.Lstat(filepath.Join(s.App, "node_modules")); err != nil || !info.IsDir() || !s.Has("app", "node_modules", "left-pad", "package.json") {
			t.Errorf("got %v, %v", info, err)
		}
		languagetest.Holds(t, s.Read("layers", "modules.sbom.cdx.json"), `"purl": "pkg:npm/left-pad@1.3.0"`, "WTFPL")
		languagetest.Lacks(t, s.Read("layers", "modules.sbom.cdx.json"), "jest")

		before := s.LayerStamps()
		rec := &languagetest.Recorder{To: s.Runner}
		s.Runner = rec
		s.remake(nil)
		out = s.mustBuild()
		languagetest.Holds(t, out, "pnpm 10.1.0", "from the cache", "Reusing node_modules (pnpm-lock.yaml unchanged)", "Reusing what they made")
		if diff := cmp.Diff([]string(nil), rec.Runs); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before, s.LayerStamps()); diff != "" {
			t.Error(diff)
		}

		s.write(map[string]string{"pnpm-lock.yaml": pnpmLock + "# changed\n"})
		languagetest.Holds(t, s.mustBuild(), "pnpm install --frozen-lockfile --prod=false (pnpm-lock.yaml changed)")
	})

	it("refuses a package manager whose checksum is another one than is noted", func() {
		for name, field := range map[string]string{"pnpm": "pnpm@10.1.0", "yarn": "yarn@1.22.22", "berry": "yarn@4.12.0"} {
			s.write(map[string]string{"package.json": `{"engines": {"node": "22.x"}, "packageManager": "` + field + `+sha512.` + strings.Repeat("0", 128) + `"}`})
			_, err := s.build()
			if err == nil || download.FaultOf(err) != download.App {
				t.Fatalf("%s: got %v", name, err)
			}
			languagetest.Holds(t, err.Error(), "is not the one that packageManager in package.json notes", "registry: "+sums[name], "corepack use "+field)
		}
		s.write(map[string]string{"package.json": `{"engines": {"node": "22.x"}, "packageManager": "yarn@4.12.0+` + sums["berry"] + `"}`})
		languagetest.Holds(t, s.mustBuild(), `Yarn 4.12.0 (packageManager "4.12.0" in package.json)`)
	})

	it("tells Yarn 1 where packages without an address are, and those of its own registry", func() {
		const lock = "# yarn lockfile v1\n\n\njest@29:\n  version \"29.0.0\"\n  resolved \"https://yarn.example.com/jest/-/jest-29.0.0.tgz#abc\"\n  integrity sha512-xyz\n\n" +
			"left-pad@^1.3.0:\n  version \"1.3.0\"\n  integrity sha512-xyz\n"
		s.write(map[string]string{"package.json": devManifest + "}", "yarn.lock": lock})
		out := s.mustBuild()
		languagetest.Holds(t, out, "Yarn 1.22.22 (the one for yarn.lock)", "installing: install --frozen-lockfile --production=false", "web: node server.js")
		registry := s.Env["NPM_CONFIG_REGISTRY"]
		languagetest.Holds(t, s.Read("layers", "modules-dev", "node_modules", "left-pad", "seen.lock"),
			`  resolved "`+registry+`/jest/-/jest-29.0.0.tgz#abc"`, `  resolved "`+registry+`/left-pad/-/left-pad-1.3.0.tgz"`)
		if s.Read("app", "yarn.lock") != lock {
			t.Error("the app's lock file was changed")
		}
	})

	it("needs no Node.js for an app of Bun that does not ask for it", func() {
		s.write(map[string]string{"package.json": `{"module": "src/index.ts", "dependencies": {"left-pad": "^1.3.0"}}`, "bun.lock": bunOneDep, "src/index.ts": ""})
		out := s.mustBuild()
		languagetest.Holds(t, out, "Installing Bun\n", "Bun 1.2.0 (the one for bun.lock)", "installing: install --frozen-lockfile --production", "web: bun run src/index.ts")
		if s.Has("layers", "node") || s.Has("layers", "npm") {
			t.Error("Node.js was installed")
		}
		s.write(map[string]string{".node-version": "22\n"})
		languagetest.Holds(t, s.mustBuild(), "Installing Node.js, npm and Bun", "Node.js 22.23.3")
	})

	it("takes the Yarn that the app brings", func() {
		s.write(map[string]string{
			"package.json": `{"engines": {"node": "22.x"}, "packageManager": "yarn@4.0.0", "scripts": {"start": "x"}, "dependencies": {"left-pad": "^1.3.0"}}`,
			"yarn.lock":    berryOneDep, ".yarnrc.yml": "nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.5.3.cjs\n", ".yarn/releases/yarn-4.5.3.cjs": fakeManager + "# cacheFolder\n",
		})
		out := s.mustBuild()
		languagetest.Holds(t, out, "Yarn 4.5.3 (.yarn/releases/yarn-4.5.3.cjs in .yarnrc.yml)", "Passing over packageManager", "installing: install --immutable", "web: x")
	})

	it("keeps what build tools keep", func() {
		s.write(map[string]string{
			"package.json":  `{"engines": {"node": "22.x"}, "cacheDirectories": ["mine", "../x", "node_modules"], "scripts": {"start": "x", "build": "x"}, "dependencies": {"left-pad": "^1.3.0", "next": "16"}}`,
			"bun.lock":      strings.Replace(bunOneDep, `"left-pad": "^1.3.0",`, `"left-pad": "^1.3.0", "next": "16",`, 1),
			"fake-build.sh": "cat .next/cache/n mine/n 2>/dev/null; mkdir -p .next/cache .next/server mine; date >.next/trace; echo kept >.next/cache/n; echo mine >mine/n\n",
		})
		languagetest.Lacks(t, s.mustBuild(), "       kept", "       mine")
		if s.Has("app", ".next", "cache") || s.Has("app", ".next", "trace") || !s.Has("app", ".next", "server") || !s.Has("app", "mine", "n") {
			t.Error("the app has what it should not")
		}
		if err := os.RemoveAll(filepath.Join(s.App, "mine")); err != nil {
			t.Fatal(err)
		}
		languagetest.Holds(t, s.mustBuild(), "Restored what build tools kept: 2 directories", "       kept", "       mine")
	})

	context("a site", func() {
		it("goes without Node.js and packages where a web server serves it", func() {
			s.write(map[string]string{"package.json": `{"engines": {"node": "22.x"}, "scripts": {"build": "vite build"}, "dependencies": {"left-pad": "^1.3.0"}, "devDependencies": {"vite": "6"}}`,
				"bun.lock": strings.Replace(bunOneDep, "      },\n    },", "      },\n      \"devDependencies\": {\"vite\": \"6\"},\n    },", 1), "fake-build.sh": "mkdir dist\n"})
			s.Plan = "[[entries]]\nname = \"node\"\n[entries.metadata]\nstatic = true\n"
			out := s.mustBuild()
			languagetest.Holds(t, out, "A web server serves what was built")
			languagetest.Lacks(t, out, "Pruning", "web:")
			if s.Has("app", "node_modules") || !s.Has("app", "dist") {
				t.Error("the app has what it should not")
			}
			for _, name := range []string{"node", "npm", "bun", "modules"} {
				languagetest.Lacks(t, s.Read("layers", name+".toml"), "launch = true")
			}
			s.Plan = ""
			if err := os.RemoveAll(filepath.Join(s.App, "dist")); err != nil {
				t.Fatal(err)
			}
			languagetest.Holds(t, s.mustBuild(), "no buildpack of this build has a web server", "slugc/static")
		})
	})
}
