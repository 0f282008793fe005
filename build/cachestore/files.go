package cachestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Files describes a directory of files that were fetched and can be fetched
// again, such as packages.
type Files struct {
	Dir string `json:"dir"`
	// Count is how many there are, Size what they take on disk, in bytes.
	Count int   `json:"count"`
	Size  int64 `json:"size"`
	// Used is when one of them was last used, as exactly as the file system
	// notes when a file is read.
	Used time.Time `json:"used"`
}

// ListFiles describes a directory of fetched files. One that is not there has
// none.
func ListFiles(ctx context.Context, dir string) (Files, error) {
	return eachFile(ctx, dir, func(string, time.Time) (bool, error) { return true, nil })
}

// PruneFiles removes the files of such a directory that nobody has used since a
// time, and describes them. Who is about to read one of them has to fetch it
// again.
func PruneFiles(ctx context.Context, dir string, unused time.Time) (Files, error) {
	return eachFile(ctx, dir, func(path string, used time.Time) (bool, error) {
		if used.After(unused) {
			return false, nil
		}
		err := os.Remove(path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
}

// eachFile describes those files of a directory that the function takes.
func eachFile(ctx context.Context, dir string, takes func(path string, used time.Time) (bool, error)) (Files, error) {
	files := Files{Dir: dir}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return &fs.PathError{Op: "lstat", Path: path, Err: err}
		}
		used := time.Unix(0, max(st.Atim.Nano(), st.Mtim.Nano()))
		taken, err := takes(path, used)
		if err != nil || !taken {
			return err
		}
		files.Count++
		files.Size += st.Blocks * 512
		if used.After(files.Used) {
			files.Used = used
		}
		return nil
	})
	if err != nil {
		return files, fmt.Errorf("reading the cache: %w", err)
	}
	return files, nil
}
