package base

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// sealFile has the seal of a root filesystem.
const sealFile = "seal"

// seal sums up which files a directory has: their names, types, modes, sizes,
// times and where links lead, but not what is in them, so that it takes no
// longer than looking at each. Times are in seconds, which every backup keeps.
func seal(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var more string
		switch {
		case info.Mode().IsRegular():
			more = fmt.Sprintf("%d %d", info.Size(), info.ModTime().Unix())
		case info.Mode()&fs.ModeSymlink != 0:
			if more, err = os.Readlink(path); err != nil {
				return err
			}
		}
		fmt.Fprintf(sum, "%q %v %q\n", name, info.Mode(), more)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// errChanged says that a root filesystem is no longer what its packages make.
var errChanged = errors.New("its files were changed after it was made")

// unchanged makes sure that nobody changed the root filesystem: its digest says
// what it is made of, and so do the labels of its image. An error may be
// errChanged.
func (m Made) unchanged() error {
	want, err := os.ReadFile(filepath.Join(m.Dir, sealFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	is, err := seal(m.Root)
	if errors.Is(err, fs.ErrPermission) {
		// Another user made it, who did not let this one look at all of it.
		return nil
	}
	if err != nil {
		return err
	}
	if is != string(want) {
		return fmt.Errorf("%s: %w", m.Root, errChanged)
	}
	return nil
}
