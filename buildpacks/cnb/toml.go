package cnb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
)

const (
	// maxTOML bounds every TOML file that a buildpack hands over, in bytes.
	maxTOML = 1 << 20
	// maxNesting bounds how deep its values and keys are nested: the parser
	// calls itself for each level, and remembers the whole key of each.
	maxNesting = 64
)

// read reads a file of limited size.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte too many is enough for decodeTOML to refuse it.
	return io.ReadAll(io.LimitReader(f, maxTOML+1))
}

// decodeTOML decodes TOML of limited size and depth into v. Errors say the
// line.
func decodeTOML(data []byte, v any) error {
	if len(data) > maxTOML {
		return fmt.Errorf("larger than %d KiB", maxTOML>>10)
	}
	if line := tooDeep(data); line > 0 {
		return fmt.Errorf("line %d: nested more than %d levels deep", line, maxNesting)
	}
	if _, err := toml.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return tomlError(err)
	}
	return nil
}

// tomlError says the line of a mistake.
func tomlError(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) && parse.Message != "" {
		return fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
}

// tooDeep is the first line of a TOML text whose arrays, tables or keys are
// nested more than maxNesting levels deep, or 0. In a text that is not valid
// it may be wrong about where strings end; the parser finds that out.
func tooDeep(data []byte) int {
	line, depth, dots := 1, 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '\n':
			line++
			dots = 0
		case '#':
			if end := bytes.IndexByte(data[i:], '\n'); end >= 0 {
				i += end - 1
			} else {
				i = len(data)
			}
		case '"', '\'':
			length := quoted(data[i:])
			line += bytes.Count(data[i:i+length], []byte("\n"))
			i += length - 1
		case '[', '{':
			depth++
			dots = 0
		case ']', '}':
			depth = max(depth-1, 0)
		case ',', '=':
			dots = 0
		case '.':
			dots++
		}
		if depth > maxNesting || dots > maxNesting {
			return line
		}
	}
	return 0
}

// quoted is the length of the string that a text begins with, of one line or of
// several.
func quoted(text []byte) int {
	quote := text[:1]
	escapes := quote[0] == '"'
	if long := bytes.Repeat(quote, 3); bytes.HasPrefix(text, long) {
		quote = long
	}
	for i := len(quote); i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\':
			i++
		case len(quote) == 1 && text[i] == '\n':
			return i
		case bytes.HasPrefix(text[i:], quote):
			return i + len(quote)
		}
	}
	return len(text)
}
