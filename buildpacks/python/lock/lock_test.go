package lock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/python/lock"
	"github.com/slugc/slugc/buildpacks/python/pep508"
	"github.com/slugc/slugc/stack/download"
)

const apps = "../../../testdata/apps"

func manifest(t *testing.T, dir string) map[string]any {
	t.Helper()
	doc := map[string]any{}
	if _, err := toml.DecodeFile(filepath.Join(dir, lock.Pyproject), &doc); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return doc
}

func read(t *testing.T, dir, name string) (lock.File, error) {
	t.Helper()
	place := lock.Place{App: dir, Source: dir, Root: dir}
	switch name {
	case lock.PipfileLock:
		return lock.ReadPipenv(place)
	case lock.PoetryFile:
		return lock.ReadPoetry(place, manifest(t, dir))
	case lock.UVFile:
		return lock.ReadUV(place, manifest(t, dir))
	}
	return lock.ReadPDM(place, manifest(t, dir))
}

// said are packages as requirements.
func said(packages []lock.Package) []string {
	var all []string
	for _, p := range packages {
		all = append(all, p.Requirement("/app"))
	}
	return all
}

// The sample apps' lock files were made by the tools themselves, and have what
// only Windows and what only development needs.
func TestApps(t *testing.T) {
	for app, test := range map[string]struct {
		lock string
		want []string
	}{
		"python-pipenv":  {lock.PipfileLock, []string{"blinker", "click", "flask", "gunicorn", "itsdangerous", "jinja2", "markupsafe", "werkzeug"}},
		"python-poetry":  {lock.PoetryFile, []string{"anyio", "click", "h11", "idna", "starlette", "typing-extensions", "uvicorn"}},
		"python-fastapi": {lock.UVFile, []string{"annotated-doc", "annotated-types", "anyio", "click", "fastapi", "h11", "idna", "opentelemetry-api", "pydantic", "pydantic-core", "starlette", "typing-extensions", "typing-inspection", "uvicorn"}},
		"python-pdm":     {lock.PDMFile, []string{"bottle", "waitress"}},
	} {
		t.Run(app, func(t *testing.T) {
			dir := filepath.Join(apps, app)
			f, err := read(t, dir, test.lock)
			if err != nil {
				t.Fatal(err)
			}
			packages, err := f.Packages(pep508.Linux("3.13.5", "amd64"))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, p := range packages {
				names = append(names, p.Name)
				if p.Kind != lock.Registry || len(p.Hashes) == 0 || p.Version == "" || p.Index != "" {
					t.Errorf("got %+v", p)
				}
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Error(diff)
			}
			// Any change of what is wanted is noticed.
			changed := t.TempDir()
			if err := os.CopyFS(changed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			file := lock.Pyproject
			if test.lock == lock.PipfileLock {
				file = lock.Pipfile
			}
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			edited := strings.NewReplacer(`flask = "*"`, `flask = ">=3"`, `starlette = "^1.0"`, `starlette = "^1.1"`, "fastapi>=0.115", "fastapi>=0.116", "bottle>=0.13", "bottle>=0.12").Replace(string(text))
			if err := os.WriteFile(filepath.Join(changed, file), []byte(edited), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = read(t, changed, test.lock)
			if download.FaultOf(err) != download.App || !strings.Contains(err.Error(), test.lock+" is out of step with "+file) || !strings.Contains(err.Error(), " lock\n  git add "+test.lock) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// tree writes an app.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const sum = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// Long: it is one table; a row is one kind of lock file, with the places that packages come from.
func TestSources(t *testing.T) {
	for name, test := range map[string]struct {
		lock  string
		files map[string]string
		want  []string
	}{
		"Pipenv": {
			lock: lock.PipfileLock,
			files: map[string]string{"Pipfile.lock": `{"_meta": {"hash": {"sha256": "x"}, "sources": [{"name": "corp", "url": "https://example.com/simple"}]}, "default": {
				"a": {"version": "==1.0", "hashes": ["` + sum + `"], "extras": ["x", "y"], "index": "corp"},
				"b": {"git": "https://example.com/b.git", "ref": "abc", "subdirectory": "sub", "editable": true},
				"c": {"path": "./libs/c", "editable": true},
				"d": {"file": "libs/d space.whl", "hashes": ["` + sum + `"]},
				"e": {"file": "https://example.com/e.whl", "hashes": ["` + sum + `"]},
				"f": {"version": "==1", "markers": "python_version < '3'"}
			}}`},
			want: []string{"a[x,y]==1.0", "b @ git+https://example.com/b.git@abc#subdirectory=sub", "-e /app/libs/c", "d @ file:///app/libs/d%20space.whl", "e @ https://example.com/e.whl"},
		},
		"Poetry 2": {
			lock: lock.PoetryFile,
			files: map[string]string{"poetry.lock": `
[[package]]
name = "A.B"
version = "1.0"
groups = ["main", "dev"]
markers = {main = "python_version >= \"3.11\"", dev = "python_version < \"3\""}
files = [{file = "a.whl", hash = "` + sum + `"}]
[package.source]
type = "legacy"
url = "https://example.com/simple"
[[package]]
name = "b"
version = "2"
groups = ["main"]
[package.source]
type = "git"
url = "https://example.com/b.git"
resolved_reference = "abc"
[[package]]
name = "c"
version = "3"
groups = ["main"]
develop = true
[package.source]
type = "directory"
url = "libs/c"
[[package]]
name = "d"
version = "3"
groups = ["main"]
markers = "extra == \"more\""
[metadata]
lock-version = "2.1"
content-hash = "115cf985d932e9bf5f540555bbdd75decbb62cac81e399375fc19f6277f8c1d8"
`},
			want: []string{"a-b==1.0", "b @ git+https://example.com/b.git@abc", "-e /app/libs/c"},
		},
		"Poetry 1": {
			lock: lock.PoetryFile,
			files: map[string]string{
				"pyproject.toml": "[tool.poetry.dependencies]\npython = \"^3.8\"\nroot = {version = \"^1\", extras = [\"fast\"]}\nold = {version = \"*\", python = \"<3.8\"}\nwin = {version = \"*\", platform = \"win32\"}\nopt = {version = \"*\", optional = true}\n" +
					"multi = [{version = \"<2\", python = \"<3.12\"}, {version = \">=2\", python = \">=3.12\"}]\n[tool.poetry.extras]\nall = [\"opt\"]\n",
				"poetry.lock": `
[[package]]
name = "root"
version = "1.2"
category = "main"
optional = false
python-versions = "*"
[package.dependencies]
deep = {version = ">=1", markers = "sys_platform == \"linux\""}
never = {version = ">=1", markers = "sys_platform == \"win32\""}
quick = {version = ">=1", optional = true, markers = "extra == \"fast\""}
[package.extras]
fast = ["quick (>=1)"]
[[package]]
name = "deep"
version = "1.1"
[[package]]
name = "quick"
version = "1.9"
[[package]]
name = "never"
version = "1.0"
[[package]]
name = "opt"
version = "1.0"
[[package]]
name = "dev"
version = "1.0"
[[package]]
name = "multi"
version = "1.9"
[[package]]
name = "multi"
version = "2.1"
[metadata]
lock-version = "1.1"
content-hash = "91f33c733d55bd934b40546a6f4b60b0316d477ed1c8e25d4ccf5a955501f985"
[metadata.files]
root = [{file = "root.whl", hash = "` + sum + `"}]
deep = [{file = "deep.whl", hash = "` + sum + `"}]
quick = [{file = "quick.whl", hash = "` + sum + `"}]
multi = [{file = "multi.whl", hash = "` + sum + `"}]
`},
			want: []string{"deep==1.1", "multi==2.1", "quick==1.9", "root==1.2"},
		},
		"uv": {
			lock: lock.UVFile,
			files: map[string]string{
				"pyproject.toml": "[project]\nname = \"App\"\ndependencies = [\"a[x]>=1\", \"member\", \"g\", \"u; sys_platform == 'linux'\", \"fork\"]\n[tool.uv.sources]\nmember = {workspace = true}\n",
				"uv.lock": `version = 1
[[package]]
name = "app"
version = "0.1"
source = { editable = "." }
dependencies = [{name = "a", extra = ["x"]}, {name = "member"}, {name = "g"}, {name = "u", marker = "sys_platform == 'linux'"},
  {name = "fork", version = "1.0", marker = "python_full_version < '3.12'"}, {name = "fork", version = "2.0", marker = "python_full_version >= '3.12'"}]
[package.metadata]
requires-dist = [{name = "a", extras = ["x"], specifier = ">=1"}, {name = "member", editable = "libs/member"}, {name = "g"}, {name = "u"}, {name = "fork"}]
[[package]]
name = "a"
version = "1.0"
source = { registry = "https://example.com/simple" }
sdist = { url = "https://example.com/a.tar.gz", hash = "` + sum + `" }
[package.optional-dependencies]
x = [{name = "xdep"}]
y = [{name = "ydep"}]
[[package]]
name = "xdep"
version = "1.1"
source = { registry = "https://example.com/simple" }
wheels = [{ url = "https://example.com/x.whl", hash = "` + sum + `" }]
[[package]]
name = "ydep"
version = "1.1"
source = { registry = "https://example.com/simple" }
[[package]]
name = "member"
version = "0.1"
source = { editable = "libs/member" }
[[package]]
name = "g"
version = "0.1"
source = { git = "https://example.com/g.git?subdirectory=sub&rev=main#abc" }
[[package]]
name = "u"
version = "0.1"
source = { url = "https://example.com/u.whl" }
wheels = [{ url = "https://example.com/u.whl", hash = "` + sum + `" }]
[[package]]
name = "fork"
version = "1.0"
source = { registry = "" }
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "fork"
version = "2.0"
source = { registry = "" }
resolution-markers = ["python_full_version >= '3.12'"]
wheels = [{ hash = "` + sum + `" }]
`},
			want: []string{"a==1.0", "-e /app", "fork==2.0", "g @ git+https://example.com/g.git@abc#subdirectory=sub", "-e /app/libs/member", "u @ https://example.com/u.whl", "xdep==1.1"},
		},
		"PDM without groups": {
			lock: lock.PDMFile,
			files: map[string]string{
				"pyproject.toml": "[project]\ndependencies = [\"a[x]>=1\", \"w; sys_platform == 'win32'\"]\n",
				"pdm.lock": `[metadata]
strategy = ["cross_platform"]
lock_version = "4.4"
content_hash = "md5:x"
[[package]]
name = "a"
version = "1.0"
dependencies = ["b>=1; python_version >= \"3.8\"", "c; python_version < \"3.8\""]
files = [{file = "a.whl", hash = "` + sum + `"}]
[[package]]
name = "a"
version = "1.0"
extras = ["x"]
dependencies = ["a==1.0", "d"]
[[package]]
name = "b"
version = "1.5"
path = "./libs/b"
[[package]]
name = "d"
version = "1.5"
git = "https://example.com/d.git"
revision = "abc"
[[package]]
name = "w"
version = "1"
[[package]]
name = "c"
version = "1"
`},
			want: []string{"a==1.0", "b @ file:///app/libs/b", "d @ git+https://example.com/d.git@abc"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, test.files)
			f, err := read(t, dir, test.lock)
			if err != nil {
				t.Fatal(err)
			}
			packages, err := f.Packages(pep508.Linux("3.13.5", "amd64"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, said(packages)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	for name, test := range map[string]struct {
		lock  string
		files map[string]string
		says  []string
	}{
		"Pipfile.lock is not valid JSON":         {lock.PipfileLock, map[string]string{"Pipfile.lock": "{"}, []string{"Pipfile.lock is not valid JSON", "line 1"}},
		"Pipfile.lock is none":                   {lock.PipfileLock, map[string]string{"Pipfile.lock": "{}"}, []string{"it is not a lock file of Pipenv", "rm Pipfile.lock\n  pipenv lock\n  git add Pipfile.lock"}},
		"Pipfile.lock holds an unfinished merge": {lock.PipfileLock, map[string]string{"Pipfile.lock": "<<<<<<< HEAD\n"}, []string{"Pipfile.lock holds an unfinished merge", "pipenv lock"}},
		"poetry.lock is none":                    {lock.PoetryFile, map[string]string{"poetry.lock": ""}, []string{"it is not a lock file of Poetry", "poetry lock"}},
		"poetry.lock is not valid TOML":          {lock.PoetryFile, map[string]string{"poetry.lock": "a = "}, []string{"poetry.lock", "line 1"}},
		"poetry.lock is of the future":           {lock.PoetryFile, map[string]string{"poetry.lock": "[metadata]\nlock-version = \"3.0\"\ncontent-hash = \"x\""}, []string{"has the form 3.0"}},
		"uv.lock is of the future":               {lock.UVFile, map[string]string{"uv.lock": "version = 2"}, []string{"uv.lock cannot be used", "uv lock"}},
		"uv.lock is of another app": {lock.UVFile, map[string]string{"uv.lock": "version = 1", "pyproject.toml": "[project]\nname = \"a\""},
			[]string{"uv.lock is out of step with pyproject.toml", "does not have the app a"}},
		"uv.lock has more": {lock.UVFile, map[string]string{
			"uv.lock":        "version = 1\n[[package]]\nname = \"a\"\nsource = {virtual = \".\"}\n[package.metadata]\nrequires-dist = [{name = \"old\"}]",
			"pyproject.toml": "[project]\nname = \"a\""}, []string{"it has old, which is not wanted any more"}},
		"pdm.lock is none":    {lock.PDMFile, map[string]string{"pdm.lock": ""}, []string{"it is not a lock file of PDM"}},
		"pdm.lock is too old": {lock.PDMFile, map[string]string{"pdm.lock": "[metadata]\nlock_version = \"3.1\"\ncontent_hash = \"sha256:x\""}, []string{"it has the form 3.1"}},
		"a checksum is missing": {lock.PDMFile, map[string]string{"pdm.lock": "[metadata]\nlock_version = \"4.4\"\ncontent_hash = \"md5:x\"\nstrategy = [\"inherit_metadata\"]\n[[package]]\nname = \"a\"\nversion = \"1\"\ngroups = [\"default\"]"},
			[]string{"pdm.lock has no checksum of a 1"}},
		"a path leads out":                {lock.PipfileLock, map[string]string{"Pipfile.lock": `{"_meta": {"hash": {"sha256": "x"}}, "default": {"a": {"path": "../a"}}}`}, []string{"a is at ../a, which is not in the app"}},
		"a repository of another kind":    {lock.PipfileLock, map[string]string{"Pipfile.lock": `{"_meta": {"hash": {"sha256": "x"}}, "default": {"a": {"hg": "https://example.com/a"}}}`}, []string{"not one of git"}},
		"a git dependency without commit": {lock.PipfileLock, map[string]string{"Pipfile.lock": `{"_meta": {"hash": {"sha256": "x"}}, "default": {"a": {"git": "https://example.com/a"}}}`}, []string{"it has no commit of a"}},
		"a marker is none":                {lock.PipfileLock, map[string]string{"Pipfile.lock": `{"_meta": {"hash": {"sha256": "x"}}, "default": {"a": {"version": "==1", "markers": "so what"}}}`}, []string{"Pipfile.lock: a: the marker"}},
		"a package is missing": {lock.UVFile, map[string]string{"uv.lock": "version = 1\n[[package]]\nname = \"a\"\nsource = {virtual = \".\"}\ndependencies = [{name = \"b\"}]\n[package.metadata]\nrequires-dist = [{name = \"b\"}]",
			"pyproject.toml": "[project]\nname = \"a\"\ndependencies = [\"b\"]"}, []string{"uv.lock does not have the package b"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, test.files)
			f, err := read(t, dir, test.lock)
			if err == nil {
				_, err = f.Packages(pep508.Linux("3.13.5", "amd64"))
			}
			if download.FaultOf(err) != download.App {
				t.Fatalf("got %v", err)
			}
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("\n%v\ndoes not say\n%s", err, part)
				}
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"python-pipenv/Pipfile.lock", "python-poetry/poetry.lock", "python-fastapi/uv.lock", "python-pdm/pdm.lock"} {
		data, err := os.ReadFile(filepath.Join(apps, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Base(name), string(data))
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		switch name {
		case lock.PipfileLock, lock.PoetryFile, lock.UVFile, lock.PDMFile:
		default:
			return
		}
		file, err := read(t, tree(t, map[string]string{name: text}), name)
		if err != nil {
			return
		}
		packages, err := file.Packages(pep508.Linux("3.13.5", "amd64"))
		for _, p := range packages {
			if err == nil && strings.Contains(p.Path, "..") && !strings.Contains(text, "..") {
				t.Errorf("%s leads out of the app", p.Path)
			}
		}
	})
}
