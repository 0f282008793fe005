package slug

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/build/pack"
)

// appFile is where a slug says which directory of it is the app, below its top. One
// without is the app.
const appFile = ".slugc/app.toml"

// appNote is its form.
type appNote struct {
	Directory string `toml:"directory"`
}

// AppNote is the entry of a slug that says which directory of it, a path with
// slashes, is the app.
func AppNote(subdir string) (pack.File, error) {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(appNote{subdir}); err != nil {
		return pack.File{}, fmt.Errorf("writing %s: %w", appFile, err)
	}
	return pack.File{Path: appFile, Mode: 0o644, Content: text.Bytes()}, nil
}

// ReadAppNote reads which directory of an unpacked slug is the app, with slashes;
// empty where that is all of it. The slug is not trusted: what lies outside of it is
// not read, and a directory that does is an error.
func ReadAppNote(top string) (subdir string, err error) {
	text, err := readNote(top, appFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading where the app of the slug is: %w", err)
	}
	return parseAppNote(text)
}

func parseAppNote(text []byte) (string, error) {
	var note appNote
	if _, err := toml.Decode(string(text), &note); err != nil {
		return "", fmt.Errorf("reading where the app of the slug is, %s: %w", appFile, err)
	}
	if note.Directory != "" && !filepath.IsLocal(note.Directory) {
		return "", fmt.Errorf("reading where the app of the slug is, %s: the directory %q leads out of it", appFile, note.Directory)
	}
	return note.Directory, nil
}
