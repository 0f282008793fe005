package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
)

// PackError says that a finished build could not be packed or taken to its
// destination.
type PackError struct{ Err error }

func (e *PackError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PackError) Unwrap() error { return e.Err }

// ProcessError says that a process type was asked for that the app does not
// have.
type ProcessError struct {
	Type  string
	Types []string
}

func (e *ProcessError) Error() string {
	if len(e.Types) == 0 {
		return fmt.Sprintf("no process type %s: the app declares none", e.Type)
	}
	return fmt.Sprintf("no process type %s; the app has %s", e.Type, strings.Join(e.Types, ", "))
}

// LeftError says that a buildpack left something that can neither be packed nor be
// of use to a process.
type LeftError struct {
	// Path is what processes would call it.
	Path string
	// Problem is what is wrong with it, and what to do.
	Problem string
	Err     error
}

func (e *LeftError) Error() string { return fmt.Sprintf("a buildpack left %s %s", e.Path, e.Problem) }

// Unwrap is the cause.
func (e *LeftError) Unwrap() error { return e.Err }

// whoseFault is an error of reading a tree, as the buildpacks' where it is
// theirs.
func whoseFault(tree artifact.Tree, err error) error {
	if denied, is := errors.AsType[*fs.PathError](err); is && errors.Is(denied, fs.ErrPermission) {
		if path, is := seen(tree, denied.Path); is {
			return &LeftError{Path: path, Problem: "without the permission to read it: chmod -R u+rwX " + path, Err: err}
		}
	}
	if special, is := errors.AsType[*pack.SpecialError](err); is {
		if path, is := seen(tree, special.Path); is {
			return &LeftError{Path: path, Problem: "which is a device or a named pipe: remove it when the build is done", Err: err}
		}
	}
	return err
}

// seen is what buildpacks call a path of this machine, if they know it.
func seen(tree artifact.Tree, host string) (string, bool) {
	dirs := []buildpacks.Dir{tree.App}
	for _, l := range tree.CacheLayers {
		if l.Buildpack == classic.CacheOwner {
			dirs = []buildpacks.Dir{l.Dir, tree.App} // it lies in the app
		}
	}
	for _, dir := range dirs {
		if rel, err := filepath.Rel(dir.Host, host); err == nil && filepath.IsLocal(rel) {
			return path.Join(dir.Path, filepath.ToSlash(rel)), true
		}
	}
	return "", false
}

// checkProfiles makes sure that profile scripts can be where processes look for
// them.
func checkProfiles(tree artifact.Tree) error {
	if tree.Subdir != "" {
		return nil // what the source has at its top is not the app's
	}
	dir := path.Dir(profileScript)
	info, err := os.Lstat(filepath.Join(tree.App.Host, dir))
	if err != nil || info.IsDir() {
		return nil
	}
	return &LeftError{Path: path.Join(tree.App.Path, dir), Problem: "which is not a directory; profile scripts go there", Err: fs.ErrExist}
}
