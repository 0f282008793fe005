package python_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// in makes the app a directory of the source, from which the files are named from
// now on.
func (s *site) in(dir string) {
	s.T.Helper()
	s.Member = dir
	s.Write(map[string]string{"keep": ""})
}

// Write puts files into the app.
func (s *site) Write(files map[string]string) {
	s.T.Helper()
	inside := map[string]string{}
	for name, text := range files {
		inside[filepath.Join(s.Member, name)] = text
	}
	s.Site.Write(inside)
}

// Remove takes files out of the app.
func (s *site) Remove(names ...string) {
	s.T.Helper()
	for _, name := range names {
		s.Site.Remove(filepath.Join(s.Member, name))
	}
}

// aWorkspace is one of uv's with two apps and two libraries, seen from
// services/api.
func aWorkspace() map[string]string {
	const sum = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	return map[string]string{
		"../../pyproject.toml":               "[tool.uv.workspace]\nmembers = ['services/*', 'libs/*']\nexclude = ['services/old']\n[tool.uv.sources]\ngreeting = { workspace = true }\n",
		"../../.python-version":              "3.12\n",
		"pyproject.toml":                     "[project]\nname = 'api'\nversion = '1'\ndependencies = ['flask', 'greeting']\n",
		"app.py":                             "from flask import Flask\napp = Flask(__name__)\n",
		"../worker/pyproject.toml":           "[project]\nname = 'worker'\nversion = '1'\ndependencies = ['click']\n",
		"../../libs/greeting/pyproject.toml": "[project]\nname = 'greeting'\nversion = '1'\ndependencies = ['jinja2>=3']\n",
		"../../libs/greeting/greeting.py":    "x = 1\n",
		"../../libs/unused/pyproject.toml":   "[project]\nname = 'unused'\nversion = '1'\n",
		"../../libs/unused/unused.py":        "x = 1\n",
		"../../uv.lock": strings.ReplaceAll(`version = 1
requires-python = ">=3.11"
[[package]]
name = "api"
version = "1"
source = { virtual = "services/api" }
dependencies = [{ name = "flask" }, { name = "greeting" }]
[package.metadata]
requires-dist = [{ name = "flask" }, { name = "greeting", editable = "libs/greeting" }]
[[package]]
name = "worker"
version = "1"
source = { virtual = "services/worker" }
dependencies = [{ name = "click" }]
[package.metadata]
requires-dist = [{ name = "click" }]
[[package]]
name = "greeting"
version = "1"
source = { editable = "libs/greeting" }
dependencies = [{ name = "jinja2" }]
[package.metadata]
requires-dist = [{ name = "jinja2", specifier = ">=3" }]
[[package]]
name = "unused"
version = "1"
source = { editable = "libs/unused" }
[[package]]
name = "flask"
version = "3.1.3"
wheels = [{ hash = "SUM" }]
[[package]]
name = "jinja2"
version = "3.1.6"
wheels = [{ hash = "SUM" }]
[[package]]
name = "click"
version = "8.3.1"
wheels = [{ hash = "SUM" }]
`, "SUM", sum),
	}
}

// A member of a workspace gets what the lock file at its top has for it, and is
// built again only when something that it needs changed.
func TestWorkspaceMember(t *testing.T) {
	s := connected(t, newRegistries(t))
	s.Remove("requirements.txt", ".python-version", "app.py")
	s.in("services/api")
	s.Write(aWorkspace())
	run := &languagetest.Recorder{To: s.Runner}
	s.Runner = run

	out := s.mustBuild()
	languagetest.Holds(t, out, `../../.python-version "3.12"`, "Installing packages with uv", "web: flask")
	installed := s.Files("layers", "venv", "lib", "python3.12", "site-packages")
	for name, want := range map[string]bool{"flask-3.1.3": true, "jinja2-3.1.6": true, "click-8.3.1": false} {
		if got := slices.Contains(installed, name+".dist-info/METADATA"); got != want {
			t.Errorf("%s is installed: %t\n%s", name, got, strings.Join(installed, "\n"))
		}
	}
	languagetest.Holds(t, s.Read("layers", "venv.toml"), "key")

	for _, unneeded := range []string{"../worker/app.py", "../worker/pyproject.toml", "../../libs/unused/unused.py", "../../libs/unused/pyproject.toml"} {
		s.Write(map[string]string{unneeded: "# changed\n"})
	}
	before := s.LayerStamps()
	run.Runs = nil
	out = s.mustBuild()
	languagetest.Holds(t, out, "Reusing the packages (../../uv.lock unchanged)")
	if len(run.Runs) > 0 || !maps.Equal(before, s.LayerStamps()) {
		t.Errorf("what the app does not need changed, and %q ran", run.Runs)
	}

	s.Write(map[string]string{"../../libs/greeting/greeting.py": "x = 2\n"})
	languagetest.Holds(t, s.mustBuild(), "Installing into a new environment", "a directory that is installed changed")
	if len(run.Runs) == 0 {
		t.Error("a library that the app needs changed, and nothing ran")
	}
}

// Directories beside the app are installed from the source, and are as they were
// after that.
func TestPathDependencies(t *testing.T) {
	const poetry = `[[package]]
name = "greeting"
version = "1"
groups = ["main"]
files = []
develop = true
[package.source]
type = "directory"
url = "../../libs/greeting"
[metadata]
lock-version = "2.1"
content-hash = "HASH"
`
	for name, files := range map[string]map[string]string{
		"pip": {"requirements.txt": "-e ../../libs/greeting\n-r ../../base.txt\n", "../../base.txt": "flask==3.1.3\n"},
		"PDM": {
			"pyproject.toml": "[project]\nname = 'api'\ndependencies = ['greeting @ file:///${PROJECT_ROOT}/../../libs/greeting']\n[tool.pdm]\ndistribution = false\n",
			"pdm.lock":       "[metadata]\nlock_version = '4.5.0'\ncontent_hash = 'md5:x'\nstrategy = ['inherit_metadata']\n[[package]]\nname = 'greeting'\nversion = '1'\ngroups = ['default']\npath = './../../libs/greeting'\n",
		},
		"Poetry": {
			"pyproject.toml": "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\ngreeting = { path = '../../libs/greeting', develop = true }\n",
			"poetry.lock":    strings.Replace(poetry, "HASH", "8e9e7483d1742c787fb8f9108858d00bb2eb86d1a99cf6ab20147f29d2f25a62", 1),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := connected(t, newRegistries(t))
			s.Remove("requirements.txt", "app.py")
			s.in("services/api")
			s.Write(map[string]string{"app.py": "", "../../libs/greeting/setup.py": "", "../../libs/greeting/greeting.py": "x = 1\n"})
			s.Write(files)
			languagetest.Holds(t, s.mustBuild(), "uv pip install", `(../../.python-version "3.13")`)
			s.Write(map[string]string{"../../libs/greeting/greeting.py": "x = 2\n"})
			languagetest.Holds(t, s.mustBuild(), "a directory that is installed changed")
		})
	}
}

func TestMonorepoRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]string
		remove string
		says   []string
	}{
		"no member": {
			change: map[string]string{"../../pyproject.toml": "[tool.uv.workspace]\nmembers = ['libs/*']\n"},
			says:   []string{"no member of the workspace in ../../pyproject.toml: its members do not have services/api", `members = ["libs/*", "services/api"]`, "  uv lock\n  git add ../../pyproject.toml ../../uv.lock"},
		},
		"excluded": {
			change: map[string]string{"../../pyproject.toml": "[tool.uv.workspace]\nmembers = ['services/*']\nexclude = ['services/a*']\n"},
			says:   []string{`../../pyproject.toml excludes services/api from the workspace: exclude has "services/a*"`, "  uv lock\n  git add uv.lock"},
		},
		"no lock file": {
			remove: "../../uv.lock",
			says:   []string{"there is no ../../uv.lock", "the member services/api of the workspace in ../../pyproject.toml", "  uv lock\n  git add ../../uv.lock"},
		},
		"two lock files": {
			change: map[string]string{"uv.lock": ""},
			says:   []string{"there are two lock files: uv.lock, and ../../uv.lock", "  git rm uv.lock"},
		},
		"the app is not locked": {
			change: map[string]string{"pyproject.toml": "[project]\nname = 'api'\ndependencies = ['flask', 'greeting', 'redis']\n"},
			says:   []string{"../../uv.lock is out of step with pyproject.toml", "made without redis", "  uv lock\n  git add ../../uv.lock"},
		},
		"a library that it needs is not locked": {
			change: map[string]string{"../../libs/greeting/pyproject.toml": "[project]\nname = 'greeting'\ndependencies = ['jinja2>=4']\n"},
			says:   []string{"../../uv.lock is out of step with ../../libs/greeting/pyproject.toml", "made without jinja2>=4"},
		},
		"a library that it needs is not there": {
			remove: "../../libs/greeting",
			says:   []string{"../../uv.lock wants what is in ../../libs/greeting", "  git add -f ../../libs/greeting"},
		},
		"pip leaves the source": {
			change: map[string]string{"requirements.txt": "flask==3.1.3\n-e ../../../lib\n"},
			says:   []string{"requirements.txt, line 2: ../../../lib is not in the app", "  slugc build ../../.. --app DIRECTORY"},
		},
		"PDM leaves the source": {
			change: map[string]string{"pdm.lock": "[metadata]\nlock_version = '4.5.0'\ncontent_hash = 'md5:x'\nstrategy = ['inherit_metadata']\n[[package]]\nname = 'lib'\nversion = '1'\ngroups = ['default']\npath = '../../../lib'\n"},
			says:   []string{"pdm.lock: lib is at ../../../lib, which is not in the app", "  slugc build ../../.. --app DIRECTORY"},
		},
		"a version file above is none": {
			change: map[string]string{"../../.python-version": "latest\n"},
			says:   []string{`../../.python-version says "latest"`, "echo 3.13 > ../../.python-version"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.in("services/api")
			s.Write(aWorkspace())
			s.Write(test.change)
			if test.remove != "" {
				s.Remove(test.remove)
			}
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
		})
	}
}
