package appfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// JSON reads JSON from a file of the app. Its errors are the author's, and show
// the place.
func JSON(name string, data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case len(bytes.TrimSpace(data)) == 0:
		return Error("%s is empty\nexpected a JSON object", name)
	case errors.As(err, &syntax):
		return Error("%s is not valid JSON\n%s", name, point(data, syntax.Offset, syntax.Error()))
	case errors.As(err, &kind) && kind.Field == "":
		return Error("%s is not a JSON object, but %s\nexpected { ... }", name, article(kind.Value))
	case errors.As(err, &kind):
		return Error("%s: %q is %s, which it must not be\n%s", name, kind.Field, article(kind.Value),
			point(data, kind.Offset, "expected "+expected(kind)))
	}
	return Error("%s cannot be read: %w", name, err)
}

// TOML reads TOML from a file of the app. Its errors are the author's, and show
// the place. Keys that are unknown are passed over.
func TOML(name string, data []byte, into any) error {
	_, err := toml.Decode(string(data), into)
	var syntax toml.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax) && syntax.Position.Line > 0:
		return Error("%s is not valid TOML\n%s", name, point(data, int64(syntax.Position.Start)+1, syntax.Message))
	}
	return Error("%s cannot be read: %w", name, err)
}

// yamlLine is where the reader of YAML says the line of an error.
var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`) })

// YAML reads one document of YAML from a file of the app. Its errors are the
// author's, and show the line.
func YAML(name string, data []byte, into any) (err error) {
	// The library promises errors, but has panicked on broken documents.
	defer func() {
		if broken := recover(); broken != nil {
			err = Error("%s is not valid YAML: %v", name, broken)
		}
	}()
	err = yaml.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	if several := (*yaml.TypeError)(nil); errors.As(err, &several) && len(several.Errors) > 0 {
		what = several.Errors[0]
	}
	if match := yamlLine().FindStringSubmatch(what); match != nil {
		if number, err := strconv.Atoi(match[1]); err == nil {
			return Error("%s is not as expected\n%s", name, pointLine(data, number, match[2]))
		}
	}
	return Error("%s is not valid YAML: %s", name, what)
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

// pointLine shows a line of a text, counted from 1.
func pointLine(data []byte, number int, what string) string {
	shown := fmt.Sprintf("line %d: %s", number, what)
	n := 0
	for line := range bytes.Lines(data) {
		if n++; n == number && len(line) <= maxShown {
			return shown + "\n  " + strings.TrimRight(string(line), "\r\n")
		}
	}
	return shown
}

// maxShown is the longest line that is shown below an error.
const maxShown = 120

// point shows the place of a fault in a text: the number of the last byte that
// was read is counted from 1.
func point(data []byte, offset int64, what string) string {
	at := int(min(max(offset-1, 0), int64(len(data))))
	start := bytes.LastIndexByte(data[:at], '\n') + 1
	end := len(data)
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		end = at + i
	}
	text := strings.TrimRight(string(data[start:end]), "\r\n")
	column := len([]rune(string(data[start:at])))
	shown := fmt.Sprintf("line %d, column %d: %s", bytes.Count(data[:start], []byte("\n"))+1, column+1, what)
	if len(text) > maxShown {
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
