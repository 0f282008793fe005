package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Remove deletes a tree that processes of the sandbox may have left in any
// state, such as directories without permissions. A tree that is not there is
// removed already.
func Remove(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// What cannot be opened up shows in the second attempt, with its path.
	if walkErr := filepath.WalkDir(path, func(p string, entry fs.DirEntry, err error) error {
		if entry == nil || !entry.IsDir() {
			return nil
		}
		if chmodErr := os.Chmod(p, 0o700); chmodErr != nil && err != nil {
			return fs.SkipDir
		}
		return nil
	}); walkErr != nil {
		return errors.Join(err, walkErr)
	}
	return os.RemoveAll(path)
}
