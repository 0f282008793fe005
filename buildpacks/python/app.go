package python

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/python/lock"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// manager is a package manager.
type manager struct {
	name string
	// file is what it installs from.
	file string
	// lock is the command that makes it.
	lock string
}

// managers are those whose files slugc installs from.
func managers() []manager {
	return []manager{
		{"pip", requirementsFile, "pip freeze > " + requirementsFile},
		{"Pipenv", lock.PipfileLock, lock.PipenvLock},
		{"Poetry", lock.PoetryFile, lock.PoetryLock},
		{"uv", lock.UVFile, lock.UVLock},
		{"PDM", lock.PDMFile, lock.PDMLock},
	}
}

// app is an app as its author wrote it, checked.
type app struct {
	dir string
	// top is the directory of all that reaches the build: dir, or above it.
	top string
	manager
	// requirements are those of pip, locked is the lock file of any other
	// package manager.
	requirements requirements
	locked       lock.File
	// manifest is pyproject.toml, empty when there is none, and pipfile what a
	// Pipfile and its lock say of Python.
	manifest map[string]any
	pipfile  pipfilePython
	// lockText is the lock file as it is.
	lockText []byte
}

// readApp reads an app and refuses what cannot be built, before anything is
// downloaded.
func readApp(dir, source string) (app, error) {
	a := app{dir: dir, top: dir}
	if source != "" && layer.Within(source, dir) {
		a.top = source
	}
	_, err := a.readManifest(lock.Pyproject)
	if err != nil {
		return app{}, err
	}
	if a.manager, err = a.onlyManager(); err != nil {
		return app{}, err
	}
	if err := a.refuseLeftovers(); err != nil {
		return app{}, err
	}
	at := lock.Place{App: dir, Source: a.top, Root: filepath.Dir(filepath.Join(dir, a.file))}
	switch a.name {
	case "pip":
		if a.requirements, err = readRequirements(dir, a.top, requirementsFile); err != nil {
			return app{}, err
		}
		return a, a.haveLocal(a.requirements.local)
	case "Pipenv":
		if a.locked, err = lock.ReadPipenv(at); err == nil {
			a.pipfile, err = readPipfilePython(dir)
		}
	case "Poetry":
		a.locked, err = lock.ReadPoetry(at, a.manifest)
	case "uv":
		a.locked, err = lock.ReadUV(at, a.manifest)
	case "PDM":
		a.locked, err = lock.ReadPDM(at, a.manifest)
	}
	if err != nil {
		return app{}, err
	}
	if a.lockText, err = appfile.Read(dir, a.file); err != nil {
		return app{}, err
	}
	return a, a.reachesLocal()
}

// readManifest reads pyproject.toml, if it is there. Name is how the author of the
// app that is built finds it.
func (a *app) readManifest(name string) (there bool, err error) {
	a.manifest = map[string]any{}
	if there, err = appfile.Exists(a.dir, lock.Pyproject); err != nil || !there {
		return false, err
	}
	text, err := appfile.Read(a.dir, lock.Pyproject)
	if err != nil {
		return false, err
	}
	return true, appfile.TOML(name, text, &a.manifest)
}

// reachesLocal refuses a lock file with directories that do not reach the build.
// Which Python it will be is not known yet, so one that only another Python wants
// is seen later.
func (a app) reachesLocal() error {
	packages, err := a.locked.Packages(pep508.Linux("3.13.0", "amd64"))
	if errors.Is(err, lock.ErrOutside) {
		return err
	}
	if err != nil {
		return nil // said when the version is known
	}
	var local []string
	for _, p := range packages {
		if p.Kind == lock.Path {
			local = append(local, p.Path)
		}
	}
	return a.haveLocal(local)
}

// haveLocal refuses directories and files beside the app that are not there.
func (a app) haveLocal(paths []string) error {
	for _, name := range paths {
		if path.IsAbs(name) {
			continue
		}
		there, err := appfile.Exists(a.dir, name)
		if err != nil {
			return err
		}
		if !there {
			return appfile.Error("%s wants what is in %s, and there is no such directory or file\ncommit it with the app:\n  git add -f %s\n"+
				"if it is there on your machine, see whether .gitignore or .slugignore lists it", a.file, name, name)
		}
	}
	return nil
}

// onlyManager is the package manager of the app: exactly one must have left its
// file.
func (a app) onlyManager() (manager, error) {
	var names []string
	for _, m := range managers() {
		names = append(names, m.file)
	}
	found, err := appfile.Found(a.dir, names...)
	if err != nil {
		return manager{}, err
	}
	var there []manager
	for _, m := range managers() {
		if slices.Contains(found, m.file) {
			there = append(there, m)
		}
	}
	if len(there) > 1 {
		return manager{}, severalManagers(there)
	}
	wanted, err := a.wantedManager()
	if err != nil {
		return manager{}, err
	}
	if len(there) == 0 && (wanted.name == "" || wanted.name == "uv") || len(there) == 1 && there[0].name == "uv" {
		w, err := a.findWorkspace()
		if err != nil {
			return manager{}, err
		}
		if w != nil && (len(there) == 0 || w.has()) {
			return w.manager(a)
		}
	}
	switch {
	case len(there) == 1 && wanted.name == "Pipenv" && there[0].name != "Pipenv":
		return manager{}, severalManagers(append(there, manager{"Pipenv", lock.Pipfile, ""}))
	case len(there) == 1:
		return there[0], nil
	case wanted.name != "":
		return manager{}, missingLock(wanted, a.manifestName(wanted))
	}
	return manager{}, a.noManager()
}

// manifestName is the file in which a package manager's wishes stand.
func (a app) manifestName(m manager) string {
	if m.name == "Pipenv" {
		return lock.Pipfile
	}
	return lock.Pyproject
}

// wantedManager is the one that a manifest is written for, zero when none is.
func (a app) wantedManager() (manager, error) {
	pipfile, err := appfile.Exists(a.dir, lock.Pipfile)
	if err != nil {
		return manager{}, err
	}
	tools, _ := a.manifest["tool"].(map[string]any)
	backend := a.textAt("build-system", "build-backend")
	for _, m := range managers() {
		_, section := tools[strings.ToLower(m.name)]
		// Each has a build backend of its own: poetry.core, uv_build, pdm.backend.
		section = section || strings.HasPrefix(backend, strings.ToLower(m.name))
		if m.name == "Pipenv" && pipfile || m.name != "pip" && m.name != "Pipenv" && section {
			return m, nil
		}
	}
	return manager{}, nil
}

// severalManagers says which files to remove.
func severalManagers(there []manager) error {
	var names, lines []string
	for _, m := range there {
		names = append(names, m.file)
		var rest []string
		for _, other := range there {
			if other.file != m.file {
				rest = append(rest, other.file)
			}
		}
		lines = append(lines, fmt.Sprintf("  git rm %s    # when %s installs the packages", strings.Join(rest, " "), m.name))
	}
	return appfile.Error("there are files of several package managers: %s\n"+
		"they may ask for different versions, so slugc does not choose. Keep one:\n%s", strings.Join(names, ", "), strings.Join(lines, "\n"))
}

// missingLock says how to make a lock file.
func missingLock(m manager, manifest string) error {
	return appfile.Error("there is no %s\n"+
		"%s says which packages the app wants, but not which version of each, so two builds could differ. Make a lock file and commit it:\n"+
		"  %s\n  git add %s\n  git commit -m \"Add %s\"\n"+
		"if it is there on your machine, see whether .gitignore or .slugignore lists it", m.file, manifest, m.lock, m.file, m.file)
}

// misspelled are names under which people have kept their requirements.
func misspelled() []string {
	return []string{"requirement.txt", "requirments.txt", "requirements.text", "requirements", "requirements.txt.txt", "requirement", "Requirements.txt", "reqs.txt", "requirements-prod.txt"}
}

// condaFiles are those in which apps say what they want of conda.
func condaFiles() []string { return []string{"environment.yml", "environment.yaml", "conda-lock.yml"} }

// noManager says what an app without packages has to have.
func (a app) noManager() error {
	wrong, err := appfile.Found(a.dir, misspelled()...)
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return appfile.Error("there is no %s, but %s\nno package manager looks at that name. Rename it:\n  git mv %s %s", requirementsFile, wrong[0], wrong[0], requirementsFile)
	}
	conda, err := appfile.Found(a.dir, condaFiles()...)
	if err != nil {
		return err
	}
	if len(conda) > 0 {
		return appfile.Error("%s is of conda, whose channels are no package index that slugc installs from\n"+
			"most packages of conda are on the index of pip too, often under the same name. In the environment, write down what pip can install, mend what it cannot, and commit it:\n"+
			"  pip list --format freeze > %s\n  git add %s", conda[0], requirementsFile, requirementsFile)
	}
	stated, err := appfile.Found(a.dir, lock.Pyproject, "setup.py", "setup.cfg")
	if err != nil {
		return err
	}
	if len(stated) > 0 {
		return appfile.Error("there is no lock file beside %s\n"+
			"it says which packages the app wants, but not which version of each, so two builds could differ. Make a lock file and commit it, for example:\n"+
			"  uv lock    # for a [project] in pyproject.toml\n  git add uv.lock\n"+
			"or let pip install the app with packages that are pinned:\n"+
			"  pip install . && pip freeze --exclude-editable > %s\n  git add %s", stated[0], requirementsFile, requirementsFile)
	}
	return appfile.Error("no package manager's file is in the app's root: expected one of %s, Pipfile.lock, poetry.lock, uv.lock, pdm.lock\n"+
		"when the app needs no packages, say so:\n  touch %s\n  git add %s\n"+
		"else write down those that it needs:\n  pip freeze > %s", requirementsFile, requirementsFile, requirementsFile, requirementsFile)
}

// refuseLeftovers refuses an environment of another machine.
func (a app) refuseLeftovers() error {
	for _, name := range []string{".venv", "venv", "env"} {
		there, err := appfile.Exists(a.dir, path.Join(name, "pyvenv.cfg"))
		if err != nil {
			return err
		}
		if there {
			return appfile.Error("%s/ is a virtual environment that came with the app\n"+
				"it was made for another machine, and would be in the slug for nothing. Take it out:\n"+
				"  git rm -r --cached %s\n  echo %s/ >> .gitignore", name, name, name)
		}
	}
	return nil
}

// at is a value at a place in nested tables of pyproject.toml.
func (a app) at(keys ...string) any {
	var v any = a.manifest
	for _, key := range keys {
		t, is := v.(map[string]any)
		if !is {
			return nil
		}
		v = t[key]
	}
	return v
}

// textAt is a text at a place in pyproject.toml, "" when there is none.
func (a app) textAt(keys ...string) string {
	text, is := a.at(keys...).(string)
	if !is {
		return ""
	}
	return strings.TrimSpace(text)
}

// textsAt are the texts of a list at a place in pyproject.toml.
func (a app) textsAt(keys ...string) []string {
	list, is := a.at(keys...).([]any)
	if !is {
		return nil
	}
	var texts []string
	for _, one := range list {
		if text, is := one.(string); is {
			texts = append(texts, text)
		}
	}
	return texts
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
