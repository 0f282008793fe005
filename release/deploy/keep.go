package deploy

import (
	"errors"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/release/kept"
)

// KeptError is the error of a build whose directories were kept.
type KeptError struct {
	Kept kept.Kept
	Err  error
}

func (e *KeptError) Error() string { return e.Err.Error() }

// Unwrap is why the build failed.
func (e *KeptError) Unwrap() error { return e.Err }

// KeptDir is where failed builds are kept, below the root of all caches.
const KeptDir = "kept"

// keep keeps what a failed build worked in, if somebody wants to look at it and
// a buildpack's script failed there. The error has both.
func (w *workplace) keep(err error) error {
	failed, is := errors.AsType[*buildpacks.CompileError](err)
	if !w.site.Keep || !is || len(failed.Command.Args) == 0 {
		return err
	}
	k, keepErr := kept.Keep(filepath.Join(w.cacheRoot, KeptDir), w.app, failed.Command, w.entry.Work())
	if keepErr != nil {
		return errors.Join(err, keepErr)
	}
	return &KeptError{Kept: k, Err: err}
}
