package slug

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

// stackFile is where a slug says what it was built on, below the app.
const stackFile = ".slugc/stack.toml"

// stackNote is its form.
type stackNote struct {
	ID     string       `toml:"id"`
	Target stack.Target `toml:"target"`
}

// StackNote is the entry of a slug that says what it was built on.
func StackNote(s stack.Stack) (pack.File, error) {
	var text bytes.Buffer
	encoder := toml.NewEncoder(&text)
	encoder.Indent = ""
	if err := encoder.Encode(stackNote{ID: s.ID, Target: s.Target}); err != nil {
		return pack.File{}, fmt.Errorf("writing %s: %w", stackFile, err)
	}
	return pack.File{Path: stackFile, Mode: 0o644, Content: text.Bytes()}, nil
}

// maxNote is how large the note may be, in bytes.
const maxNote = 64 << 10

// ReadStackNote reads what an unpacked slug says that it was built on. It has
// an empty ID where another tool made the slug. The slug is not trusted: what
// lies outside of it is not read.
func ReadStackNote(app string) (on stack.Stack, err error) {
	text, err := readNote(app, stackFile)
	if errors.Is(err, fs.ErrNotExist) {
		return stack.Stack{}, nil
	}
	if err != nil {
		return stack.Stack{}, fmt.Errorf("reading what the slug was built on: %w", err)
	}
	return parseStackNote(text)
}

func readNote(app, name string) ([]byte, error) {
	root, err := os.OpenRoot(app)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNote+1))
	if len(text) > maxNote {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxNote)
	}
	return text, err
}

func parseStackNote(text []byte) (stack.Stack, error) {
	var note stackNote
	if _, err := toml.Decode(string(text), &note); err != nil {
		return stack.Stack{}, fmt.Errorf("reading what the slug was built on, %s: %w", stackFile, err)
	}
	return stack.Stack{ID: note.ID, Target: note.Target}, nil
}
