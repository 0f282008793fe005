package nodejs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/nodejs/lock"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// writeFiles puts files into a directory. A name that ends in "/" is a directory,
// a text that begins with "-> " a symbolic link.
func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, is := strings.CutPrefix(text, "-> "); is {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestChooseManager(t *testing.T) {
	sum := strings.Repeat("0a", 64)
	for name, test := range map[string]struct {
		manifest string
		locks    []string
		want     string
	}{
		"nothing says anything":                {`{}`, nil, "npm by the default"},
		"a lock file of npm":                   {`{}`, []string{"package-lock.json"}, "npm by package-lock.json"},
		"a lock file of Yarn":                  {`{}`, []string{"yarn.lock"}, "yarn by yarn.lock"},
		"a lock file of pnpm":                  {`{}`, []string{"pnpm-lock.yaml"}, "pnpm by pnpm-lock.yaml"},
		"a lock file of Bun":                   {`{}`, []string{"bun.lock"}, "bun by bun.lock"},
		"a binary lock file of Bun":            {`{}`, []string{"bun.lockb"}, "bun by bun.lockb"},
		"packageManager":                       {`{"packageManager": "pnpm@9.1.0", "engines": {"pnpm": "8"}}`, []string{"pnpm-lock.yaml"}, `pnpm by packageManager in package.json: packageManager "9.1.0" in package.json`},
		"packageManager with a checksum":       {`{"packageManager": "yarn@4.5.3+sha512.` + sum + `"}`, nil, `yarn by packageManager in package.json: packageManager "4.5.3" in package.json sha512.` + sum},
		"devEngines":                           {`{"devEngines": {"packageManager": {"name": "bun", "version": "^1.2"}}}`, nil, `bun by devEngines.packageManager in package.json: devEngines.packageManager "^1.2" in package.json`},
		"devEngines as a list":                 {`{"devEngines": {"packageManager": [{"name": "odd"}, {"name": "pnpm"}]}}`, nil, "pnpm by devEngines.packageManager in package.json"},
		"devEngines that are odd":              {`{"devEngines": {"packageManager": 1}}`, nil, "npm by the default"},
		"engines without a lock file":          {`{"engines": {"yarn": "1.x", "npm": "10"}}`, nil, `yarn by engines.yarn in package.json: engines.yarn "1.x" in package.json`},
		"engines of several":                   {`{"engines": {"yarn": "1.x", "pnpm": "9"}}`, nil, "npm by the default"},
		"engines and the lock file of another": {`{"engines": {"yarn": "1.x"}}`, []string{"package-lock.json"}, "npm by package-lock.json"},
		"settings of Yarn":                     {`{}`, []string{".yarnrc.yml"}, "yarn by .yarnrc.yml"},
		"settings of pnpm":                     {`{}`, []string{"pnpm-workspace.yaml"}, "pnpm by pnpm-workspace.yaml"},
		"volta":                                {`{"volta": {"yarn": "1.22.19"}}`, []string{"yarn.lock"}, `yarn by yarn.lock: volta.yarn "1.22.19" in package.json`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{manifestFile: test.manifest})
			for _, lock := range test.locks {
				writeFiles(t, dir, map[string]string{lock: ""})
			}
			m, err := readManifest(dir, manifestFile)
			if err != nil {
				t.Fatal(err)
			}
			c, err := chooseManager(workspaceRoot{dir: dir, manifest: m}, m)
			if err != nil {
				t.Fatal(err)
			}
			got := string(c.manager) + " by " + c.by
			if c.asked.Text != "" {
				got += ": " + c.asked.String()
			}
			if c.checksum != "" {
				got += " " + c.checksum
			}
			if got != test.want {
				t.Errorf("got %s, expected %s", got, test.want)
			}
		})
	}
}

func TestFindWorkspaces(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "packages/a", "packages/b", "packages/b/deep", "packages/none/x", "apps/web", "packages/a/node_modules/z", "packages/.hidden"} {
		writeFiles(t, dir, map[string]string{name + "/package.json": "{}"})
	}
	for globs, want := range map[string]string{
		`["packages/*"]`:  "packages/a packages/b",
		`["packages/**"]`: "packages/a packages/b packages/b/deep packages/none/x",
		`{"packages": ["./packages/*", "apps/web"]}`: "apps/web packages/a packages/b",
		`["packages/*", "!packages/b"]`:              "packages/a",
		`["{apps,packages}/{a,web}"]`:                "apps/web packages/a",
		`["../*", "["]`:                              "",
		`1`:                                          "",
	} {
		got, err := findWorkspaces(dir, workspaceGlobs([]byte(globs)))
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, %v, expected %q", globs, got, err, want)
		}
	}
}

func TestReadSite(t *testing.T) {
	for name, test := range map[string]struct {
		manifest string
		files    map[string]string
		want     string
	}{
		"Vite":                            {`{"scripts": {"build": "tsc && vite build"}, "devDependencies": {"vite": "6"}}`, nil, "dist, fallback"},
		"Vite elsewhere":                  {`{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}`, map[string]string{"vite.config.ts": "export default { build: {\n  outDir: './public/app',\n} }"}, "public/app, fallback"},
		"Vite beside a server":            {`{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}`, map[string]string{"server.js": ""}, ""},
		"Vite and a start script":         {`{"scripts": {"build": "vite build", "start": "node index.js"}, "devDependencies": {"vite": "6"}}`, nil, ""},
		"Vite and its own server":         {`{"scripts": {"build": "vite build", "start": "vite preview --host"}, "devDependencies": {"vite": "6"}}`, nil, "dist, fallback"},
		"Vite and a Procfile":             {`{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}`, map[string]string{"Procfile": "web: npx serve dist\n"}, ""},
		"Vite and a Procfile of a worker": {`{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}`, map[string]string{"Procfile": "worker: node a.js\n"}, "dist, fallback"},
		"Vite without a build":            {`{"devDependencies": {"vite": "6"}}`, nil, ""},
		"Vite for tests alone":            {`{"scripts": {"build": "tsc"}, "devDependencies": {"vite": "6"}}`, nil, ""},
		"Create React App":                {`{"scripts": {"build": "react-scripts build", "start": "react-scripts start"}, "dependencies": {"react-scripts": "5"}}`, nil, "build, fallback"},
		"Vue CLI":                         {`{"scripts": {"build": "vue-cli-service build", "serve": "vue-cli-service serve"}, "devDependencies": {"@vue/cli-service": "5"}}`, map[string]string{"vue.config.js": "module.exports = {\n  outputDir: 'public',\n}"}, "public, fallback"},
		"Angular":                         {`{"scripts": {"build": "ng build", "start": "ng serve"}, "devDependencies": {"@angular/cli": "20"}}`, map[string]string{"angular.json": `{"projects": {"shop": {"projectType": "application", "architect": {"build": {"builder": "@angular/build:application", "options": {}}}}}}`}, "dist/shop/browser, fallback"},
		"Angular 15":                      {`{"scripts": {"build": "ng build", "start": "ng serve"}, "devDependencies": {"@angular/cli": "15"}}`, map[string]string{"angular.json": `{"projects": {"shop": {"architect": {"build": {"builder": "@angular-devkit/build-angular:browser", "options": {"outputPath": "dist/out"}}}}, "lib": {"projectType": "library"}}}`}, "dist/out, fallback"},
		"Angular with a base":             {`{"scripts": {"build": "ng build"}, "devDependencies": {"@angular/cli": "20"}}`, map[string]string{"angular.json": `{"projects": {"shop": {"architect": {"build": {"builder": "@angular/build:application", "options": {"outputPath": {"base": "out", "browser": ""}}}}}}}`}, "out, fallback"},
		"Angular on a server":             {`{"scripts": {"build": "ng build"}, "devDependencies": {"@angular/cli": "20"}}`, map[string]string{"angular.json": `{"projects": {"shop": {"architect": {"build": {"builder": "@angular/build:application", "options": {"ssr": {"entry": "src/server.ts"}}}}}}}`}, ""},
		"Next.js":                         {`{"scripts": {"build": "next build", "start": "next start"}, "dependencies": {"next": "16"}}`, nil, ""},
		"Next.js as files":                {`{"scripts": {"build": "next build"}, "dependencies": {"next": "16"}}`, map[string]string{"next.config.mjs": "export default {\n  output: 'export',\n}"}, "out"},
		"Next.js that was as files":       {`{"scripts": {"build": "next build"}, "dependencies": {"next": "16"}}`, map[string]string{"next.config.mjs": "export default {\n  // output: 'export',\n}"}, ""},
		"Nuxt":                            {`{"scripts": {"build": "nuxt build"}, "dependencies": {"nuxt": "3"}}`, nil, ""},
		"Nuxt as files":                   {`{"scripts": {"build": "nuxt generate"}, "dependencies": {"nuxt": "3"}}`, nil, ".output/public"},
		"React Router":                    {`{"scripts": {"build": "react-router build", "start": "react-router-serve ./build/server/index.js"}, "devDependencies": {"@react-router/dev": "7", "vite": "6"}}`, nil, ""},
		"React Router as files":           {`{"scripts": {"build": "react-router build"}, "devDependencies": {"@react-router/dev": "7", "vite": "6"}}`, map[string]string{"react-router.config.ts": "export default {\n  ssr: false,\n}"}, "build/client, fallback"},
		"Remix":                           {`{"scripts": {"build": "remix vite:build"}, "devDependencies": {"@remix-run/dev": "2", "vite": "6"}}`, nil, ""},
		"Astro":                           {`{"scripts": {"build": "astro build", "start": "astro dev"}, "dependencies": {"astro": "5"}}`, nil, "dist"},
		"Astro on a server":               {`{"scripts": {"build": "astro build"}, "dependencies": {"astro": "5", "@astrojs/node": "9"}}`, nil, ""},
		"SvelteKit as files":              {`{"scripts": {"build": "vite build"}, "devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-static": "3", "vite": "6"}}`, nil, "build, fallback"},
		"SvelteKit on a server":           {`{"scripts": {"build": "vite build"}, "devDependencies": {"@sveltejs/kit": "2", "@sveltejs/adapter-node": "5", "vite": "6"}}`, nil, ""},
		"VitePress":                       {`{"scripts": {"build": "vitepress build docs"}, "devDependencies": {"vitepress": "1", "vite": "6"}}`, nil, "docs/.vitepress/dist"},
		"settings for a web server":       {`{"scripts": {"build": "node build.js"}}`, map[string]string{"static.json": `{"root": "out"}`}, "its own"},
		"a service":                       {`{"scripts": {"build": "tsc"}, "dependencies": {"express": "5"}}`, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{manifestFile: test.manifest})
			writeFiles(t, dir, test.files)
			m, err := readManifest(dir, manifestFile)
			if err != nil {
				t.Fatal(err)
			}
			s, is, err := readSite(dir, m)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if is {
				if got = s.root; s.root == "" {
					got = "its own"
				}
				if s.fallback {
					got += ", fallback"
				}
			}
			if got != test.want {
				t.Errorf("got %q, expected %q", got, test.want)
			}
		})
	}
}

func TestProcesses(t *testing.T) {
	bun := driver{manager: bunManager}
	yarn := driver{manager: yarnManager, runsNode: true}
	berry := driver{manager: yarnManager, berry: true, runsNode: true}
	pnp := driver{manager: yarnManager, berry: true, pnp: true, runsNode: true}
	node := driver{manager: npmManager, runsNode: true}
	for name, test := range map[string]struct {
		driver   driver
		manifest string
		files    []string
		want     string
	}{
		"npm":                            {node, `{"scripts": {"start": "node a.js $PORT"}}`, nil, "npm start"},
		"Yarn 1":                         {yarn, `{"scripts": {"start": "node a.js $PORT"}}`, nil, "bash -c node a.js $PORT"},
		"Yarn 1 with a hook":             {yarn, `{"scripts": {"start": "node a.js $PORT", "prestart": "x"}}`, nil, "bash -c yarn run prestart && node a.js $PORT"},
		"Yarn 4":                         {berry, `{"scripts": {"start": "node a.js $PORT"}}`, nil, "yarn start"},
		"Yarn 4 with a file":             {berry, `{"main": "a.js"}`, []string{"a.js"}, "node a.js"},
		"Plug'n'Play with a file":        {pnp, `{"main": "a.js"}`, []string{"a.js"}, "yarn node a.js"},
		"Bun":                            {bun, `{"scripts": {"start": "bun a.ts; true"}}`, nil, "bun run start"},
		"Bun and a plain command":        {bun, `{"scripts": {"start": "bun a.ts"}}`, nil, "bun a.ts"},
		"Bun in the place of Node.js":    {bun, `{"scripts": {"start": "vinxi start"}}`, nil, "bun run start"},
		"Bun with a file":                {bun, `{"module": "src/app.ts"}`, []string{"src/app.ts"}, "bun run src/app.ts"},
		"Node.js takes no TypeScript":    {node, `{"main": "src/app.ts"}`, []string{"src/app.ts"}, ""},
		"Next.js":                        {node, `{"scripts": {"start": "next start -p $PORT"}, "dependencies": {"next": "16"}}`, []string{".next/BUILD_ID"}, "npm start"},
		"Next.js without a script":       {node, `{"dependencies": {"next": "16"}}`, []string{".next/BUILD_ID"}, "next start"},
		"Next.js and PnP":                {pnp, `{"dependencies": {"next": "16"}}`, []string{".next/BUILD_ID"}, "yarn run next start"},
		"Nuxt":                           {node, `{"scripts": {"start": "nuxt dev"}, "dependencies": {"nuxt": "3"}}`, []string{".output/server/index.mjs"}, "node .output/server/index.mjs"},
		"Remix":                          {node, `{"dependencies": {"@remix-run/serve": "2"}}`, []string{"build/server/index.js"}, "remix-serve ./build/server/index.js"},
		"React Router":                   {node, `{"dependencies": {"@react-router/serve": "7"}}`, []string{"build/server/index.js"}, "react-router-serve ./build/server/index.js"},
		"Nest":                           {node, `{"scripts": {"start": "nest start"}, "dependencies": {"@nestjs/core": "11"}}`, []string{"dist/main.js"}, "node dist/main.js"},
		"Nest with a script":             {node, `{"scripts": {"start": "node dist/main"}, "dependencies": {"@nestjs/core": "11"}}`, []string{"dist/main.js"}, "node dist/main"},
		"Astro":                          {node, `{"dependencies": {"astro": "5", "@astrojs/node": "9"}}`, []string{"dist/server/entry.mjs"}, "node dist/server/entry.mjs"},
		"SvelteKit":                      {node, `{"devDependencies": {"@sveltejs/adapter-node": "5"}}`, []string{"build/index.js"}, "node build/index.js"},
		"Angular":                        {node, `{"scripts": {"start": "ng serve", "serve:ssr:shop": "node dist/shop/server/server.mjs"}, "dependencies": {"@angular/ssr": "20"}}`, []string{"dist/shop/server/server.mjs"}, "node dist/shop/server/server.mjs"},
		"a framework that was not built": {node, `{"scripts": {"start": "nest start"}, "dependencies": {"@nestjs/core": "11"}}`, nil, "nest start"},
	} {
		t.Run(name, func(t *testing.T) {
			a := app{dir: t.TempDir()}
			writeFiles(t, a.dir, map[string]string{manifestFile: test.manifest})
			for _, file := range test.files {
				writeFiles(t, a.dir, map[string]string{file: ""})
			}
			var err error
			if a.manifest, err = readManifest(a.dir, manifestFile); err != nil {
				t.Fatal(err)
			}
			processes, err := a.processes(test.driver)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range processes {
				got += strings.Join(p.Command, " ")
			}
			if got != test.want {
				t.Errorf("got %q, expected %q", got, test.want)
			}
		})
	}
}

// A tree as pnpm makes it, one as npm and Yarn make it, and what production needs
// of them.
func TestReach(t *testing.T) {
	layer := t.TempDir()
	writeFiles(t, layer, map[string]string{
		// Flat, with one package inside another.
		"node_modules/web/package.json":                       `{"name": "web", "dependencies": {"ms": "1"}, "peerDependencies": {"peer": "*", "tool": "*"}, "peerDependenciesMeta": {"tool": {"optional": true}}}`,
		"node_modules/web/node_modules/ms/package.json":       `{"name": "ms", "dependencies": {"@deep/a": "1"}}`,
		"node_modules/web/dist/node_modules/inner/index.js":   "",
		"node_modules/@deep/a/package.json":                   `{"name": "@deep/a"}`,
		"node_modules/@deep/b/package.json":                   `{"name": "@deep/b"}`,
		"node_modules/peer/package.json":                      `odd`,
		"node_modules/tool/package.json":                      `{"name": "tool", "dependencies": {"@deep/a": "1", "only": "1"}}`,
		"node_modules/only/package.json":                      `{}`,
		"node_modules/more/package.json":                      `{}`,
		"node_modules/.bin/tool":                              "-> ../tool/cli.js",
		"node_modules/.bin/web":                               "-> ../web/package.json",
		"node_modules/.yarn-integrity":                        "",
		"node_modules/.cache/x":                               "",
		"node_modules/member":                                 "-> ../../../elsewhere/member",
		"packages/member/node_modules/own/package.json":       `{}`,
		"packages/member/node_modules/unwanted/package.json":  `{}`,
		"packages/member/node_modules/unwanted/nested/readme": "",
		// By pnpm.
		"node_modules/.pnpm/kept@1/node_modules/kept/package.json":       `{"name": "kept"}`,
		"node_modules/.pnpm/kept@1/node_modules/sibling":                 "-> ../../sibling@1/node_modules/sibling",
		"node_modules/.pnpm/sibling@1/node_modules/sibling/package.json": `{"name": "sibling"}`,
		"node_modules/.pnpm/dev@1/node_modules/dev/package.json":         `{"name": "dev"}`,
		"node_modules/.pnpm/node_modules/dev":                            "-> ../dev@1/node_modules/dev",
		"node_modules/.pnpm/lock.yaml":                                   "",
		"node_modules/kept":                                              "-> .pnpm/kept@1/node_modules/kept",
		"node_modules/dev":                                               "-> .pnpm/dev@1/node_modules/dev",
		"node_modules/.bin/dev":                                          pnpmShim("dev"),
		"node_modules/.bin/kept":                                         pnpmShim("kept"),
		"node_modules/.pnpm/kept@1/node_modules/kept/cli.js":             "",
	})
	f := newForest(layer, []string{"", "packages/member"})
	f.more = func(name, _ string) []string {
		if name == "web" {
			return []string{"more"}
		}
		return nil
	}
	if err := f.reach(map[string]manifest{
		"":                {Dependencies: map[string]string{"web": "1", "kept": "1", "member": "1", "missing": "1"}, DevDependencies: map[string]string{"tool": "1", "dev": "1"}},
		"packages/member": {OptionalDependencies: map[string]string{"own": "1"}},
	}); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	count, err := f.copy(to)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := filepath.WalkDir(to, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(to, path)
			got = append(got, rel)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"node_modules/.bin/kept",
		"node_modules/.bin/web",
		"node_modules/.pnpm/kept@1/node_modules/kept/cli.js",
		"node_modules/.pnpm/kept@1/node_modules/kept/package.json",
		"node_modules/.pnpm/kept@1/node_modules/sibling",
		"node_modules/.pnpm/sibling@1/node_modules/sibling/package.json",
		"node_modules/@deep/a/package.json",
		"node_modules/kept",
		"node_modules/member",
		"node_modules/more/package.json",
		"node_modules/peer/package.json",
		"node_modules/web/dist/node_modules/inner/index.js",
		"node_modules/web/node_modules/ms/package.json",
		"node_modules/web/package.json",
		"packages/member/node_modules/own/package.json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if count != 5 {
		t.Errorf("left out %d", count)
	}
}

// pnpmShim is a command as pnpm writes it.
func pnpmShim(name string) string {
	file := `"$basedir/../.pnpm/` + name + `@1/node_modules/` + name + `/cli.js"`
	return "#!/bin/sh\nif [ -x \"$basedir/node\" ]; then\n  exec \"$basedir/node\"  " + file + " \"$@\"\nelse\n  exec node  " + file + " \"$@\"\nfi\n"
}

func TestRelink(t *testing.T) {
	dir := t.TempDir()
	app, fresh, home := filepath.Join(dir, "app"), filepath.Join(dir, "scratch/modules"), filepath.Join(dir, "layers/modules")
	writeFiles(t, fresh, map[string]string{
		"node_modules/member":              "-> ../packages/member",
		"node_modules/a":                   "-> .pnpm/a@1/node_modules/a",
		"packages/member/node_modules/a":   "-> ../../../node_modules/.pnpm/a@1/node_modules/a",
		"packages/member/node_modules/abs": "-> " + filepath.Join(app, "node_modules/a"),
		"packages/member/node_modules/out": "-> /usr/share/x",
	})
	if err := relink(app, fresh, home, map[string]bool{"node_modules": true, "packages/member/node_modules": true}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"node_modules/member":              "../../../app/packages/member",
		"node_modules/a":                   ".pnpm/a@1/node_modules/a",
		"packages/member/node_modules/a":   "../../../node_modules/.pnpm/a@1/node_modules/a",
		"packages/member/node_modules/abs": "../../../node_modules/a",
		"packages/member/node_modules/out": "/usr/share/x",
	} {
		if got, err := os.Readlink(filepath.Join(fresh, name)); err != nil || got != want {
			t.Errorf("%s leads to %s, %v, expected %s", name, got, err, want)
		}
	}
}

// What package managers print when something is wrong, and what is said of it.
func TestFailures(t *testing.T) {
	classic, yarnErr := lock.ReadClassic(nil)
	pnpm, pnpmErr := lock.ReadPNPM([]byte("lockfileVersion: '9.0'\n"), false)
	bun, bunErr := lock.ReadBun([]byte(`{"workspaces": {}}`))
	if err := errors.Join(yarnErr, pnpmErr, bunErr); err != nil {
		t.Fatal(err)
	}
	locks := map[manager]lock.File{yarnManager: classic, pnpmManager: pnpm, bunManager: bun}
	for name, test := range map[string]struct {
		manager manager
		printed string
		fault   download.Fault
		says    string
	}{
		"Yarn 1 out of step":      {yarnManager, "error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.\n", download.App, "yarn.lock is out of step"},
		"Yarn 1 checksum":         {yarnManager, "error https://example.com/wrong-1.0.0.tgz: Integrity check failed for \"wrong\" (computed integrity doesn't match our records)\n", download.Registry, "yarn install --update-checksums"},
		"Yarn 1 401":              {yarnManager, "error Error: https://example.com/secret-1.0.0.tgz: Request failed \"401 Unauthorized\"\n", download.App, "_authToken='${NPM_TOKEN}'"},
		"Yarn 1 404":              {yarnManager, "error Error: https://example.com/gone-1.0.0.tgz: Request failed \"404 Not Found\"\n", download.App, "the registry does not have a package"},
		"Yarn 1 503":              {yarnManager, "error Error: https://example.com/boom-1.0.0.tgz: Request failed \"503 Service Unavailable\"\n", download.Passing, "Try again later"},
		"Yarn 1 down":             {yarnManager, "error Error: connect ECONNREFUSED 127.0.0.1:4999\n", download.Passing, "Try again later"},
		"Yarn 1 half a download":  {yarnManager, "info There appears to be trouble with your network connection. Retrying...\nerror Error: aborted\n", download.Passing, "Try again later"},
		"Yarn 1 install script":   {yarnManager, "error /app/node_modules/fail: Command failed.\nExit code: 7\n", download.App, "the install script of the package fail failed"},
		"Yarn 4 out of step":      {yarnManager, "➤ YN0000: ┌ Post-resolution validation\n➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.\n", download.App, "yarn.lock is out of step"},
		"Yarn 4 checksum":         {yarnManager, "➤ YN0018: │ wrong@npm:1.0.0: The remote archive doesn't match the expected checksum\n", download.Registry, "YARN_CHECKSUM_BEHAVIOR=update"},
		"Yarn 4 401":              {yarnManager, "➤ YN0041: │ secret@npm:1.0.0: Invalid authentication (as an anonymous user)\n", download.App, "yarn config set npmAuthToken '${NPM_TOKEN}'"},
		"Yarn 4 404":              {yarnManager, "➤ YN0035: │ gone@npm:1.0.0: Package not found\n➤ YN0035: │   Response Code: 404 (Not Found)\n", download.App, "the registry does not have a package"},
		"Yarn 4 503":              {yarnManager, "➤ YN0035: │ boom@npm:1.0.0: The registry appears to be down\n➤ YN0035: │   Response Code: 503 (Service Unavailable)\n", download.Passing, "Try again later"},
		"Yarn 4 down":             {yarnManager, "➤ YN0001: │ Error [ERR_SOCKET_CLOSED_BEFORE_CONNECTION]: Socket closed before the connection was established\n", download.Passing, "Try again later"},
		"Yarn 4 half a download":  {yarnManager, "➤ YN0001: │ ReadError: The server aborted pending request\n", download.Passing, "Try again later"},
		"Yarn 4 half an archive":  {yarnManager, "➤ YN0001: │ ZlibError: zlib: unexpected end of file\n    at Unzip.write\n", download.Passing, "cut off on the way"},
		"Yarn 4 taken back":       {yarnManager, "➤ YN0016: │ gone@npm:1.0.0: No candidates found\n", download.App, "choose another"},
		"Yarn 4 install script":   {yarnManager, "➤ YN0009: │ fail@npm:1.0.0 couldn't be built successfully (exit code 7)\n", download.App, "the install script of the package fail failed"},
		"pnpm out of step":        {pnpmManager, "\u2009ERR_PNPM_OUTDATED_LOCKFILE\u2009 Cannot install with \"frozen-lockfile\"\n", download.App, "pnpm install --lockfile-only\n  git add pnpm-lock.yaml"},
		"pnpm 11 out of step":     {pnpmManager, "[ERR_PNPM_OUTDATED_LOCKFILE] Cannot install with \"frozen-lockfile\"\n", download.App, "pnpm-lock.yaml is out of step"},
		"pnpm checksum":           {pnpmManager, "\u2009ERR_PNPM_TARBALL_INTEGRITY\u2009 Got unexpected checksum for \"https://example.com\"\n", download.Registry, "the registry serves something else"},
		"pnpm 401":                {pnpmManager, "\u2009ERR_PNPM_FETCH_401\u2009 GET https://example.com/a: Unauthorized - 401\n", download.App, "_authToken='${NPM_TOKEN}'"},
		"pnpm 404":                {pnpmManager, "\u2009ERR_PNPM_FETCH_404\u2009 GET https://example.com/a: Not Found - 404\n", download.App, "the registry does not have a package"},
		"pnpm 503":                {pnpmManager, "\u2009ERR_PNPM_FETCH_503\u2009 GET https://example.com/a: Service Unavailable - 503\n", download.Passing, "Try again later"},
		"pnpm down":               {pnpmManager, "\u2009ECONNREFUSED\u2009 request to https://example.com failed, reason: connect ECONNREFUSED\n", download.Passing, "Try again later"},
		"pnpm half a download":    {pnpmManager, "\u2009ECONNRESET\u2009 aborted\n\nError: aborted\n", download.Passing, "Try again later"},
		"pnpm install script":     {pnpmManager, ".../.pnpm/fail@1.0.0/node_modules/fail install: Failed\n ELIFECYCLE  Command failed with exit code 7.\n", download.App, "the install script of the package fail failed"},
		"pnpm scripts undecided":  {pnpmManager, "[ERR_PNPM_IGNORED_BUILDS] Ignored build scripts: esbuild\n", download.App, "pnpm approve-builds"},
		"Bun out of step":         {bunManager, "error: lockfile had changes, but lockfile is frozen\n", download.App, "bun install --lockfile-only\n  git add bun.lock"},
		"Bun checksum":            {bunManager, "error: Integrity check failed for tarball: wrong\n", download.Registry, "the registry serves something else"},
		"Bun 401":                 {bunManager, "error: GET https://example.com/secret-1.0.0.tgz - 401\n", download.App, "_authToken='${NPM_TOKEN}'"},
		"Bun 404":                 {bunManager, "error: GET https://example.com/gone-1.0.0.tgz - 404\n", download.App, "the registry does not have a package"},
		"Bun 503":                 {bunManager, "error: GET https://example.com/boom-1.0.0.tgz - 503\n", download.Passing, "Try again later"},
		"Bun down":                {bunManager, "error: ConnectionRefused downloading tarball foo@1.0.0\n", download.Passing, "Try again later"},
		"Bun half a download":     {bunManager, "error: ConnectionClosed downloading tarball half@1.0.0\n", download.Passing, "Try again later"},
		"Bun install script":      {bunManager, "error: install script from \"fail\" exited with 7\n", download.App, "the install script of the package fail failed"},
		"a command of no package": {pnpmManager, "sh: 1: webpack: not found\n ELIFECYCLE  Command failed.\n", download.App, "pnpm add --save-dev PACKAGE"},
	} {
		t.Run(name, func(t *testing.T) {
			output := tool.NewTail(io.Discard)
			if _, err := io.WriteString(output, test.printed); err != nil {
				t.Fatal(err)
			}
			a := app{choice: choice{manager: test.manager}}
			a.lock = locks[test.manager]
			err := scripts{app: a, driver: driver{manager: test.manager, program: "/x"}}.explain(ran{what: "it failed", err: &tool.ExitError{Code: 1}, output: output})
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q\ndoes not say\n%q", err, test.says)
			}
			if got := download.FaultOf(err); got != test.fault {
				t.Errorf("the fault is %q", got)
			}
		})
	}
}

func TestYarnMissing(t *testing.T) {
	text := "__metadata:\n  version: 8\n  cacheKey: 10c0\n"
	for _, name := range []string{"@acme/pad", "b", "c", "d", "e", "f", "g", "ms"} {
		text += "\n\"" + name + "@npm:^1.0.0\":\n  version: 1.0.0\n  resolution: \"" + name + "@npm:1.0.0\"\n  checksum: 10c0/0\n  languageName: node\n  linkType: hard\n"
	}
	text += "\n\"only-mac@npm:^1.0.0\":\n  version: 1.0.0\n  resolution: \"only-mac@npm:1.0.0\"\n  conditions: os=darwin\n  languageName: node\n  linkType: hard\n"
	l, err := lock.ReadBerry([]byte(text), lock.Manifest{}, false)
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for _, name := range []string{"ms-npm-1.0.0-81ff3cfac1-10c0.zip", "@acme-pad-npm-1.0.0-81ff3cfac1-10c0.zip"} {
		if err := os.WriteFile(filepath.Join(cache, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"b@1.0.0", "c@1.0.0", "d@1.0.0", "e@1.0.0", "f@1.0.0", "and 1 more"}, absent(l, cache)); diff != "" {
		t.Error(diff)
	}
}
