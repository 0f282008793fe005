package python

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/python/lock"
	"github.com/slugc/slugc/buildpacks/python/pep508"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// The files that say which Python an app wants.
const (
	versionFile = ".python-version"
	runtimeFile = "runtime.txt"
)

// pipfilePython is what Pipenv's files say of Python.
type pipfilePython struct {
	// full and minor are those of the lock file.
	full, minor string
}

func readPipfilePython(dir string) (pipfilePython, error) {
	data, err := appfile.Read(dir, lock.PipfileLock)
	if err != nil {
		return pipfilePython{}, err
	}
	var doc struct {
		Meta struct {
			Requires struct {
				Version string `json:"python_version"`
				Full    string `json:"python_full_version"`
			} `json:"requires"`
		} `json:"_meta"`
	}
	if err := appfile.JSON(lock.PipfileLock, data, &doc); err != nil {
		return pipfilePython{}, err
	}
	return pipfilePython{full: doc.Meta.Requires.Full, minor: doc.Meta.Requires.Version}, nil
}

// wish is what an app asks of Python.
type wish struct {
	version.Asked
	dialect runtime.Dialect
}

// pythonVersion is what an app asks of Python. The order is that of Heroku and
// Paketo: a variable of the build, runtime.txt, .python-version, the Pipfile, and
// last what a package manager says of the Pythons that will do.
func pythonVersion(a app, env map[string]string) (wish, error) {
	if err := refuseMisspelled(a.dir); err != nil {
		return wish{}, err
	}
	var all []version.Asked
	for _, name := range []string{"BP_CPYTHON_VERSION", "PYTHON_VERSION"} {
		all = append(all, version.Asked{Text: strings.TrimSpace(env[name]), Name: name})
	}
	fromRuntime, err := readRuntimeFile(a.dir)
	if err != nil {
		return wish{}, err
	}
	fromFile, err := a.versionFile()
	if err != nil {
		return wish{}, err
	}
	poetry := version.Asked{Text: a.poetryPython(), Name: "python", File: lock.Pyproject}
	all = append(all,
		version.Asked{Text: fromRuntime, Name: runtimeFile},
		fromFile,
		version.Asked{Text: a.pipfile.full, Name: "python_full_version", File: lock.PipfileLock},
		version.Asked{Text: a.pipfile.minor, Name: "python_version", File: lock.PipfileLock},
		version.Asked{Text: a.textAt("project", "requires-python"), Name: "requires-python", File: lock.Pyproject},
		poetry,
		// Of all members of a workspace, where the app says nothing.
		version.Asked{Text: a.locked.Python, Name: "requires-python", File: a.file},
	)
	w := wish{Asked: version.First(all...), dialect: runtime.PEP440}
	if w.Name == poetry.Name && w.File == poetry.File {
		// Poetry's own signs are those of npm.
		w.dialect = runtime.NPM
	}
	// A range is no other wish when what comes first is in it.
	var passed []version.Asked
	for _, other := range w.Passed {
		if !allowsRange(other.Text, w.Text) {
			passed = append(passed, other)
		}
	}
	w.Passed = passed
	return w, nil
}

// allowsRange tells whether a range allows a version.
func allowsRange(constraint, text string) bool {
	wanted, err := pep508.ParsePoetry(constraint)
	if err != nil {
		return false
	}
	v, err := pep508.ParseVersion(text)
	if err != nil {
		return false
	}
	for _, specifiers := range wanted {
		if specifiers.Allow(v) {
			return true
		}
	}
	return false
}

// poetryPython is tool.poetry.dependencies.python.
func (a app) poetryPython() string { return a.textAt("tool", "poetry", "dependencies", "python") }

// refuseMisspelled refuses version files under a name that nobody reads.
func refuseMisspelled(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := strings.ToLower(strings.Trim(entry.Name(), "."))
		squeezed := strings.NewReplacer("-", "", "_", "", ".txt", "").Replace(name)
		if squeezed == "pythonversion" && entry.Name() != versionFile {
			return appfile.Error("%s says which Python to use under a name that nobody reads\nrename it:\n  git mv %s %s", entry.Name(), entry.Name(), versionFile)
		}
		if (squeezed == "runtime" || squeezed == "runtimes") && strings.HasSuffix(name, ".txt") && entry.Name() != runtimeFile {
			return appfile.Error("%s says which Python to use under a name that nobody reads\nrename it:\n  git mv %s %s", entry.Name(), entry.Name(), versionFile)
		}
	}
	return nil
}

// readRuntimeFile reads Heroku's old runtime.txt: python-3.12.4.
func readRuntimeFile(dir string) (string, error) {
	data, err := appfile.ReadIfThere(dir, runtimeFile)
	text := appfile.Word(data)
	if err != nil || text == "" {
		return "", err
	}
	number, found := strings.CutPrefix(text, "python-")
	if !found || !version.IsNumber(number) {
		return "", appfile.Error("%s says %q, which is no version of Python: expected something like python-3.13\nthe file is out of use; say it in the one that all tools read:\n  git rm %s\n  echo 3.13 > %s\n  git add %s",
			runtimeFile, text, runtimeFile, versionFile, versionFile)
	}
	return number, nil
}

// versionFile is what the nearest .python-version says, that of the app or one above
// it in the source, as pyenv and uv look for it.
func (a app) versionFile() (version.Asked, error) {
	for _, way := range a.upward() {
		name := path.Join(way, versionFile)
		there, err := appfile.Exists(a.dir, name)
		if err != nil {
			return version.Asked{}, err
		}
		if there {
			text, err := readVersionFile(a.dir, name)
			return version.Asked{Text: text, Name: name}, err
		}
	}
	return version.Asked{Name: versionFile}, nil
}

// readVersionFile reads a .python-version: one version.
func readVersionFile(dir, name string) (string, error) {
	data, err := appfile.Read(dir, name)
	if err != nil {
		return "", err
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		if word := appfile.Word([]byte(line)); word != "" {
			found = append(found, word)
		}
	}
	switch {
	case len(found) == 0:
		return "", appfile.Error("%s names no version\nwrite one into it:\n  echo 3.13 > %s", name, name)
	case len(found) > 1:
		return "", appfile.Error("%s names several versions: %s\nan app runs on one. Keep it alone:\n  echo %s > %s", name, strings.Join(found, ", "), found[0], name)
	}
	number := strings.TrimPrefix(strings.TrimPrefix(found[0], "cpython-"), "python-")
	if !version.IsNumber(number) {
		return "", appfile.Error("%s says %q, which is no version of CPython: expected something like 3.13\nwrite one into it:\n  echo 3.13 > %s", name, found[0], name)
	}
	return number, nil
}

// exactVersion is a version with all its numbers.
var exactVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]+)\.([0-9]+)\.([0-9]+)$`) })

// resolvePython settles the version of Python.
func (b *build) resolvePython(ctx context.Context, a app) (runtime.Release, language.Wish, error) {
	asked, err := pythonVersion(a, b.Env)
	if err != nil {
		return runtime.Release{}, language.Wish{}, err
	}
	if asked.Name == runtimeFile {
		b.Print.Warn("%s is out of use. Say the same in the file that all tools read:\n  git rm %s\n  echo %s > %s\n  git add %s",
			runtimeFile, runtimeFile, version.Line(asked.Text), versionFile, versionFile)
	}
	hint := "slugc knows " + strings.Join(b.known.supported(b.Now()), ", ") + ". Ask for a line of releases, which gets the newest fixes:\n  echo 3.13 > " + versionFile + "\n  git add " + versionFile
	w := b.pythonWish(asked)
	w.Hint = hint
	text := asked.Text
	if w.Request.Constraint, err = runtime.ParseConstraint(asked.dialect, text); text != "" && err != nil {
		return runtime.Release{}, w, appfile.Error("%s does not say which Python to use\n%w\n%s", asked, err, hint)
	}
	if text == "" {
		w.Request.Constraint = runtime.Constraint{}
		w.Asked = version.Asked{Name: "the default of the stack"}
	}
	if b.known.tooOld(text) {
		return runtime.Release{}, w, appfile.Error("Python %s is too old: it has had no security fixes for years\n%s asks for it\n%s", text, asked.Source(), hint)
	}
	r, err := b.Resolve(ctx, w)
	if none, is := errors.AsType[*runtime.MissingError](err); is {
		if match := exactVersion().FindStringSubmatch(text); match != nil {
			// A later release of the same line has the same and more fixes.
			later := w
			if later.Request.Constraint, err = runtime.ParseConstraint(runtime.PEP440, "~="+text); err != nil {
				return runtime.Release{}, w, err
			}
			if r, err = b.Resolve(ctx, later); err == nil {
				b.Print.Warn("Python %s is not in %s.\nPython %s has the same and more fixes, so it is taken. To get the newest fixes always:\n  echo %s > %s",
					text, strings.Join(none.Where, ", nor in "), r.Version, version.Line(text), versionFile)
			}
		}
		if _, still := errors.AsType[*runtime.MissingError](err); still || err == nil && r.Version == "" {
			return runtime.Release{}, w, b.missingPython(asked, none, hint)
		}
	}
	if err != nil {
		return runtime.Release{}, w, err
	}
	if err := a.allowsPython(r.Version, asked); err != nil {
		return runtime.Release{}, w, err
	}
	if l := b.known.of(r.Version); l.End != "" && l.ended(b.Now()) {
		b.Print.Warn("Python %s has had no security fixes since %s.\nMove to a line that has: %s", l.Version, l.End, strings.Join(b.known.supported(b.Now()), ", "))
	}
	return r, w, nil
}

// missingPython says why a version is not to be had.
func (b *build) missingPython(asked wish, none *runtime.MissingError, hint string) error {
	why := ""
	if l := b.known.of(asked.Text); l.End != "" && l.ended(b.Now()) {
		why = "\nPython " + l.Version + " has had no security fixes since " + l.End
	}
	return appfile.Error("%w%s\n%s asks for it\n%s", none, why, asked.Source(), hint)
}

// allowsPython refuses a version that the app itself excludes elsewhere: packages
// may have been locked for another one.
func (a app) allowsPython(number string, asked wish) error {
	for _, other := range []version.Asked{
		{Text: a.textAt("project", "requires-python"), Name: "requires-python", File: lock.Pyproject},
		{Text: a.poetryPython(), Name: "tool.poetry.dependencies.python", File: lock.Pyproject},
	} {
		if _, err := pep508.ParsePoetry(other.Text); other.Text == "" || err != nil || allowsRange(other.Text, number) {
			continue
		}
		return appfile.Error("%s excludes Python %s\n%s asks for it. Make both say the same, and lock again:\n  %s", other, number, asked.Source(), a.lock)
	}
	return nil
}

// interpreter is the program of a Python that is installed.
func interpreter(l runtime.Layout, number string) (string, error) {
	for _, dir := range l.Bin {
		file := filepath.Join(dir, "python"+version.Line(number))
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", errors.New("looking for the interpreter: there is no python" + version.Line(number) + " in " + l.Dir)
}
