package launch

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// nestingLimit bounds how deep a document may nest, and how many parts a key
// may have. The library recurses once a level until its stack overflows, which
// ends a program, and takes more than the square of the parts of a key.
const nestingLimit = 100

// decodeTOML reads a document of foreign origin into a value.
func decodeTOML(data []byte, into any) error {
	document := string(data)
	if nestsDeep(document) {
		return fmt.Errorf("it nests more than %d levels deep", nestingLimit)
	}
	_, err := toml.Decode(document, into)
	return err
}

// nestsDeep says whether a document, as far as it is one, is beyond
// nestingLimit.
func nestsDeep(document string) bool {
	depth, parts := 0, 0
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
			return true
		}
		document = document[1:]
	}
	return false
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
