package nodejs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/download"
)

func TestMembers(t *testing.T) {
	spec.Run(t, "a member of a workspace", testMembers)
}

// monorepo is a workspace of npm: web depends on words, and needs is for its
// development; nobody depends on other.
var monorepo = map[string]string{
	"package.json": `{"workspaces": ["packages/*"], "engines": {"node": "22.x", "npm": "10.8.2"}, "devDependencies": {"jest": "29.x"}}`,
	"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {"devDependencies": {"jest": "29.x"}},
		"node_modules/web": {"resolved": "packages/web", "link": true}, "packages/web": {"dependencies": {"left-pad": "^1.3.0", "words": "1"}, "devDependencies": {"needs": "1"}},
		"node_modules/words": {"resolved": "packages/words", "link": true}, "packages/words": {"version": "1.0.0"},
		"node_modules/needs": {"resolved": "packages/needs", "link": true}, "packages/needs": {"version": "1.0.0"},
		"node_modules/other": {"resolved": "packages/other", "link": true}, "packages/other": {"version": "1.0.0"},
		"node_modules/left-pad": {"version": "1.3.0"},
		"node_modules/jest": {"version": "29.0.0", "dev": true}, "node_modules/@types/jest": {"version": "29.0.0", "dev": true}}}`,
	"packages/web/package.json":    `{"name": "web", "scripts": {"start": "node server.js", "build": "x"}, "dependencies": {"left-pad": "^1.3.0", "words": "1"}, "devDependencies": {"needs": "1"}}`,
	"packages/words/package.json":  `{"name": "words", "version": "1.0.0", "scripts": {"build": "x"}, "dependencies": {"needs": "1"}}`,
	"packages/needs/package.json":  `{"name": "needs", "version": "1.0.0", "scripts": {"build": "x"}}`,
	"packages/other/package.json":  `{"name": "other", "version": "1.0.0", "scripts": {"build": "x", "postinstall": "x"}}`,
	"packages/web/fake-build.sh":   "pwd; cat ../words/dist ../../node_modules/left-pad/index.js >dist\n",
	"packages/words/fake-build.sh": "pwd; cat ../needs/dist >dist\n",
	"packages/needs/fake-build.sh": "pwd; echo needed >dist\n",
	"fake-ci.sh":                   "pwd\n" + fakeCI + "\nln -s ../packages/words node_modules/words\n",
}

func testMembers(t *testing.T, _ spec.G, it spec.S) {
	var (
		s   *site
		rec *languagetest.Recorder
	)
	it.Before(func() {
		s = newFakeSite(t, fakeRegistry(t))
		s.remove("package.json", "package-lock.json")
		s.write(monorepo)
		s.Member = "packages/web"
		rec = &languagetest.Recorder{To: s.Runner}
		s.Runner = rec
	})

	it("installs in the root for the member, builds what it depends on first, and starts it", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out, `Node.js 22.23.3 (engines.node "22.x" in package.json)`, `npm 10.8.2 (engines.npm "10.8.2" in package.json)`,
			`Running the script "build" of packages/needs`, "Left out 2 packages", "web: node server.js")
		want := []string{
			"npm ci --include=dev --workspace=packages/web --include-workspace-root --prefer-offline",
			"npm run build", "npm run build", "npm run build",
		}
		if diff := cmp.Diff(want, rec.Runs); diff != "" {
			t.Error(diff)
		}
		if got := s.Read("app", "packages", "web", "dist"); got != "needed\npad\n" {
			t.Errorf("built %q", got)
		}
		if s.Has("layers", "modules", "node_modules", "jest") || !s.Has("layers", "modules-dev", "node_modules", "jest") {
			t.Error("what goes where it should not")
		}
		if link, err := os.Readlink(filepath.Join(s.App, "node_modules")); err != nil || link != "../layers/modules/node_modules" {
			t.Errorf("got %q, %v", link, err)
		}
		if link, err := os.Readlink(filepath.Join(s.Layers, "modules/node_modules/words")); err != nil || link != "../../../app/packages/words" {
			t.Errorf("got %q, %v", link, err)
		}
		home := filepath.Join(s.Layers, "modules")
		if got := s.Read("layers", "modules", "env.launch", "PATH.prepend"); got != home+"/packages/web/node_modules/.bin:"+home+"/node_modules/.bin" {
			t.Errorf("got %q", got)
		}
		var launch libcnb.LaunchTOML
		if _, err := toml.Decode(s.Read("layers", "launch.toml"), &launch); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]libcnb.Process{{Type: "web", Command: []string{"node", "server.js"}, Default: true}}, launch.Processes); diff != "" {
			t.Error(diff)
		}
	})

	it("does nothing the second time, and runs scripts alone when something beside it changed", func() {
		s.mustBuild()
		before := s.LayerStamps()
		rec.Runs = nil
		s.remake(nil)
		languagetest.Holds(t, s.mustBuild(), "Reusing node_modules (package-lock.json unchanged)", "Reusing what they made")
		if diff := cmp.Diff([]string(nil), rec.Runs); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before, s.LayerStamps()); diff != "" {
			t.Error(diff)
		}
		if s.Read("app", "packages", "words", "dist") != "needed\n" {
			t.Error("what was made beside the app is not there")
		}

		s.remake(map[string]string{
			"packages/other/index.js":     "// a line",
			"packages/other/package.json": `{"name": "other", "version": "1.0.1", "scripts": {"build": "x", "postinstall": "y"}}`,
		})
		languagetest.Holds(t, s.mustBuild(), "Reusing node_modules (package-lock.json unchanged)", "Reusing the pruned node_modules")
		if diff := cmp.Diff([]string{"npm run build", "npm run build", "npm run build"}, rec.Runs); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(of(before, "modules", "npm", "node"), of(s.LayerStamps(), "modules", "npm", "node")); diff != "" {
			t.Error(diff)
		}
	})

	it("takes the settings of the root, and what the member says before what the root says", func() {
		s.write(map[string]string{".npmrc": "registry=" + s.Env["NPM_CONFIG_REGISTRY"] + "\n", "packages/web/.nvmrc": "20\n"})
		delete(s.Env, "NPM_CONFIG_REGISTRY")
		out := s.mustBuild()
		languagetest.Holds(t, out, `Node.js 20.20.2 (packages/web/.nvmrc "20")`, "Passing over engines.node \"22.x\" in package.json")
		s.write(map[string]string{".npmrc": "registry=" + "http://registry.invalid\n", "packages/web/.nvmrc": "18\n"})
		if _, err := s.build(); err == nil || download.FaultOf(err) == download.App {
			t.Errorf("got %v", err)
		}
	})
}

// What is wrong with a workspace is known before anything is downloaded: there is
// no registry in this test.
func TestRefusedMembers(t *testing.T) {
	const web, ownLock = "packages/web/package.json", "packages/web/package-lock.json"
	for name, test := range map[string]struct {
		member string
		files  map[string]string
		remove []string
		want   string
	}{
		"the root has no lock file": {
			remove: []string{"package-lock.json"},
			want: "there is no package-lock.json in the root of the workspace of packages/web\n" +
				"packages/web/package.json asks for 3 packages, but not for one version of each, so two builds could differ. Make a lock file and commit it:\n" +
				"  npm install --package-lock-only\n  git add package-lock.json\n  git commit -m \"Lock the versions of packages\"\n" +
				"if it is there on your machine, see whether .gitignore or .slugignore lists it",
		},
		"the root does not list the app": {
			files: map[string]string{"package.json": `{"workspaces": {"packages": ["packages/w*", "!packages/web"]}}`},
			want: "packages/web is not in the workspace: package.json lists packages/w*, !packages/web\n" +
				"it has no lock file of its own, so nothing says which packages to install. Add it, and make the lock file again:\n" +
				"  npm pkg set \"workspaces.packages[]=packages/web\"\n  npm install --package-lock-only\n  git add package.json package-lock.json\n" +
				"or give it a lock file of its own:\n" +
				"  cd packages/web && npm install --package-lock-only --workspaces=false\n  git add package-lock.json",
		},
		"two lock files": {
			files: map[string]string{ownLock: oneDepLock},
			want: "there are two lock files: packages/web/package-lock.json, and package-lock.json of the workspace\n" +
				"package.json lists packages/web, so what is installed is what package-lock.json says. Remove the other one:\n" +
				"  git rm packages/web/package-lock.json\n" +
				"or take packages/web out of the workspace, and make the lock file of that again:\n" +
				"  edit package.json\n  npm install --package-lock-only\n  git add package.json package-lock.json",
		},
		"out of step": {
			files: map[string]string{web: `{"name": "web", "dependencies": {"left-pad": "^2.0.0", "right-pad": "1"}}`},
			want: "package-lock.json is out of step with packages/web/package.json\n" +
				"  left-pad: packages/web/package.json wants ^2.0.0, package-lock.json has 1.3.0\n" +
				"  right-pad: packages/web/package.json wants 1, package-lock.json does not have it\n" +
				"a build installs what the lock file says and nothing else. Update it and commit it:\n" +
				"  npm install --package-lock-only\n  git add package-lock.json\n  git commit -m \"Update package-lock.json\"",
		},
		"the lock file does not know the app": {
			files: map[string]string{"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}}}`, "package.json": `{"workspaces": ["packages/*"]}`, web: `{"name": "web"}`},
			want: "package-lock.json is out of step with packages/web/package.json\n" +
				"  packages/web/package.json: package-lock.json does not know this directory\n" +
				"a build installs what the lock file says and nothing else. Update it and commit it:\n" +
				"  npm install --package-lock-only\n  git add package-lock.json\n  git commit -m \"Update package-lock.json\"",
		},
		"a lock file above, of no workspace": {
			files: map[string]string{"package.json": "{}"},
			want: "there is no package-lock.json\n" +
				"package.json asks for 3 packages, but not for one version of each, so two builds could differ. Make a lock file and commit it:\n" +
				"  npm install --package-lock-only\n  git add package-lock.json\n  git commit -m \"Lock the versions of packages\"\n" +
				"if it is there on your machine, see whether .gitignore or .slugignore lists it\n" +
				"../../package-lock.json does not list it: that is of no workspace",
		},
		"pnpm's workspace does not list the app": {
			files:  map[string]string{"pnpm-workspace.yaml": "packages:\n  - packages/words\n", "pnpm-lock.yaml": pnpmOneDep, "package.json": "{}"},
			remove: []string{"package-lock.json"},
			want: "packages/web is not in the workspace: pnpm-workspace.yaml lists packages/words\n" +
				"it has no lock file of its own, so nothing says which packages to install. Add it, and make the lock file again:\n" +
				"  echo '  - packages/web'    # a line of packages in pnpm-workspace.yaml\n  pnpm install --lockfile-only\n  git add pnpm-workspace.yaml pnpm-lock.yaml\n" +
				"or give it a lock file of its own:\n" +
				"  cd packages/web && pnpm install --lockfile-only --ignore-workspace\n  git add pnpm-lock.yaml",
		},
		"a root that is not the top of the source": {
			member: "js/web",
			files:  map[string]string{"js/package.json": `{"workspaces": ["*"], "packageManager": "pnpm@10.1.0"}`, "js/web/package.json": oneDep, "package-lock.json": noPackages},
			want: "in js, the root of the workspace: there is no pnpm-lock.yaml in the root of the workspace of web\n" +
				"web/package.json asks for 1 packages, but not for one version of each, so two builds could differ. Make a lock file and commit it:\n" +
				"  pnpm install --lockfile-only\n  git add pnpm-lock.yaml\n  git commit -m \"Lock the versions of packages\"\n" +
				"if it is there on your machine, see whether .gitignore or .slugignore lists it",
		},
		"another package manager than the root's": {
			files: map[string]string{web: `{"name": "web", "packageManager": "pnpm@10.1.0"}`},
			want: "packageManager in packages/web/package.json asks for pnpm, but the lock file is package-lock.json of npm\n" +
				"to build with pnpm, make its lock file:\n  pnpm install --lockfile-only\n  git rm package-lock.json\n  git add pnpm-lock.yaml\n" +
				"or to build with npm:\n  npm pkg delete packageManager\n  git add packages/web/package.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Env["NPM_CONFIG_REGISTRY"] = "http://registry.invalid"
			s.Member = "packages/web"
			if test.member != "" {
				s.Member = test.member
			} else {
				s.write(monorepo)
			}
			s.remove(test.remove...)
			s.write(test.files)
			_, err := s.build()
			if err == nil || download.FaultOf(err) != download.App {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
