package nodejs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/download"
)

// maxTextFile bounds package.json and the lock file.
const maxTextFile = 64 << 20

// appError is an error that the app's author has to mend: what is wrong, why,
// and what to type, a line each.
func appError(format string, args ...any) error {
	return &download.Error{Fault: download.App, Err: fmt.Errorf(format, args...)}
}

// exists tells whether there is a file of a name in a directory.
func exists(dir, name string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// readText reads a file of the app. It refuses one with the marks of an
// unfinished merge.
func readText(dir, name string) ([]byte, error) {
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if info.Size() > maxTextFile {
		return nil, appError("%s is too large: %d bytes, the limit is %d", name, info.Size(), maxTextFile)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if number, text := conflict(data); number > 0 {
		mend := "edit the file, then:\n  git add " + name
		if name != manifestFile {
			mend = "make it again from package.json:\n  git checkout --theirs " + name + "\n  npm install --package-lock-only\n  git add " + name
		}
		return nil, appError("%s holds an unfinished merge\nline %d: %s\n%s", name, number, text, mend)
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

// decode reads JSON from a file of the app, and says where it is broken.
func decode(name string, data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case len(bytes.TrimSpace(data)) == 0:
		return appError("%s is empty\nexpected a JSON object", name)
	case errors.As(err, &syntax):
		return appError("%s is not valid JSON\n%s", name, point(data, syntax.Offset, syntax.Error()))
	case errors.As(err, &kind) && kind.Field == "":
		return appError("%s is not a JSON object, but %s\nexpected { ... }", name, article(kind.Value))
	case errors.As(err, &kind):
		return appError("%s: %q is %s, which it must not be\n%s", name, kind.Field, article(kind.Value),
			point(data, kind.Offset, "expected "+expected(kind)))
	}
	return appError("%s cannot be read: %w", name, err)
}

func article(value string) string {
	word, _, _ := strings.Cut(value, " ")
	if word == "array" || word == "object" {
		return "an " + word
	}
	return "a " + word
}

func expected(kind *json.UnmarshalTypeError) string {
	switch kind.Type.Kind().String() {
	case "string":
		return "a string"
	case "map", "struct":
		return "an object"
	case "slice":
		return "a list"
	}
	return "a " + kind.Type.Kind().String()
}

// point shows the place of a fault in a text: the number of the last byte that
// was read is counted from 1.
func point(data []byte, offset int64, what string) string {
	at := int(min(max(offset-1, 0), int64(len(data))))
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	end := len(data)
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		end = at + i
	}
	const most = 120
	text := strings.TrimRight(string(data[start:end]), "\r\n")
	column := len([]rune(string(data[start:at])))
	shown := fmt.Sprintf("line %d, column %d: %s", bytes.Count(data[:start], []byte("\n"))+1, column+1, what)
	if len(text) > most {
		return shown
	}
	// A tab is as wide as itself, so the mark stands below it.
	mark := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, string(data[start:at]))
	return shown + "\n  " + text + "\n  " + mark + "^"
}

// writeBeside writes a file that appears whole or not at all.
func writeBeside(file string, data []byte, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside := file + ".new"
	defer func() {
		if removeErr := os.Remove(beside); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err := os.WriteFile(beside, data, mode); err != nil {
		return err
	}
	return os.Rename(beside, file)
}
