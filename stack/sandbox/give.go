package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Give hands a file or directory to the user that processes of the sandbox
// run as (see Owner), so that they may write it.
func Give(path string) error {
	uid, gid := Owner()
	if uid == os.Getuid() && gid == os.Getgid() {
		return nil
	}
	return os.Lchown(path, uid, gid)
}

// GiveTree hands a directory with all that is in it to the user that
// processes of the sandbox run as.
func GiveTree(dir string) error {
	if uid, gid := Owner(); uid == os.Getuid() && gid == os.Getgid() {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return Give(path)
	})
}
