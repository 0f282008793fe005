package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/cnb"
)

// RefError says why a buildpack reference does not lead to a buildpack.
type RefError struct {
	Ref string
	Err error
}

func (e *RefError) Error() string { return fmt.Sprintf("buildpack %s: %v", e.Ref, e.Err) }

// Unwrap returns the cause.
func (e *RefError) Unwrap() error { return e.Err }

// Buildpack opens the buildpack that a reference names. It returns a *RefError
// when there is none.
func Buildpack(ref string) (*cnb.Buildpack, error) {
	dir, err := filepath.Abs(ref)
	if err != nil {
		return nil, &RefError{ref, err}
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &RefError{ref, errors.New("no such directory, and no builtin buildpack of that id; slugc buildpack list shows those")}
	case err != nil:
		return nil, &RefError{ref, err}
	case !info.IsDir():
		return nil, &RefError{ref, errors.New("not a directory; unpack it and name the directory that holds buildpack.toml")}
	}
	if _, err := os.Stat(filepath.Join(dir, "buildpack.toml")); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "bin", "compile")); err == nil {
			return nil, &RefError{ref, errors.New("is a classic buildpack, which this version of slugc does not run")}
		}
		return nil, &RefError{ref, errors.New("has no buildpack.toml; name the directory that holds it")}
	}
	b, err := cnb.Open(dir)
	if err != nil {
		return nil, &RefError{ref, err}
	}
	return b, nil
}
