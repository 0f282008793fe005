package lock

import (
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// Place is where a lock file is, and what may be installed by it besides what
// registries have.
type Place struct {
	// App is the directory of the app, and Source that of all that reaches the
	// build, which is App or above it.
	App, Source string
	// Root is the directory of the lock file: App, or that of a workspace above.
	Root string
}

// ErrOutside is wrapped by the error of a lock file with a directory that does not
// reach the build.
var ErrOutside = errors.New("which is not in the app")

// name is how the app's author finds a file of the lock file's directory.
func (p Place) name(file string) string {
	rel, err := filepath.Rel(p.App, p.Root)
	if err != nil {
		return file
	}
	return path.Join(filepath.ToSlash(rel), file)
}

// member is what the lock file calls the app: its path from there, "." for its own
// directory.
func (p Place) member() string {
	rel, err := filepath.Rel(p.Root, p.App)
	if err != nil {
		return "."
	}
	return filepath.ToSlash(rel)
}

// reach turns a path of the lock file into one from the app, and refuses one that
// leads out of the source.
func (p Place) reach(file, subject, name string) (string, error) {
	found := filepath.Join(p.Root, filepath.FromSlash(name))
	rel, err := filepath.Rel(p.App, found)
	if err == nil && !path.IsAbs(name) && layer.Within(p.Source, found) {
		return filepath.ToSlash(rel), nil
	}
	if top := strings.Repeat("../", strings.Count(filepath.ToSlash(rel), "../")); top != "" && !path.IsAbs(name) {
		return "", appfile.Error("%s: %s is at %s, %w\nonly what is in the source reaches the build: move it there, or build the directory that has both, and name the app in it:\n"+
			"  slugc build %s --app DIRECTORY", file, subject, name, ErrOutside, strings.TrimSuffix(top, "/"))
	}
	return "", appfile.Error("%s: %s is at %s, %w\nonly what is in the source reaches the build: move it there, and lock again", file, subject, name, ErrOutside)
}
