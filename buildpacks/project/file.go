package project

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\ufeff"

// readText reads a file at the top of an app. An app is foreign: a link, which
// may lead anywhere, is not followed, and a pipe, which may never end, is not
// waited for. The error of a file that is not there is fs.ErrNotExist.
func readText(dir, name string) (string, error) {
	data, err := readFile(filepath.Join(dir, name), syscall.O_NOFOLLOW)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return strings.TrimPrefix(string(data), byteOrderMark), nil
}

// readFile reads a file that has to be one, and not too large.
func readFile(file string, flags int) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, errors.New("it is a symbolic link; expected a file: put a copy in its place")
	case errors.Is(err, syscall.ENXIO):
		return nil, errNoFile
	case err != nil:
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNoFile
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		return nil, fmt.Errorf("it is larger than %d KiB", maxFile>>10)
	}
	return data, err
}

var errNoFile = errors.New("it is no file; expected a file with text")
