package slug

import (
	"errors"
	"os"
	"path"
	"sync/atomic"

	"github.com/slugc/slugc/stack/sandbox"
)

// folder is an open directory, so that the path of its files need not be
// walked for each. It closes when the last of its files is written.
type folder struct {
	path string
	root *os.Root
	refs atomic.Int32
}

// enter makes the directory of rel the current folder.
func (u *unpacker) enter(rel string) error {
	dir := path.Dir(rel)
	if u.folder != nil && u.folder.path == dir {
		return nil
	}
	if err := u.closeFolder(); err != nil {
		return err
	}
	root, err := u.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	u.folder = &folder{path: dir, root: root}
	u.folder.refs.Store(1)
	return nil
}

// closeFolder lets go of the current folder.
func (u *unpacker) closeFolder() error {
	if u.folder == nil {
		return nil
	}
	f := u.folder
	u.folder = nil
	return f.release()
}

func (f *folder) release() error {
	if f.refs.Add(-1) > 0 {
		return nil
	}
	return f.root.Close()
}

// write makes the file of an entry.
func (f *folder) write(e *entry, fill func(*os.File) error) error {
	defer sandbox.HoldForks(e.mode())()
	name := path.Base(e.path)
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(file), file.Chmod(e.mode()), file.Close()); err != nil {
		return err
	}
	return f.root.Chtimes(name, e.ModTime, e.ModTime)
}
