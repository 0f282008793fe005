package pack

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxReadFile bounds a file that ReadFiles reads, in bytes.
const maxReadFile = 64 << 20

// ReadFiles are the entries of a small directory of regular files as a part that
// is not on disk, in the order of Walk, with the directory itself, whose path is
// empty, first. It is for what every build writes anew: then the content decides
// whether it is packed again, and not when it was written.
func ReadFiles(dir string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f := File{Path: filepath.ToSlash(rel), Mode: info.Mode()}
		switch {
		case rel == ".":
			f.Path = ""
		case info.IsDir():
		case info.Size() > maxReadFile:
			return fmt.Errorf("%s: %d bytes; expected at most %d", path, info.Size(), maxReadFile)
		case info.Mode().IsRegular():
			if f.Content, err = os.ReadFile(path); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: expected a regular file or a directory", path)
		}
		files = append(files, f)
		return nil
	})
	return files, err
}
