package privilege

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// EnsureOwner gives directories, with all that is in them, to a user who could not
// write them. What is not there, and what the user, his group or everybody may
// write, stays as it is: a large cache is not walked at every build.
func EnsureOwner(uid, gid int, dirs ...string) error {
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if dir == "" || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if canWrite(info, uid, gid) {
			continue
		}
		err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, uid, gid)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// canWrite is whether a user can write a directory, whose owner is taken to have
// the permission.
func canWrite(info fs.FileInfo, uid, gid int) bool {
	const byGroup, byAll = 0o020, 0o002
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	return int64(stat.Uid) == int64(uid) || int64(stat.Gid) == int64(gid) && info.Mode()&byGroup != 0 || info.Mode()&byAll != 0
}

// Root reports whether the process may do everything.
func Root() bool { return os.Geteuid() == 0 }
