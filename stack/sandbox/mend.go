package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Mend gives the owner of a directory back what processes of the sandbox may
// have taken from it: that it can be listed, changed and entered. The names
// below lead on from there, from each directory to one in it, which are mended
// too. It ends at what is no directory, such as a link, which stays as it is and
// leads nowhere, and at what is not there.
func Mend(dir string, below ...string) error {
	for {
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !info.IsDir() {
			return err
		}
		const needed = 0o700
		if mode := info.Mode(); mode&needed != needed {
			if err := chmod(dir, mode|needed); err != nil {
				return err
			}
		}
		if len(below) == 0 {
			return nil
		}
		dir, below = filepath.Join(dir, below[0]), below[1:]
	}
}

// Move renames a directory, which may come to another parent. Only who may write
// a directory can do that; so it is mended for as long as it takes, and has the
// mode that it had afterwards.
func Move(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := Mend(from); err != nil {
		return err
	}
	err = os.Rename(from, to)
	if !info.IsDir() {
		return err
	}
	now := to
	if err != nil {
		now = from
	}
	return errors.Join(err, chmod(now, info.Mode()))
}

// chmod changes the mode of a directory. What somebody put in its place in the
// meantime does not lead it out of the parent.
func chmod(dir string, mode fs.FileMode) error {
	info, err := os.Lstat(dir)
	if err != nil || info.Mode() == mode {
		return err
	}
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Chmod(filepath.Base(dir), mode)
}
