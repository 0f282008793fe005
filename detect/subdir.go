package detect

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// SubdirError says why a directory of a source cannot be the app.
type SubdirError struct {
	// Dir is the directory as it was named.
	Dir string
	// Problem is what is wrong with it.
	Problem string
	// Apps are directories of the source that look like apps.
	Apps []string
	Err  error
}

func (e *SubdirError) Error() string {
	s := quotePath(e.Dir) + ": " + e.Problem
	if len(e.Apps) > 0 {
		s += "\ndirectories of the source that look like apps: " + strings.Join(e.Apps, ", ")
	}
	return s
}

// Unwrap returns the cause, if the operating system named one.
func (e *SubdirError) Unwrap() error { return e.Err }

// Subdir is the path, with slashes, of a directory of the source by which a person
// names the app in it: "web", also for "./web/", for a link to it and for its absolute
// path. It is empty for the source itself. The error is a *SubdirError.
func (s Source) Subdir(name string) (string, error) {
	refuse := func(problem string, err error) (string, error) {
		return "", &SubdirError{Dir: name, Problem: problem, Apps: s.apps(), Err: err}
	}
	out := "it leads out of the source; expected a directory of " + s.Dir
	dir := filepath.FromSlash(name)
	if !filepath.IsAbs(dir) {
		if dir = filepath.Clean(dir); !filepath.IsLocal(dir) {
			return refuse(out, nil)
		}
		dir = filepath.Join(s.Dir, dir)
	}
	end, err := filepath.EvalSymlinks(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return refuse("there is no such directory in "+s.Dir, err)
	case errors.Is(err, syscall.ENOTDIR):
		return refuse("it lies below a file; expected a directory of "+s.Dir, err)
	case err != nil:
		return refuse(reason(err), err)
	}
	rel, err := filepath.Rel(s.Dir, end)
	if err != nil || !filepath.IsLocal(rel) {
		return refuse(out, err)
	}
	info, err := os.Stat(end)
	switch {
	case err != nil:
		return refuse(reason(err), err)
	case !info.IsDir():
		return refuse("it is a file; expected the directory that the app is in", nil)
	case rel == ".":
		return "", nil
	}
	return filepath.ToSlash(rel), nil
}

// Limits of the search for directories that look like apps: who asks waits for it.
const (
	appDepth = 3
	appDirs  = 500
	appMost  = 20
)

// manifests are files that the directory of an app has.
var manifests = []string{
	"Cargo.toml", "Gemfile", "Pipfile", "Procfile", "Staticfile", "app.json", "build.gradle", "build.gradle.kts",
	"composer.json", "go.mod", "index.html", "package.json", "pom.xml", "project.toml", "pyproject.toml",
	"requirements.txt", "static.json",
}

// apps are the directories of the source, but not itself, that have a manifest: the
// first few, by name, as far as they lie near its top.
func (s Source) apps() []string {
	var found []string
	seen := 0
	next := []string{"."}
	for depth := 0; depth <= appDepth && len(next) > 0; depth++ {
		var below []string
		for _, dir := range next {
			if seen++; seen > appDirs {
				break
			}
			entries, err := os.ReadDir(filepath.Join(s.Dir, filepath.FromSlash(dir)))
			if err != nil {
				continue
			}
			if dir != "." && slices.ContainsFunc(entries, isManifest) {
				found = append(found, dir)
			}
			for _, entry := range entries {
				if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") && entry.Name() != "node_modules" && entry.Name() != "vendor" {
					below = append(below, path.Join(dir, entry.Name()))
				}
			}
		}
		next = below
	}
	slices.Sort(found)
	if len(found) > appMost {
		found = append(found[:appMost], "...")
	}
	for i, dir := range found {
		found[i] = quotePath(dir)
	}
	return found
}

func isManifest(entry fs.DirEntry) bool {
	return entry.Type().IsRegular() && slices.Contains(manifests, entry.Name())
}
