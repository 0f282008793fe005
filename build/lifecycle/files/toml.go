package files

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// limit bounds a file, in bytes: what labels repeat in it can be long.
const limit = 32 << 20

// Logger hears what phases say about files that are not there.
type Logger interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// read reads a file of a kind. Platforms and their tests read the words of the
// errors.
func read(kind, file string, into any) error {
	// Platforms have links for files, such as those of a ConfigMap.
	target, err := filepath.EvalSymlinks(file)
	var data []byte
	if err == nil {
		data, err = sandbox.ReadFile(target, limit)
	}
	if missing, ok := errors.AsType[*fs.PathError](err); ok && missing.Op == "lstat" {
		err = &fs.PathError{Op: "open", Path: file, Err: missing.Err}
	}
	if err == nil {
		err = launch.DecodeTOML(data, into)
	}
	if err != nil {
		return fmt.Errorf("failed to read %s file: %w", kind, err)
	}
	return nil
}

// write writes a file of a kind, with the directory that it lies in.
func write(kind, file string, value any) error {
	text, err := encode(value)
	if err == nil {
		err = put(file, text)
	}
	if err != nil {
		return fmt.Errorf("failed to write %s file: %w", kind, err)
	}
	return nil
}

func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	err := toml.NewEncoder(&text).Encode(value)
	return text.Bytes(), err
}

// put gives a file its content. A platform may have mounted the file itself, or
// lets nobody make one beside it: then what is there is written over.
func put(file string, content []byte) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	err := beside.Write(dir, file, func(f *os.File) error {
		_, err := f.Write(content)
		return err
	})
	// Else what is there stays: that the disk is full helps nobody over.
	if mounted(err) {
		return os.WriteFile(file, content, 0o666)
	}
	return err
}

// mounted reports whether an error is that of a place where no file can be made or
// exchanged.
func mounted(err error) bool {
	return slices.ContainsFunc([]error{fs.ErrPermission, syscall.EROFS, syscall.EBUSY, syscall.EXDEV}, func(own error) bool { return errors.Is(err, own) })
}
