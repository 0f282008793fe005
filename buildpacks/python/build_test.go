package python_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/download"
)

func TestBuild(t *testing.T) {
	suite := spec.New("build")
	suite("packages", testPackages)
	suite("hooks and Django", testHooks)
	suite("versions", testVersions)
	suite("registries", testRegistries)
	suite.Run(t)
}

func testPackages(t *testing.T, _ spec.G, it spec.S) {
	var (
		r registries
		s *site
	)
	it.Before(func() {
		r = newRegistries(t)
		s = connected(t, r)
	})

	it("installs Python and the packages and says how the app starts", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out,
			`       Python 3.13.1 (.python-version "3.13")`,
			"Downloaded Python 3.13.1 (not in the cache)", "Downloaded uv 9.9.9 (not in the cache)",
			"Installing into a new environment (not in the cache)",
			"uv pip install --python", "-r requirements.txt --no-build",
			"web: gunicorn --bind 0.0.0.0:${PORT:-8000} app:app (Flask in app.py)")
		want := []string{
			"bin/python -> DIR/layers/python/bin/python3.13", "bin/python3 -> python", "bin/python3.13 -> python",
			"env.build/PATH.delim", "env.build/PATH.prepend", "env.build/VIRTUAL_ENV.override",
			"env.launch/FORWARDED_ALLOW_IPS.default", "env.launch/GUNICORN_CMD_ARGS.default", "env.launch/LANG.default",
			"env.launch/PATH.delim", "env.launch/PATH.prepend",
			"env.launch/PYTHONDONTWRITEBYTECODE.default", "env.launch/PYTHONUNBUFFERED.default", "env.launch/VIRTUAL_ENV.override",
			"lib/python3.13/site-packages/flask-3.1.3.dist-info/METADATA", "lib/python3.13/site-packages/flask-3.1.3.dist-info/RECORD",
			"lib/python3.13/site-packages/gunicorn-27.0.1.dist-info/METADATA", "lib/python3.13/site-packages/gunicorn-27.0.1.dist-info/RECORD",
			"pyvenv.cfg",
		}
		if diff := cmp.Diff(want, s.Files("layers", "venv")); diff != "" {
			t.Error(diff)
		}
		languagetest.Lacks(t, s.Read("layers", "venv", "lib/python3.13/site-packages/flask-3.1.3.dist-info/RECORD"), "uv_cache")
		languagetest.Holds(t, s.Read("layers", "venv.sbom.cdx.json"), "pkg:pypi/flask@3.1.3", "pkg:pypi/gunicorn@27.0.1", "MIT")
		languagetest.Holds(t, s.Read("layers", "python", "exec.d", "concurrency"), "WEB_CONCURRENCY")
		var launch libcnb.LaunchTOML
		if _, err := toml.Decode(s.Read("layers", "launch.toml"), &launch); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]libcnb.Process{{Type: "web", Command: []string{"bash", "-c", "gunicorn --bind 0.0.0.0:${PORT:-8000} app:app"}, Default: true}}, launch.Processes); diff != "" {
			t.Error(diff)
		}
		types := map[string]libcnb.LayerTypes{}
		for _, name := range []string{"python", "venv", "uv", "uv-cache", "catalog"} {
			var l libcnb.Layer
			if _, err := toml.Decode(s.Read("layers", name+".toml"), &l); err != nil {
				t.Fatal(err)
			}
			types[name] = l.LayerTypes
		}
		cache := libcnb.LayerTypes{Cache: true}
		all := libcnb.LayerTypes{Build: true, Cache: true, Launch: true}
		if diff := cmp.Diff(map[string]libcnb.LayerTypes{"python": all, "venv": all, "uv": cache, "uv-cache": cache, "catalog": cache}, types); diff != "" {
			t.Error(diff)
		}
		// What a build backend left would not be there the next time.
		if diff := cmp.Diff([]string{".python-version", "app.py", "requirements.txt"}, s.Files("app")); diff != "" {
			t.Error(diff)
		}
	})

	it("keeps everything when nothing changed: no request, nothing run, nothing touched", func() {
		s.mustBuild()
		before := s.LayerStamps()
		runner := &languagetest.Recorder{To: s.Runner}
		s.Runner = runner
		r.index.Forget()
		r.modules.Close()
		out := s.mustBuild()
		languagetest.Holds(t, out, `Python 3.13.1 (.python-version "3.13"), from the cache`, "Reusing the packages (requirements.txt unchanged)", "web: gunicorn")
		if requests := r.index.Requests(); len(requests)+len(runner.Runs) > 0 {
			t.Errorf("asked %q, ran %q", requests, runner.Runs)
		}
		if diff := cmp.Diff(before, s.LayerStamps()); diff != "" {
			t.Error(diff)
		}
	})

	it("says what it installs anew and why", func() {
		s.mustBuild()
		s.Write(map[string]string{"requirements.txt": "flask==3.1.2\n"})
		languagetest.Holds(t, s.mustBuild(), "from the cache", "Installing into a new environment (requirements.txt changed)")
		languagetest.Lacks(t, strings.Join(s.Files("layers", "venv"), " "), "flask-3.1.3", "gunicorn")
		s.Write(map[string]string{".python-version": "3.12"})
		languagetest.Holds(t, s.mustBuild(), "Downloaded Python 3.12.3 (the cache has 3.13.1)", "the packages in the cache are for Python 3.13.1", "Python 3.12.3 has the fixes of 2024-04-15")
		s.Env["CFLAGS"] = "-O1"
		languagetest.Holds(t, s.mustBuild(), "(Python, a setting, or a directory that is installed changed)")
	})

	it("warns of what is not pinned, and names the lines", func() {
		s.Write(map[string]string{"requirements.txt": "flask>=3\n-r more.txt\n-c limits.txt\n", "more.txt": "gunicorn # a server\nuvicorn[standard]==1.0\n", "limits.txt": "click<9\n"})
		languagetest.Holds(t, s.mustBuild(), "requirements.txt pins by constraints at most:\n !       flask>=3\n !       gunicorn\n", "pip freeze > requirements.txt", "pip-compile --generate-hashes")
	})

	it("wants checksums of all packages when one has one", func() {
		s.Write(map[string]string{"requirements.txt": "flask==3.1.3 \\\n    --hash=sha256:aa\n"})
		languagetest.Holds(t, s.mustBuild(), "-r requirements.txt --require-hashes --no-build")
	})

	it("builds a source when a package has no wheel, and says that there are no headers", func() {
		s.Write(map[string]string{"needs-build": ""})
		languagetest.Holds(t, s.mustBuild(), "A package has no wheel for this Python: its source is built", "This Python comes without headers")
	})

	it("installs the packages of a lock file by their checksums, and what is in the app after them", func() {
		s.Remove("requirements.txt")
		s.Write(map[string]string{
			"pyproject.toml": "[project]\nname = \"demo\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"flask\", \"lib\"]\n[tool.uv.sources]\nlib = {path = \"lib\", editable = true}\n",
			"uv.lock": "version = 1\n[[package]]\nname = \"demo\"\nversion = \"1\"\nsource = {virtual = \".\"}\ndependencies = [{name = \"flask\"}, {name = \"lib\"}]\n[package.metadata]\nrequires-dist = [{name = \"flask\"}, {name = \"lib\", editable = \"lib\"}]\n" +
				"[[package]]\nname = \"flask\"\nversion = \"3.1.3\"\nsource = {registry = \"https://corp.test/simple\"}\nwheels = [{url = \"https://corp.test/f.whl\", hash = \"sha256:ab\"}]\n" +
				"[[package]]\nname = \"lib\"\nversion = \"1\"\nsource = {editable = \"lib\"}\n",
			"lib/pyproject.toml": "[project]\nname = \"lib\"\n",
		})
		out := s.mustBuild()
		languagetest.Holds(t, out, "Installing packages with uv", "locked.txt --no-deps --require-hashes --no-build", "sources.txt --no-deps")
		if got := s.Read("layers", "uv-cache", "indexes"); got != r.index.Index()+" https://corp.test/simple\n" {
			t.Errorf("the indexes are %s", got)
		}
		s.Write(map[string]string{"lib/pyproject.toml": "[project]\nname = \"lib\"\nversion = \"2\"\n"})
		languagetest.Holds(t, s.mustBuild(), "a directory that is installed changed")
	})

	it("takes packages from a directory of the app, and asks no index for them", func() {
		s.Write(map[string]string{"wheelhouse/flask-3.1.3-py3-none-any.whl": "wheel"})
		runner := &languagetest.Recorder{To: s.Runner}
		s.Runner = runner
		languagetest.Holds(t, s.mustBuild(), "Packages come from wheelhouse/ in the app alone")
		last := runner.Envs[len(runner.Envs)-1]
		if last["UV_NO_INDEX"] != "1" || last["UV_FIND_LINKS"] != filepath.Join(s.App, "wheelhouse") || last["UV_NO_CONFIG"] != "1" {
			t.Errorf("got %v", last)
		}
		s.Write(map[string]string{"wheelhouse/flask-3.1.3-py3-none-any.whl": "another"})
		languagetest.Holds(t, s.mustBuild(), "(Python, a setting, or a directory that is installed changed)")
	})

	it("warns of a version that its author took back", func() {
		s.Write(map[string]string{"fake-warning.txt": "warning: `flask==3.1.3` is yanked (reason: \"broken\")\n"})
		languagetest.Holds(t, s.mustBuild(), " !     The author of flask==3.1.3 took that version back: broken\n", "lock again")
	})

	it("takes packages from the cache while the index does not answer", func() {
		s.Write(map[string]string{"offline-only": ""})
		out := s.mustBuild()
		languagetest.Holds(t, out, "The index cannot be reached, but all packages are in the cache", "web: gunicorn")
		languagetest.Lacks(t, out, "client error")
	})

	it("takes debugging information out of Python where the stack has the program for it", func() {
		bin := filepath.Join(s.Dir, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "strip"), []byte("#!/bin/sh\nfor f; do :; done; echo less >\"$f\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.Env["PATH"] = bin + ":" + s.Env["PATH"]
		s.mustBuild()
		if got := s.Read("layers", "python", "lib", "libpython3.13.so.1.0"); got != "less\n" {
			t.Errorf("got %q", got)
		}
	})

	it("needs no package at all", func() {
		s.Write(map[string]string{"requirements.txt": "# nothing yet\n", "app.py": "print('hello')\n"})
		languagetest.Holds(t, s.mustBuild(), "requirements.txt asks for no packages", "web: python app.py (app.py is there)")
	})
}

func testHooks(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() {
		s = connected(t, newRegistries(t))
	})

	it("runs the hooks of the app around it", func() {
		s.Write(map[string]string{
			"bin/pre_compile*": "#!/bin/sh\necho before\n",
			"bin/post_compile": "echo after in $VIRTUAL_ENV\ncommand -v pip\n",
		})
		out := s.mustBuild()
		languagetest.Holds(t, out, "-----> Running bin/pre_compile\n       before\n", "after in "+s.Layers+"/venv", s.Layers+"/uv/bin/pip")
		if strings.Index(out, "pre_compile") > strings.Index(out, "Installing Python") {
			t.Errorf("the order is wrong:\n%s", out)
		}
	})

	it("says that a hook failed, and whose it is", func() {
		s.Write(map[string]string{"bin/post_compile": "echo oh\nexit 3\n"})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "the app's bin/post_compile failed: exit status 3", "  oh\n", "bash -x bin/post_compile")
	})

	django := func() {
		s.Write(map[string]string{
			"requirements.txt": "django==6.1\ngunicorn==27.0.1\n", "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
			"shop/settings.py": "INSTALLED_APPS = ['django.contrib.staticfiles']\n", "shop/wsgi.py": "",
			"fake-manage.sh": "echo \"$*\"; echo >>ran; mkdir -p static; echo style >static/style.css\n",
		})
	}

	it("collects Django's static files, and keeps them while the app is the same", func() {
		django()
		secret := map[string]string{"PIP_INDEX_URL": s.Env["PIP_INDEX_URL"]}
		runner := &languagetest.Recorder{To: s.Runner}
		s.Runner = runner
		out := s.mustBuild()
		languagetest.Holds(t, out, "-----> Collecting Django's static files", "       collectstatic --noinput\n", "web: gunicorn --bind 0.0.0.0:${PORT:-8000} shop.wsgi (Django, by manage.py)")
		last := runner.Envs[len(runner.Envs)-1]
		for name := range secret {
			if last[name] != "" || last["UV_DEFAULT_INDEX"] != "" {
				t.Errorf("collectstatic sees %s", name)
			}
		}
		s.Remove("static", "ran")
		runner.Runs = nil
		languagetest.Holds(t, s.mustBuild(), "Reusing them (the app is unchanged)")
		if s.Read("app", "static", "style.css") != "style\n" || len(runner.Runs) > 0 {
			t.Errorf("ran %q", runner.Runs)
		}
		s.Remove("static", "ran")
		s.Write(map[string]string{"shop/views.py": "new\n"})
		languagetest.Holds(t, s.mustBuild(), "(the app changed)")
	})

	it("leaves them out when it is told to", func() {
		django()
		s.Env["DISABLE_COLLECTSTATIC"] = "1"
		languagetest.Holds(t, s.mustBuild(), "Skipped: DISABLE_COLLECTSTATIC is set")
	})

	it("says what the settings lack", func() {
		for printed, says := range map[string]string{
			"django.core.exceptions.ImproperlyConfigured: You're using the staticfiles app without having set the STATIC_ROOT setting to a filesystem path.": `STATIC_ROOT = BASE_DIR / "staticfiles"`,
			"KeyError: 'SECRET_KEY'":                                     "slugc build -e SECRET_KEY=for-the-build",
			"ModuleNotFoundError: No module named 'debug_toolbar'":       "the module debug_toolbar is in no package",
			"ValueError: Missing staticfiles manifest entry for 'x.css'": "names a file that is not there",
			"something else": "slugc build -e DISABLE_COLLECTSTATIC=1",
		} {
			django()
			s.Write(map[string]string{"fake-manage.sh": "cat <<'E'\n" + printed + "\nE\nexit 1\n"})
			_, err := s.build()
			if download.FaultOf(err) != download.App {
				t.Fatalf("got %v", err)
			}
			languagetest.Holds(t, err.Error(), "Django's collectstatic failed: exit status 1", says)
		}
	})
}

func testVersions(t *testing.T, _ spec.G, it spec.S) {
	it("picks a version by the precedence and prints it", func() {
		r := newRegistries(t)
		lockOf := func(meta string) string {
			return `{"_meta": {"hash": {"sha256": "x"}, "requires": {` + meta + `}}, "default": {}}`
		}
		for name, test := range map[string]struct {
			files map[string]string
			env   map[string]string
			says  []string
			lacks string
		}{
			"a variable above all": {
				files: map[string]string{"requirements.txt": "", ".python-version": "3.13", "runtime.txt": "python-3.11.11"},
				env:   map[string]string{"BP_CPYTHON_VERSION": "3.12.*"},
				says:  []string{`Python 3.12.3 (BP_CPYTHON_VERSION "3.12.*")`, `Passing over runtime.txt "3.11.11": BP_CPYTHON_VERSION comes first`, `Passing over .python-version "3.13": `},
			},
			"then runtime.txt, which is out of use": {
				files: map[string]string{"requirements.txt": "", ".python-version": "3.13", "runtime.txt": "python-3.11.11\n"},
				says:  []string{`Python 3.11.11 (runtime.txt "3.11.11")`, "runtime.txt is out of use", "git rm runtime.txt\n !       echo 3.11 > .python-version", `Passing over .python-version "3.13": runtime.txt comes first`},
			},
			"then .python-version": {
				files: map[string]string{"requirements.txt": "", ".python-version": "# ours\n3.12 # the line\n", "pyproject.toml": "[project]\nrequires-python = '>=3.10'\n"},
				says:  []string{`Python 3.12.3 (.python-version "3.12")`}, lacks: "Passing over",
			},
			"then the Pipfile": {
				files: map[string]string{"Pipfile.lock": lockOf(`"python_version": "3.12"`)},
				says:  []string{`Python 3.12.3 (python_version "3.12" in Pipfile.lock)`},
			},
			"then requires-python": {
				files: map[string]string{"requirements.txt": "", "pyproject.toml": "[project]\nrequires-python = '>=3.10,<3.12'\n"},
				says:  []string{`Python 3.11.11 (requires-python ">=3.10,<3.12" in pyproject.toml)`},
			},
			"then Poetry": {
				files: map[string]string{"requirements.txt": "", "pyproject.toml": "[tool.poetry.dependencies]\npython = '~3.11 || ~3.12'\n"},
				says:  []string{`Python 3.12.3 (python "~3.11 || ~3.12" in pyproject.toml)`},
			},
			"else the default": {
				files: map[string]string{"requirements.txt": ""},
				says:  []string{"Python 3.14.6 (the default of the stack)"},
			},
			"a later release of the same line": {
				files: map[string]string{"requirements.txt": "", ".python-version": "3.11.4"},
				says:  []string{"Python 3.11.11 (", "Python 3.11.4 is not in", "Python 3.11.11 has the same and more fixes", "echo 3.11 > .python-version"},
			},
			"one without fixes": {
				files: map[string]string{"requirements.txt": "", ".python-version": "3.10"},
				says:  []string{"Python 3.10 has had no security fixes since 2026-10-31", "3.11, 3.12, 3.13, 3.14"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				s := connected(t, r)
				s.Remove("requirements.txt", ".python-version")
				s.Write(test.files)
				maps.Copy(s.Env, test.env)
				out := s.mustBuild()
				languagetest.Holds(t, out, test.says...)
				if test.lacks != "" {
					languagetest.Lacks(t, out, test.lacks)
				}
			})
		}
	})

	it("refuses a version that is not to be had, and says which are", func() {
		s := connected(t, newRegistries(t))
		for text, says := range map[string][]string{
			"3.9":    {"Python 3.9 ", "Python 3.9 has had no security fixes since 2025-10-31", ".python-version asks for it", "slugc knows 3.11, 3.12, 3.13, 3.14", "echo 3.13 > .python-version"},
			"3.12.9": {"Python 3.12.9 ", "the nearest are", "3.12.3", "echo 3.13 > .python-version"},
			"3.77":   {"Python 3.77 ", "slugc knows 3.11"},
		} {
			s.Write(map[string]string{".python-version": text})
			_, err := s.build()
			if download.FaultOf(err) != download.App {
				t.Fatalf("got %v", err)
			}
			languagetest.Holds(t, err.Error(), says...)
		}
		s.Write(map[string]string{".python-version": "3.12", "pyproject.toml": "[project]\nrequires-python = '>=3.13'\n"})
		_, err := s.build()
		languagetest.Holds(t, err.Error(), `requires-python ">=3.13" in pyproject.toml excludes Python 3.12.3`, ".python-version asks for it")
	})
}

func testRegistries(t *testing.T, _ spec.G, it spec.S) {
	var (
		r registries
		s *site
	)
	it.Before(func() {
		r = newRegistries(t)
		s = connected(t, r)
	})

	it("says what is wrong with the index before anything is installed", func() {
		for name, test := range map[string]struct {
			before func(w http.ResponseWriter, r *http.Request) bool
			env    map[string]string
			fault  download.Fault
			says   []string
		}{
			"down": {before: func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}, fault: download.Passing, says: []string{"try again later", "export PIP_INDEX_URL="}},
			"wants a login":   {before: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusUnauthorized); return true }, fault: download.App, says: []string{"refuses the request", "https://USER:TOKEN@"}},
			"no such version": {env: map[string]string{"BP_UV_VERSION": "1.2.3"}, fault: download.App, says: []string{"has no uv 1.2.3 for amd64", "slugc build -e BP_UV_VERSION=VERSION"}},
		} {
			t.Run(name, func(t *testing.T) {
				s := connected(t, r)
				r.index.Before(test.before)
				maps.Copy(s.Env, test.env)
				_, err := s.build()
				if download.FaultOf(err) != test.fault {
					t.Fatalf("got %v", err)
				}
				languagetest.Holds(t, err.Error(), test.says...)
			})
		}
	})

	it("refuses an installer that is not the one that it knows", func() {
		delete(s.Env, "BP_UV_VERSION")
		for _, machine := range []string{"x86_64", "aarch64"} {
			r.index.Publish("uv", "uv-0.13.9-py3-none-manylinux_2_17_"+machine+".whl", []byte("another"), "")
		}
		_, err := s.build()
		if download.FaultOf(err) != download.Registry {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "with another checksum than it had when slugc was made")
	})

	it("explains what the installer says", func() {
		for printed, test := range map[string]struct {
			fault download.Fault
			says  []string
		}{
			"error: Failed to download `flask==3.1.3`\n  cause: Hash mismatch for `flask==3.1.3`\n":                                       {download.Registry, []string{"another file of flask==3.1.3 than requirements.txt has the checksum of"}},
			"  cause: Because there is no version of flask==33.1.3 and you require flask==33.1.3, we can conclude":                        {download.App, []string{"the index does not have flask==33.1.3", "pip index versions"}},
			"  cause: Because flask-nonexisting was not found in the package registry and you require":                                    {download.App, []string{"the index has no package flask-nonexisting", "PIP_EXTRA_INDEX_URL"}},
			"  cause: Because demo==1.0 was yanked (reason: broken) and":                                                                  {download.App, []string{"the author of demo==1.0 took that version back"}},
			"error: No solution found when resolving dependencies\n  cause: Because flask>=3 depends on click>=8":                         {download.App, []string{"exclude one another", "pip-compile requirements.in"}},
			"error: Request failed after 3 retries in 12.8s\n  cause: client error (Connect)":                                             {download.Passing, []string{"the index could not be reached", "PIP_INDEX_URL"}},
			"  cause: HTTP status client error (401 Unauthorized) for url (https://corp.test/simple/flask/)":                              {download.App, []string{"wants credentials", "slugc build --secret PIP_INDEX_URL", "~/.netrc"}},
			"  bad.c:1:10: fatal error: Python.h: No such file or directory":                                                              {download.App, []string{"needs the headers of Python"}},
			"  bad.c:1:10: fatal error: libpq-fe.h: No such file or directory":                                                            {download.App, []string{"needs the header libpq-fe.h"}},
			"error: command 'gcc' failed: No such file or directory":                                                                      {download.App, []string{"needs a C compiler", "--stack slugc-13"}},
			"gcc: fatal error: Killed signal terminated program cc1":                                                                      {download.App, []string{"not enough memory", "UV_CONCURRENT_BUILDS=1"}},
			"error: Failed to build `bad @ file:///app/bad`\n  RuntimeError: no way":                                                      {download.App, []string{"the directory of bad, which is in the source, does not build"}},
			"error: Failed to build `worse==1`\n  RuntimeError: no way":                                                                   {download.App, []string{"the source of worse==1 does not build here"}},
			"In `--require-hashes` mode, all requirements must have a hash, but none were provided for: click\n":                          {download.App, []string{"every package needs one", "pip-compile --generate-hashes"}},
			"  cause: invalid peer certificate: UnknownIssuer":                                                                            {download.App, []string{"export PIP_CERT=/path/to/ca.pem"}},
			"  cause: Because the current Python version (3.11.7) does not satisfy Python>=3.12 and numpy==2.5.0 depends on Python>=3.12": {download.App, []string{"a package wants another Python: Python>=3.12."}},
			"error: something that nobody knows":                                                                                          {download.App, []string{"see it fail on your machine", "pip install -r requirements.txt"}},
		} {
			s.Write(map[string]string{"fake-uv.txt": printed})
			out, err := s.build()
			if download.FaultOf(err) != test.fault {
				t.Errorf("%s: got the fault %q of %v\n%s", printed, download.FaultOf(err), err, out)
				continue
			}
			languagetest.Holds(t, err.Error(), append(test.says, "installing the packages with pip failed: exit status 2")...)
		}
	})

	it("says that there was not enough memory when the installer was killed", func() {
		s.Write(map[string]string{"fake-kill": ""})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "ended by signal 9", "there was not enough memory")
	})

	it("takes the settings of a service binding", func() {
		binding := filepath.Join(s.Dir, "platform", "bindings", "corp")
		if err := os.MkdirAll(binding, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"type": "pip", "pip.conf": "[global]\nindex-url = " + r.index.Index() + "\n"} {
			if err := os.WriteFile(filepath.Join(binding, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		delete(s.Env, "PIP_INDEX_URL")
		t.Setenv("SERVICE_BINDING_ROOT", filepath.Dir(binding))
		s.mustBuild()
		languagetest.Holds(t, s.Read("layers", "uv-cache", "indexes"), r.index.Index())
	})
}
