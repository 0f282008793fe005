package workbench

import (
	"os"

	"golang.org/x/sys/unix"
)

// flush has the file system of a directory written to disk. For the thousands
// of files of an image that is faster than one flush for each.
func flush(dir *os.File) error { return unix.Syncfs(int(dir.Fd())) }
