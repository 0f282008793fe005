package launch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// nestingLimit bounds how deep a document may nest, and how many parts a key
// may have. The library recurses once a level until its stack overflows, which
// ends a program, and takes more than the square of the parts of a key.
const nestingLimit = 100

// DecodeTOML reads a document of foreign origin into a value. Its size is for
// the caller to bound. An error says the line.
func DecodeTOML(data []byte, into any) error {
	document := string(data)
	if line := nestsDeep(document); line > 0 {
		return fmt.Errorf("line %d: nested more than %d levels deep", line, nestingLimit)
	}
	_, err := toml.Decode(document, into)
	var parse toml.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &parse) && parse.Message != "":
		return fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "toml: "))
}

// nestsDeep is the line on which a document, as far as it is one, goes beyond
// nestingLimit, or 0.
func nestsDeep(document string) int {
	depth, parts, whole := 0, 0, document
	for document != "" {
		switch document[0] {
		case '"', '\'':
			document = afterString(document)
			continue
		case '#':
			_, document, _ = strings.Cut(document, "\n")
			parts = 0
			continue
		case '[', '{':
			depth, parts = depth+1, 0
		case ']', '}':
			depth, parts = max(depth-1, 0), 0
		case ',', '=', '\n':
			parts = 0
		case '.':
			parts++
		}
		if depth > nestingLimit || parts > nestingLimit {
			return 1 + strings.Count(whole[:len(whole)-len(document)], "\n")
		}
		document = document[1:]
	}
	return 0
}

// afterString is what follows the string, of any of the four kinds, that a
// document begins with.
func afterString(document string) string {
	quote := document[:1]
	lines := strings.HasPrefix(document, strings.Repeat(quote, 3))
	if lines {
		quote = document[:3]
	}
	rest := document[len(quote):]
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, quote):
			rest = rest[len(quote):]
			for range len(quote) - 1 {
				// Quotes that touch the end of a string of several lines
				// belong to it.
				rest = strings.TrimPrefix(rest, quote[:1])
			}
			return rest
		case rest[0] == '\\' && quote[0] == '"':
			rest = rest[min(2, len(rest)):]
		case rest[0] == '\n' && !lines:
			return rest
		default:
			rest = rest[1:]
		}
	}
	return ""
}
