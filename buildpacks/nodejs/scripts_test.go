package nodejs_test

import (
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

func testScripts(t *testing.T, _ spec.G, it spec.S) {
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

	// with gives the app scripts that all succeed.
	with := func(names ...string) {
		var fields []string
		for _, name := range names {
			fields = append(fields, `"`+name+`": "x"`)
			s.write(map[string]string{"fake-" + name + ".sh": "true"})
		}
		s.write(map[string]string{"package.json": `{"engines": {"node": "22.x"}, "scripts": {` + strings.Join(fields, ",") + `}, "dependencies": {"left-pad": "^1.3.0"}}`})
	}

	it("runs those that build the app, in Heroku's order", func() {
		for _, test := range []struct{ scripts, want string }{
			{"build", "ci build"},
			{"heroku-prebuild build heroku-cleanup", "heroku-prebuild ci build heroku-cleanup"},
			{"build heroku-postbuild", "ci heroku-postbuild"},
			{"build heroku-build heroku-postbuild", "ci heroku-build heroku-postbuild"},
			{"start test lint", "ci"},
			// npm ci runs these itself.
			{"postinstall prepare", "ci"},
		} {
			runner.Runs = nil
			with(strings.Fields(test.scripts)...)
			if err := os.RemoveAll(filepath.Join(s.Layers, "modules")); err != nil {
				t.Fatal(err)
			}
			s.mustBuild()
			var got []string
			for _, run := range runner.Runs {
				got = append(got, strings.Fields(strings.TrimPrefix(strings.TrimPrefix(run, "npm "), "run "))[0])
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s: %s", test.scripts, diff)
			}
		}
	})

	it("runs those of the installation also when the packages are kept", func() {
		with("preinstall", "install", "postinstall", "prepare", "build")
		s.mustBuild()
		s.remake(map[string]string{"page.html": "one"})
		runner.Runs = nil
		s.mustBuild()
		// "npm run install" runs the two around it.
		if diff := cmp.Diff([]string{"npm run install", "npm run prepare", "npm run build"}, runner.Runs); diff != "" {
			t.Error(diff)
		}
		with("postinstall", "prepare")
		s.mustBuild()
		s.remake(map[string]string{"page.html": "two"})
		runner.Runs = nil
		s.mustBuild()
		if diff := cmp.Diff([]string{"npm run postinstall", "npm run prepare"}, runner.Runs); diff != "" {
			t.Error(diff)
		}
	})

	it("gives them an environment in which npm works", func() {
		s.Env["SECRET"] = "passes"
		delete(s.Env, "HOME")
		s.mustBuild()
		env := runner.Envs[0]
		for name, want := range map[string]string{
			"SECRET": "passes", "CI": "true", "NODE_ENV": "production", "NODE_HOME": filepath.Join(s.Layers, "node"),
			"NPM_CONFIG_REGISTRY": registry.URL, "npm_config_cache": filepath.Join(s.Layers, "npm-cache"),
			"npm_config_audit": "false", "npm_config_loglevel": "error", "npm_config_fetch_retries": "2", "npm_config_logs_max": "0",
		} {
			if env[name] != want {
				t.Errorf("%s is %q, expected %q", name, env[name], want)
			}
		}
		if !strings.HasPrefix(env["PATH"], filepath.Join(s.Layers, "node", "bin")+":"+filepath.Join(s.Layers, "npm", "bin")+":") {
			t.Errorf("PATH is %q", env["PATH"])
		}
		if env["HOME"] == "" {
			t.Error("HOME is not set")
		}
	})

	it("does not overrule the app's own settings of npm", func() {
		s.write(map[string]string{".npmrc": "loglevel=verbose\nfetch-retries=7\n"})
		s.mustBuild()
		if env := runner.Envs[0]; env["npm_config_loglevel"] != "" || env["npm_config_fetch_retries"] != "" {
			t.Errorf("the environment has %q and %q", env["npm_config_loglevel"], env["npm_config_fetch_retries"])
		}
	})

	it("says which script failed, how, and with which words", func() {
		with("build")
		s.write(map[string]string{"fake-build.sh": "echo first; echo src/a.ts: error; echo; exit 2"})
		out, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, out, "       src/a.ts: error")
		want := `the app's script "build" failed: exit status 2
it is the app's own: "build": "x" in package.json
its last lines:
  > build
  first
  src/a.ts: error
see it fail on your machine:
  npm ci
  npm run build`
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
	})

	it("knows the causes of failures", func() {
		for name, test := range map[string]struct {
			prints string
			fault  download.Fault
			says   []string
		}{
			"the lock file is out of step": {"npm error code EUSAGE\nnpm error Missing: ms@2.1.3 from lock file", download.App,
				[]string{"Missing: ms@2.1.3", "npm install --package-lock-only", "git add package-lock.json"}},
			"peers exclude each other": {"npm ERR! code ERESOLVE", download.App, []string{"legacy-peer-deps=true --location=project"}},
			"a package is not there":   {"npm error code E404", download.App, []string{"@SCOPE:registry="}},
			"a version is not there":   {"npm error code ETARGET", download.App, []string{"version that is locked"}},
			"a login is wanted":        {"npm error code E401", download.App, []string{":_authToken="}},
			"a package is another":     {"npm error code EINTEGRITY", download.Registry, []string{"serves something else than package-lock.json says"}},
			"the registry is slow":     {"npm error code ETIMEDOUT", download.Passing, []string{"Try again later"}},
			"the registry is away":     {"npm error code ECONNREFUSED", download.Passing, []string{"Try again later"}},
			"the registry is unknown":  {"npm error code ENOTFOUND", download.Passing, nil},
			"the registry resets":      {"npm error code ECONNRESET", download.Passing, nil},
			"the registry fails":       {"npm error code E503", download.Passing, nil},
			"the name is not resolved": {"npm error code EAI_AGAIN", download.Passing, nil},
			"an authority is unknown":  {"npm error code SELF_SIGNED_CERT_IN_CHAIN", download.App, []string{"export NODE_EXTRA_CA_CERTS="}},
			"memory":                   {"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", download.App, []string{"--max-old-space-size=4096"}},
			"python":                   {"npm error code 1\nnpm error gyp ERR! find Python", download.App, []string{"needs python3"}},
			"make":                     {"npm error gyp ERR! stack Error: not found: make", download.App, []string{"needs make and g++"}},
			"compiler":                 {"make: g++: No such file or directory", download.App, []string{"needs make and g++"}},
			"disk":                     {"npm error code ENOSPC", download.Passing, []string{"slugc cache prune"}},
			"openssl":                  {"  code: 'ERR_OSSL_EVP_UNSUPPORTED'", download.App, []string{"--openssl-legacy-provider"}},
			"a command is missing":     {"sh: 1: tsc: not found", download.App, []string{"npm install --save-dev PACKAGE"}},
			"a package's script": {"npm error code 1\nnpm error path /app/node_modules/@acme/thing\nnpm error command failed", download.App,
				[]string{"the install script of the package @acme/thing failed"}},
			"something else": {"boom", download.App, []string{"npm ci failed: exit status 1", "  boom"}},
		} {
			t.Run(name, func(t *testing.T) {
				s.write(map[string]string{"fake-ci.sh": "cat <<'EOF'\n" + test.prints + "\nEOF\nexit 1"})
				_, err := s.build()
				if err == nil || download.FaultOf(err) != test.fault {
					t.Fatalf("got %v with the fault %q", err, download.FaultOf(err))
				}
				languagetest.Holds(t, err.Error(), append(test.says, "npm ci failed: exit status 1")...)
				if original := s.Read("app", "package-lock.json"); original != oneDepLock {
					t.Errorf("the lock file is %q", original)
				}
			})
		}
	})
}
