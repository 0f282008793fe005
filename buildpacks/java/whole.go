package java

import (
	"path"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// whole is the build of which an app is a part: the reactor of Maven, or the build
// of Gradle. For most apps it is the app itself.
type whole struct {
	// dir is the directory to which the paths of modules are relative, and root
	// where in it the build tool runs, "" for dir itself.
	dir, root string
	// member is where in it the app is, "" where the app is all of it.
	member string
	// gradlePath is how Gradle calls the app, ":services:api", "" for all of it.
	gradlePath string
	// unlisted says what a person should know of an app that its parent does not
	// list, "" where there is nothing to say.
	unlisted string
}

// ownDir is the directory of the app, in which its processes start.
func (w whole) ownDir() string { return filepath.Join(w.dir, w.member) }

// rootDir is the directory in which the build tool runs.
func (w whole) rootDir() string { return filepath.Join(w.dir, w.root) }

// fromApp is a path of the build as the app's author types it in the app's
// directory.
func (w whole) fromApp(name string) string {
	rel, err := filepath.Rel(w.ownDir(), filepath.Join(w.dir, name))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// isPart tells whether a module is the app, or one of the app's own.
func (w whole) isPart(module string) bool { return layer.Within(w.member, module) }

// above are the directories above the app that reach the build, the highest first.
func above(dir, source string) []string {
	var dirs []string
	for source != "" && dir != source && layer.Within(source, filepath.Dir(dir)) {
		dir = filepath.Dir(dir)
		dirs = append(dirs, dir)
	}
	slices.Reverse(dirs)
	return dirs
}

// nearest is a file in a directory or the nearest one above it in the source, by
// its path from the directory; its plain name where there is none.
func nearest(dir, source, name string) (string, error) {
	way := ""
	for _, at := range append([]string{dir}, reversed(above(dir, source))...) {
		there, err := appfile.Exists(at, name)
		if err != nil {
			return "", err
		}
		if there {
			return path.Join(way, name), nil
		}
		way = path.Join(way, "..")
	}
	return name, nil
}

func reversed(dirs []string) []string {
	all := slices.Clone(dirs)
	slices.Reverse(all)
	return all
}
