package python_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// What cannot be built is refused before anything is downloaded: there is no
// registry in these tests.
//
// Long: it is one table; a row is one mistake, with what is said of it.
func TestRefused(t *testing.T) {
	const pipfileLock = `{"_meta": {"hash": {"sha256": "x"}}, "default": {}}`
	for name, test := range map[string]struct {
		files map[string]string
		// says are the parts that the error must hold: the file, and what to type.
		says []string
	}{
		"no package manager": {
			files: map[string]string{"app.py": ""},
			says:  []string{"no package manager's file is in the app's root", "touch requirements.txt", "pip freeze > requirements.txt"},
		},
		"a misspelled requirements file": {
			files: map[string]string{"requirement.txt": "flask"},
			says:  []string{"there is no requirements.txt, but requirement.txt", "git mv requirement.txt requirements.txt"},
		},
		"setup.py alone": {
			files: map[string]string{"setup.py": ""},
			says:  []string{"there is no lock file beside setup.py", "uv lock", "git add requirements.txt"},
		},
		"conda": {
			files: map[string]string{"environment.yml": "dependencies: [flask]\n", "app.py": ""},
			says:  []string{"environment.yml is of conda", "pip list --format freeze > requirements.txt", "git add requirements.txt"},
		},
		"pyproject.toml alone": {
			files: map[string]string{"pyproject.toml": "[project]\nname = 'a'"},
			says:  []string{"there is no lock file beside pyproject.toml", "git add uv.lock"},
		},
		"Pipfile without lock": {
			files: map[string]string{"Pipfile": ""},
			says:  []string{"there is no Pipfile.lock", "  pipenv lock\n  git add Pipfile.lock", ".gitignore or .slugignore"},
		},
		"Poetry without lock": {
			files: map[string]string{"pyproject.toml": "[tool.poetry]\nname = 'a'"},
			says:  []string{"there is no poetry.lock", "  poetry lock\n  git add poetry.lock"},
		},
		"uv without lock": {
			files: map[string]string{"pyproject.toml": "[tool.uv]\ndev-dependencies = []"},
			says:  []string{"there is no uv.lock", "  uv lock\n  git add uv.lock"},
		},
		"a build backend without lock": {
			files: map[string]string{"pyproject.toml": "[project]\nname = 'a'\n[build-system]\nbuild-backend = 'uv_build'"},
			says:  []string{"there is no uv.lock", "pyproject.toml says which packages"},
		},
		"PDM without lock": {
			files: map[string]string{"pyproject.toml": "[tool.pdm]\ndistribution = false"},
			says:  []string{"there is no pdm.lock", "  pdm lock\n  git add pdm.lock"},
		},
		"two package managers": {
			files: map[string]string{"requirements.txt": "", "poetry.lock": ""},
			says:  []string{"several package managers: requirements.txt, poetry.lock", "git rm poetry.lock    # when pip", "git rm requirements.txt    # when Poetry"},
		},
		"three package managers": {
			files: map[string]string{"Pipfile.lock": pipfileLock, "uv.lock": "", "pdm.lock": ""},
			says:  []string{"Pipfile.lock, uv.lock, pdm.lock", "git rm uv.lock pdm.lock    # when Pipenv", "git rm Pipfile.lock uv.lock    # when PDM"},
		},
		"requirements.txt beside a Pipfile": {
			files: map[string]string{"requirements.txt": "", "Pipfile": ""},
			says:  []string{"requirements.txt, Pipfile", "git rm Pipfile    # when pip", "git rm requirements.txt    # when Pipenv"},
		},
		"Pipfile.lock out of step": {
			files: map[string]string{"Pipfile": "[packages]\nflask = '*'", "Pipfile.lock": pipfileLock},
			says:  []string{"Pipfile.lock is out of step with Pipfile", "  pipenv lock\n  git add Pipfile.lock"},
		},
		"poetry.lock out of step": {
			files: map[string]string{"pyproject.toml": "", "poetry.lock": "[metadata]\nlock-version = '2.1'\ncontent-hash = 'x'"},
			says:  []string{"poetry.lock is out of step with pyproject.toml", "  poetry lock\n  git add poetry.lock"},
		},
		"uv.lock out of step": {
			files: map[string]string{"pyproject.toml": "[project]\nname = 'a'\ndependencies = ['flask']", "uv.lock": "version = 1\n[[package]]\nname = 'a'\nsource = {virtual = '.'}"},
			says:  []string{"uv.lock is out of step with pyproject.toml", "it was made without flask", "  uv lock\n  git add uv.lock"},
		},
		"pdm.lock out of step": {
			files: map[string]string{"pyproject.toml": "[project]\nname = 'a'", "pdm.lock": "[metadata]\nlock_version = '4.5'\ncontent_hash = 'sha256:x'"},
			says:  []string{"pdm.lock is out of step with pyproject.toml", "  pdm lock\n  git add pdm.lock"},
		},
		"pyproject.toml is not valid": {
			files: map[string]string{"pyproject.toml": "[project\n", "requirements.txt": ""},
			says:  []string{"pyproject.toml", "line 1"},
		},
		"requirements.txt holds an unfinished merge": {
			files: map[string]string{"requirements.txt": "flask\n<<<<<<< HEAD\nclick\n=======\n>>>>>>> theirs\n"},
			says:  []string{"requirements.txt holds an unfinished merge", "line 2"},
		},
		"requirements.txt is in UTF-16": {
			files: map[string]string{"requirements.txt": "\xff\xfef\x00l\x00"},
			says:  []string{"requirements.txt is in UTF-16", "Out-File -Encoding utf8"},
		},
		"a line is no requirement": {
			files: map[string]string{"requirements.txt": "# packages\nflask\n\nflask = 3\n"},
			says:  []string{"requirements.txt, line 4: ", "flask = 3"},
		},
		"a file that is included is not there": {
			files: map[string]string{"requirements.txt": "-r base.txt\n"},
			says:  []string{"requirements.txt includes base.txt, which is not there", "git add base.txt"},
		},
		"a file from elsewhere is included": {
			files: map[string]string{"requirements.txt": "-r https://me:secret@example.com/base.txt\n"},
			says:  []string{"requirements.txt, line 1: it includes the address https://example.com/base.txt"},
		},
		"a file above the app is included": {
			files: map[string]string{"requirements.txt": "--requirement=../base.txt\n"},
			says:  []string{"../base.txt is not in the app"},
		},
		"a package above the app": {
			files: map[string]string{"requirements.txt": "-e ../lib\n"},
			says:  []string{"requirements.txt, line 1: ../lib is not in the app"},
		},
		"a virtual environment came with the app": {
			files: map[string]string{"requirements.txt": "", ".venv/pyvenv.cfg": ""},
			says:  []string{".venv/ is a virtual environment that came with the app", "git rm -r --cached .venv", "echo .venv/ >> .gitignore"},
		},
		"a misspelled version file": {
			files: map[string]string{"requirements.txt": "", ".python_version": "3.12"},
			says:  []string{".python_version says which Python to use under a name that nobody reads", "git mv .python_version .python-version"},
		},
		"a version file without a version": {
			files: map[string]string{"requirements.txt": "", ".python-version": "# soon\n"},
			says:  []string{".python-version names no version", "echo 3.13 > .python-version"},
		},
		"a version file with several": {
			files: map[string]string{"requirements.txt": "", ".python-version": "3.12\n3.11\n"},
			says:  []string{"several versions: 3.12, 3.11", "echo 3.12 > .python-version"},
		},
		"a version of something else": {
			files: map[string]string{"requirements.txt": "", ".python-version": "pypy3.10\n"},
			says:  []string{`says "pypy3.10", which is no version of CPython`},
		},
		"runtime.txt without python-": {
			files: map[string]string{"requirements.txt": "", "runtime.txt": "3.12.4"},
			says:  []string{`runtime.txt says "3.12.4"`, "expected something like python-3.13", "git rm runtime.txt", "git add .python-version"},
		},
		"a version that is too old": {
			files: map[string]string{"requirements.txt": "", ".python-version": "3.7.9\n"},
			says:  []string{"Python 3.7.9 is too old", ".python-version asks for it", "slugc knows 3.11, 3.12, 3.13, 3.14", "echo 3.13 > .python-version", "git add .python-version"},
		},
		"Python 2": {
			files: map[string]string{"requirements.txt": "", "runtime.txt": "python-2.7.18"},
			says:  []string{"Python 2.7.18 is too old", "runtime.txt asks for it", "git add .python-version"},
		},
		"a variable that is no version": {
			files: map[string]string{"requirements.txt": "", "pyproject.toml": "[project]\nrequires-python = 'three'"},
			says:  []string{`requires-python "three" in pyproject.toml does not say which Python to use`, "slugc knows 3.11, 3.12, 3.13, 3.14"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Write(test.files)
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
			languagetest.Lacks(t, err.Error(), "secret")
		})
	}
}

func TestDetect(t *testing.T) {
	for name, test := range map[string]struct {
		files  map[string]string
		passes bool
		says   string
	}{
		"requirements.txt":                   {files: map[string]string{"requirements.txt": ""}, passes: true},
		"a lock file":                        {files: map[string]string{"pdm.lock": ""}, passes: true},
		"Django without requirements":        {files: map[string]string{"manage.py": ""}, passes: true},
		"a script alone":                     {files: map[string]string{"main.py": ""}, passes: true},
		"a script in a Node.js app":          {files: map[string]string{"main.py": "", "package.json": "{}"}, says: "no requirements.txt"},
		"conda":                              {files: map[string]string{"environment.yml": ""}, passes: true},
		"pyproject.toml":                     {files: map[string]string{"pyproject.toml": ""}, passes: true},
		"its settings for tools in a Go app": {files: map[string]string{"pyproject.toml": "", "go.mod": ""}, says: "no requirements.txt"},
		"nothing of Python":                  {files: map[string]string{"index.php": ""}, says: "index.php"},
		"ignored":                            {files: map[string]string{".slugignore": "requirements.txt\n"}, says: ".slugignore lists requirements.txt"},
		"in a directory":                     {files: map[string]string{"api/requirements.txt": ""}, says: "there is requirements.txt in api/"},
		"misspelled":                         {files: map[string]string{"requirments.txt": ""}, passes: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Write(test.files)
			passes, says := s.detect()
			if passes != test.passes || !strings.Contains(says, test.says) {
				t.Errorf("passes %v, says %s", passes, says)
			}
		})
	}
}
