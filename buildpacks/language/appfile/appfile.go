package appfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/download"
)

// MaxSize bounds a file of an app that is read as a whole, in bytes. Lock files
// of large apps have some dozens of megabytes.
const MaxSize = 64 << 20

// Error is an error that the app's author has to mend: what is wrong, why, and
// what to type, a line each.
func Error(format string, args ...any) error {
	return &download.Error{Fault: download.App, Err: fmt.Errorf(format, args...)}
}

// Exists tells whether there is a file of a name in a directory.
func Exists(dir, name string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Found are those of some names that are there in a directory, in their order.
func Found(dir string, names ...string) ([]string, error) {
	var found []string
	for _, name := range names {
		there, err := Exists(dir, name)
		if err != nil {
			return nil, err
		}
		if there {
			found = append(found, name)
		}
	}
	return found, nil
}

// FirstOfKind is the first name in a directory with an extension, "" for none.
func FirstOfKind(dir, extension string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("looking for %s files: %w", extension, err)
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == extension {
			return entry.Name(), nil
		}
	}
	return "", nil
}

// Merge says how the unfinished merge of a file is mended, in lines to type.
type Merge string

// ByHand is for a file that its author writes.
const ByHand Merge = ""

// Read reads a file of the app that its author writes. One that is too large, or
// that holds the marks of an unfinished merge, is the author's error; one that
// is not there is an fs.ErrNotExist.
func Read(dir, name string) ([]byte, error) { return ReadMerged(dir, name, ByHand) }

// ReadIfThere is Read of a file that an app need not have: nil where it has none.
func ReadIfThere(dir, name string) ([]byte, error) {
	data, err := Read(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// ReadMerged is Read for a file that a tool writes, whose unfinished merge is
// mended with that tool.
func ReadMerged(dir, name string, mend Merge) ([]byte, error) {
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if info.Size() > MaxSize {
		return nil, Error("%s is too large: %d bytes, the limit is %d", name, info.Size(), MaxSize)
	}
	if info.IsDir() {
		return nil, Error("%s is a directory\nexpected a file of this name", name)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if number, text := conflict(data); number > 0 {
		if mend == ByHand {
			mend = Merge("edit the file, then:\n  git add " + name)
		}
		return nil, Error("%s holds an unfinished merge\nline %d: %s\n%s", name, number, text, mend)
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// conflict finds the first mark that git leaves in a file it could not merge.
func conflict(data []byte) (number int, text string) {
	if !bytes.Contains(data, []byte("<<<<<<< ")) && !bytes.Contains(data, []byte(">>>>>>> ")) {
		return 0, ""
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if bytes.HasPrefix(line, []byte("<<<<<<< ")) || bytes.HasPrefix(line, []byte(">>>>>>> ")) {
			return n, strings.TrimRight(string(line), "\r\n")
		}
	}
	return 0, ""
}

// Word is the first line of a text that is no comment, without a comment after
// it: what a version file says.
func Word(data []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return ""
}
