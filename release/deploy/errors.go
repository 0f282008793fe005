package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/artifact"
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

// UnreadableError says that a buildpack left a file that its owner may not read,
// so that it can neither be packed nor be of use to a process.
type UnreadableError struct {
	// Path is what processes would call it.
	Path string
	Err  error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("a buildpack left %s without the permission to read it: chmod -R u+rwX %s", e.Path, e.Path)
}

// Unwrap is what the system said.
func (e *UnreadableError) Unwrap() error { return e.Err }

// whoseFault is an error of reading a tree, as the buildpacks' where it is
// theirs.
func whoseFault(tree artifact.Tree, err error) error {
	denied, is := errors.AsType[*fs.PathError](err)
	if !is || !errors.Is(denied, fs.ErrPermission) {
		return err
	}
	rel, relErr := filepath.Rel(tree.App.Host, denied.Path)
	if relErr != nil || !filepath.IsLocal(rel) {
		return err
	}
	return &UnreadableError{Path: path.Join(tree.App.Path, filepath.ToSlash(rel)), Err: err}
}
