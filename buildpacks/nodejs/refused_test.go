package nodejs_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// Locks for tests.
const (
	noPackages = `{"lockfileVersion": 3, "packages": {"": {}}}`
	oneDep     = `{"dependencies": {"left-pad": "^1.3.0"}}`
	oneDepLock = `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "^1.3.0"}}, "node_modules/left-pad": {"version": "1.3.0"}}}`
)

// Lock files of other package managers, for the same dependency as oneDepLock.
const (
	yarnOneDep  = "# yarn lockfile v1\n\n\nleft-pad@^1.3.0:\n  version \"1.3.0\"\n"
	berryOneDep = "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n" +
		"  dependencies:\n    left-pad: \"npm:^1.3.0\"\n  languageName: unknown\n  linkType: soft\n\n" +
		"\"left-pad@npm:^1.3.0\":\n  version: 1.3.0\n  resolution: \"left-pad@npm:1.3.0\"\n  checksum: 10c0/0\n  languageName: node\n  linkType: hard\n"
	pnpmOneDep = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      left-pad:\n        specifier: ^1.3.0\n        version: 1.3.0\n\n" +
		"packages:\n\n  left-pad@1.3.0:\n    resolution: {integrity: sha512-abc}\n\nsnapshots:\n\n  left-pad@1.3.0: {}\n"
	bunOneDep = `{
  "lockfileVersion": 1,
  "workspaces": {
    "": {
      "name": "app",
      "dependencies": {
        "left-pad": "^1.3.0",
      },
    },
  },
  "packages": {
    "left-pad": ["left-pad@1.3.0", "", {}, "sha512-abc"],
  }
}
`
)

// What cannot be built is refused before anything is downloaded: there is no
// registry in these tests.
//
// Long: it is one table; a row is one mistake, with what is said of it.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		// says are the parts that the error must hold: the file, and what to type.
		says []string
	}{
		"package.json is empty": {
			files: map[string]string{"package.json": " \n"},
			says:  []string{"package.json is empty"},
		},
		"package.json is not valid": {
			files: map[string]string{"package.json": "{\n  \"name\": \"a\",\n  \"scripts\": {\n\t\"start\": \"x\",\n\t}\n}\n"},
			says:  []string{"package.json is not valid JSON", "line 5, column 2:", "\n  \t}\n  \t^"},
		},
		"package.json ends too soon": {
			files: map[string]string{"package.json": "{\"name\": \"a\""},
			says:  []string{"package.json is not valid JSON", "line 1, column 12: unexpected end of JSON input"},
		},
		"package.json is a list": {
			files: map[string]string{"package.json": "[]"},
			says:  []string{"package.json is not a JSON object, but an array"},
		},
		"a field has a wrong type": {
			files: map[string]string{"package.json": "{\n  \"dependencies\": {\"a\": 1}\n}"},
			says:  []string{`package.json: "dependencies" is a number`, "line 2, column 25: expected a string"},
		},
		"package.json holds an unfinished merge": {
			files: map[string]string{"package.json": "{\n<<<<<<< HEAD\n  \"name\": \"a\"\n=======\n  \"name\": \"b\"\n>>>>>>> theirs\n}\n"},
			says:  []string{"package.json holds an unfinished merge", "line 2: <<<<<<< HEAD", "git add package.json"},
		},
		"the lock file holds an unfinished merge": {
			files: map[string]string{"package.json": oneDep, "package-lock.json": "{\n}\n>>>>>>> theirs\n"},
			says:  []string{"package-lock.json holds an unfinished merge", "line 3:", "npm install --package-lock-only", "git add package-lock.json"},
		},
		"there is no lock file": {
			files: map[string]string{"package.json": oneDep},
			says:  []string{"there is no package-lock.json", "npm install --package-lock-only", "git add package-lock.json", ".gitignore"},
		},
		"the lock file is not valid": {
			files: map[string]string{"package.json": oneDep, "package-lock.json": "{\"lockfileVersion\": 3,}"},
			says:  []string{"package-lock.json is not valid JSON", "line 1, column 23"},
		},
		"the lock file is none": {
			files: map[string]string{"package.json": oneDep, "package-lock.json": `{"lockfileVersion": 3}`},
			says:  []string{"package-lock.json is not a lock file of npm", "rm package-lock.json", "npm install --package-lock-only"},
		},
		"two lock files": {
			files: map[string]string{"package.json": oneDep, "package-lock.json": oneDepLock, "yarn.lock": ""},
			says:  []string{"lock files of several package managers: package-lock.json, yarn.lock", "git rm yarn.lock    # when npm", "git rm package-lock.json    # when Yarn"},
		},
		"two lock files, and package.json says whose counts": {
			files: map[string]string{"package.json": `{"packageManager": "pnpm@9.1.0"}`, "package-lock.json": oneDepLock, "pnpm-lock.yaml": "", "yarn.lock": ""},
			says:  []string{"package-lock.json, yarn.lock, pnpm-lock.yaml", "  git rm package-lock.json\n  git rm yarn.lock"},
		},
		"both lock files of npm": {
			files: map[string]string{"package.json": oneDep, "package-lock.json": oneDepLock, "npm-shrinkwrap.json": oneDepLock},
			says:  []string{"two lock files of npm: package-lock.json and npm-shrinkwrap.json", "git rm package-lock.json"},
		},
		"both lock files of Bun": {
			files: map[string]string{"package.json": oneDep, "bun.lock": bunOneDep, "bun.lockb": "\x00"},
			says:  []string{"two lock files of Bun: bun.lock and bun.lockb", "git rm bun.lockb"},
		},
		"a lock file of another package manager than package.json names": {
			files: map[string]string{"package.json": `{"packageManager": "pnpm@10.1.0", "dependencies": {"left-pad": "^1.3.0"}}`, "yarn.lock": yarnOneDep},
			says: []string{"packageManager in package.json asks for pnpm, but the lock file is yarn.lock of Yarn",
				"  pnpm install --lockfile-only\n  git rm yarn.lock\n  git add pnpm-lock.yaml", "  npm pkg delete packageManager\n  git add package.json"},
		},
		"a package manager that nobody knows": {
			files: map[string]string{"package.json": `{"packageManager": "cargo@1.0.0"}`},
			says:  []string{`"cargo@1.0.0" in packageManager of package.json`, "npm, Yarn, pnpm and Bun", "npm pkg set packageManager=npm@VERSION"},
		},
		"a package manager by address": {
			files: map[string]string{"package.json": `{"packageManager": "yarn@https://example.com/yarn.js"}`},
			says:  []string{"packageManager in package.json is an address", "npm pkg set packageManager=yarn@VERSION"},
		},
		"a checksum that is none": {
			files: map[string]string{"package.json": `{"packageManager": "pnpm@10.1.0+sha512.abc"}`},
			says:  []string{"packageManager in package.json cannot be read: sha512.abc", "corepack use pnpm@10.1.0"},
		},
		"no lock file of Yarn": {
			files: map[string]string{"package.json": `{"packageManager": "yarn@4.5.3", "dependencies": {"a": "1"}}`},
			says:  []string{"there is no yarn.lock", "yarn install --mode=update-lockfile", "git add yarn.lock"},
		},
		"no lock file of Yarn 1": {
			files: map[string]string{"package.json": `{"engines": {"yarn": "1.x"}, "dependencies": {"a": "1"}}`},
			says:  []string{"there is no yarn.lock", "  yarn install\n", "git add yarn.lock"},
		},
		"no lock file of pnpm": {
			files: map[string]string{"package.json": `{"packageManager": "pnpm@10.0.0", "dependencies": {"a": "1"}}`},
			says:  []string{"there is no pnpm-lock.yaml", "pnpm install --lockfile-only", "git add pnpm-lock.yaml"},
		},
		"no lock file of Bun": {
			files: map[string]string{"package.json": `{"devEngines": {"packageManager": {"name": "bun"}}, "dependencies": {"a": "1"}}`},
			says:  []string{"there is no bun.lock", "bun install --lockfile-only", "git add bun.lock"},
		},
		"a yarn.lock of Yarn 1 that is out of step": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^1.4.0", "ms": "2"}}`, "yarn.lock": yarnOneDep},
			says: []string{"yarn.lock is out of step with package.json\n  left-pad: package.json wants ^1.4.0, yarn.lock has 1.3.0\n  ms: package.json wants 2, yarn.lock does not have it",
				"  yarn install\n  git add yarn.lock"},
		},
		"a yarn.lock that is out of step": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^1.4.0"}}`, "yarn.lock": berryOneDep},
			says:  []string{"left-pad: package.json wants ^1.4.0, yarn.lock was made for npm:^1.3.0", "yarn install --mode=update-lockfile", "git add yarn.lock"},
		},
		"a yarn.lock that has more than is wanted": {
			files: map[string]string{"package.json": `{}`, "yarn.lock": berryOneDep},
			says:  []string{"left-pad: yarn.lock has it, package.json does not want it any more"},
		},
		"a yarn.lock of Yarn 1, and a later Yarn": {
			files: map[string]string{"package.json": `{"packageManager": "yarn@4.5.3", "dependencies": {"left-pad": "^1.3.0"}}`, "yarn.lock": yarnOneDep},
			says:  []string{"yarn.lock is that of Yarn 1, but packageManager in package.json asks for Yarn 4.5.3", "yarn install --mode=update-lockfile", "npm pkg set packageManager=yarn@1.22.22"},
		},
		"a yarn.lock of a later Yarn, and Yarn 1": {
			files: map[string]string{"package.json": `{"packageManager": "yarn@1.22.22", "dependencies": {"left-pad": "^1.3.0"}}`, "yarn.lock": berryOneDep},
			says:  []string{"yarn.lock is that of Yarn 2 or later, but packageManager in package.json asks for Yarn 1.22.22", "rm yarn.lock"},
		},
		"a yarn.lock that is not valid": {
			files: map[string]string{"package.json": oneDep, "yarn.lock": "\"left-pad@^1.3.0:\n  version \"1\"\n"},
			says:  []string{"yarn.lock cannot be read", "line 1:", "rm yarn.lock", "yarn install"},
		},
		"a Yarn that is not there": {
			files: map[string]string{"package.json": oneDep, "yarn.lock": berryOneDep, ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.5.3.cjs\n"},
			says:  []string{".yarnrc.yml names the Yarn .yarn/releases/yarn-4.5.3.cjs, which is not in the app", "git add --force .yarn/releases/yarn-4.5.3.cjs", ".slugignore"},
		},
		"a pnpm-lock.yaml that is out of step": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^1.4.0"}, "devDependencies": {"ms": "2"}}`, "pnpm-lock.yaml": pnpmOneDep},
			says: []string{"pnpm-lock.yaml is out of step with package.json\n  left-pad: package.json wants ^1.4.0, pnpm-lock.yaml was made for ^1.3.0\n  ms: package.json wants 2, pnpm-lock.yaml does not have it",
				"pnpm install --lockfile-only", "git add pnpm-lock.yaml"},
		},
		"a pnpm-lock.yaml that is none": {
			files: map[string]string{"package.json": oneDep, "pnpm-lock.yaml": ""},
			says:  []string{"pnpm-lock.yaml is not a lock file of pnpm", "rm pnpm-lock.yaml", "pnpm install --lockfile-only"},
		},
		"a pnpm-lock.yaml with an unfinished merge": {
			files: map[string]string{"package.json": oneDep, "pnpm-lock.yaml": "lockfileVersion: '9.0'\n<<<<<<< HEAD\n"},
			says:  []string{"pnpm-lock.yaml holds an unfinished merge", "line 2", "git checkout --theirs pnpm-lock.yaml\n  pnpm install --lockfile-only"},
		},
		"a pnpm-workspace.yaml that is not valid": {
			files: map[string]string{"package.json": oneDep, "pnpm-lock.yaml": pnpmOneDep, "pnpm-workspace.yaml": "packages:\n\t- a\n"},
			says:  []string{"pnpm-workspace.yaml is not as expected", "line 2"},
		},
		"a bun.lock that is out of step": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^1.4.0"}}`, "bun.lock": bunOneDep},
			says: []string{"bun.lock is out of step with package.json\n  left-pad: package.json wants ^1.4.0, bun.lock was made for ^1.3.0",
				"bun install --lockfile-only", "git add bun.lock"},
		},
		"a bun.lock that is not valid": {
			files: map[string]string{"package.json": oneDep, "bun.lock": "{\n  // a comment\n  \"lockfileVersion\": 1,\n  oops\n}"},
			says:  []string{"bun.lock is not valid JSON", "line 4, column 3"},
		},
		"a dependency is not in the lock file": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^1.3.0", "ms": "2"}, "devDependencies": {"jest": "^29"}}`, "package-lock.json": oneDepLock},
			says: []string{"package-lock.json is out of step with package.json", "  jest: package.json wants ^29, package-lock.json does not have it\n  ms: package.json wants 2, package-lock.json does not have it",
				"npm install --package-lock-only", "git add package-lock.json"},
		},
		"a dependency has another version": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^2.0.0"}}`, "package-lock.json": oneDepLock},
			says:  []string{"left-pad: package.json wants ^2.0.0, package-lock.json has 1.3.0"},
		},
		"a dependency under another name has another version": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "npm:@acme/pad@2"}}`, "package-lock.json": oneDepLock},
			says:  []string{"left-pad: package.json wants npm:@acme/pad@2, package-lock.json has 1.3.0"},
		},
		"a dependency has another version in an old lock file": {
			files: map[string]string{"package.json": `{"dependencies": {"left-pad": "^2.0.0"}}`, "package-lock.json": `{"lockfileVersion": 1, "dependencies": {"left-pad": {"version": "1.3.0"}}}`},
			says:  []string{"left-pad: package.json wants ^2.0.0, package-lock.json has 1.3.0"},
		},
		"a dependency of a workspace is not in the lock file": {
			files: map[string]string{
				"package.json":            `{"workspaces": ["packages/*"]}`,
				"packages/a/package.json": `{"dependencies": {"ms": "2"}}`,
				"package-lock.json":       `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"resolved": "packages/a", "link": true}, "packages/a": {}}}`,
			},
			says: []string{"ms: packages/a/package.json wants 2, package-lock.json does not have it"},
		},
		"a workspace is gone": {
			files: map[string]string{
				"package.json":      `{"workspaces": ["packages/*"]}`,
				"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"resolved": "packages/a", "link": true}, "packages/a": {}}}`,
			},
			says: []string{"names the directory packages/a, which has no package.json"},
		},
		"the version of Node.js is no version": {
			files: map[string]string{"package.json": `{"engines": {"node": "newest"}}`},
			says:  []string{`engines.node "newest" in package.json does not say which Node.js to use`, "npm pkg set engines.node=24.x"},
		},
		"a version that is too old": {
			files: map[string]string{"package.json": `{"engines": {"node": "14.x"}}`},
			says:  []string{"Node.js 14.x is too old: slugc installs 16 and later", "engines.node in package.json asks for it", "npm pkg set engines.node=24.x"},
		},
		"an exact version that is too old": {
			files: map[string]string{"package.json": `{}`, ".nvmrc": "v12.18.3\n"},
			says:  []string{"Node.js v12.18.3 is too old", ".nvmrc asks for it", "npm pkg set engines.node=24.x"},
		},
		"a misspelled version file": {
			files: map[string]string{"package.json": `{}`, ".node_version": "22\n"},
			says:  []string{".node_version says which Node.js to use under a name that nobody reads", "git mv .node_version .node-version"},
		},
		"a line that there is not": {
			files: map[string]string{"package.json": `{}`, ".nvmrc": "lts/unobtainium\n"},
			says:  []string{`.nvmrc "lts/unobtainium"`, "lts/jod, lts/krypton", "npm pkg set engines.node=24.x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Env["NPM_CONFIG_REGISTRY"] = "http://registry.invalid"
			s.write(test.files)
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
		})
	}
}

// What npm accepts is not refused: these builds get as far as the registry.
func TestNotRefused(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"the lock file was made for another range, but meets this one": {
			"package.json": `{"dependencies": {"left-pad": "^1.2.0"}}`, "package-lock.json": oneDepLock},
		"the lock file has more than is wanted": {
			"package.json": `{"dependencies": {}, "devDependencies": {}}`, "package-lock.json": oneDepLock},
		"an optional dependency is missing": {
			"package.json": `{"optionalDependencies": {"fsevents": "2"}}`, "package-lock.json": noPackages},
		"a dependency is a tag": {
			"package.json": `{"dependencies": {"left-pad": "latest"}}`, "package-lock.json": oneDepLock},
		"a dependency is an address": {
			"package.json": `{"dependencies": {"left-pad": "github:left/pad"}}`, "package-lock.json": oneDepLock},
		"a dependency is any version, and locked to a prerelease": {
			"package.json":      `{"dependencies": {"left-pad": "*"}}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/left-pad": {"version": "2.0.0-rc.1"}}}`},
		"versions are overridden": {
			"package.json": `{"dependencies": {"left-pad": "^2"}, "overrides": {"left-pad": "1.3.0"}}`, "package-lock.json": oneDepLock},
		"old versions that are not the only ones": {
			"package.json": `{"engines": {"node": "^12.0.0 || ^14.17.0 || >=16"}}`},
		"at least an old version": {
			"package.json": `{"engines": {"node": ">=8.1"}}`},
		"a byte order mark": {
			"package.json": "\ufeff" + oneDep, "package-lock.json": "\ufeff" + oneDepLock},
		"an old form of engines": {
			"package.json": `{"engines": ["node >= 0.8"], "dependencies": {}}`},
		"a merge mark within a text": {
			"package.json": `{"description": "how to read <<<<<<< HEAD"}`},
		"only a shrinkwrap": {
			"package.json": oneDep, "npm-shrinkwrap.json": oneDepLock},
		"packageManager names npm": {
			"package.json": `{"packageManager": "npm@10.9.9"}`},
		"a workspace finds its dependency at the root": {
			"package.json":            `{"workspaces": ["packages/*"], "dependencies": {"left-pad": "^1.3.0"}}`,
			"packages/a/package.json": `{"dependencies": {"left-pad": "1.x"}}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/left-pad": {"version": "1.3.0"},
				"node_modules/a": {"resolved": "packages/a", "link": true}, "packages/a": {}}}`},
		"a workspace wants another workspace": {
			"package.json":            `{"workspaces": ["packages/*"]}`,
			"packages/a/package.json": `{"dependencies": {"b": "^1.0.0"}}`,
			"packages/b/package.json": `{"version": "1.0.0"}`,
			"package-lock.json": `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"resolved": "packages/a", "link": true}, "packages/a": {},
				"node_modules/b": {"resolved": "packages/b", "link": true}, "packages/b": {"version": "1.0.0"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Env["NPM_CONFIG_REGISTRY"] = "not an address"
			s.write(files)
			if _, err := s.build(); err == nil || !strings.Contains(err.Error(), "not an address") {
				t.Errorf("got %v", err)
			}
		})
	}
}
