package project

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/sandbox"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\ufeff"

// readText reads a file at the top of an app, which is foreign. The error of a
// file that is not there is fs.ErrNotExist.
func readText(dir, name string) (string, error) {
	data, err := readFile(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return strings.TrimPrefix(string(data), byteOrderMark), nil
}

// readFile reads a file that has to be one, and not too large.
func readFile(file string) ([]byte, error) {
	data, err := sandbox.ReadFile(file, maxFile)
	if errors.Is(err, sandbox.ErrNoFile) {
		err = errNoFile
	}
	return data, err
}

var errNoFile = errors.New("it is no file; expected a file with text: put a copy in the place of a link")
