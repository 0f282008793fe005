package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// jsonValue is a value of a JSON file that knows its line and the keys that lead
// to it, which encoding/json does not keep.
type jsonValue struct {
	line int
	// key is nil for the value of the whole file.
	key *jsonKey
	// is nil, a bool, a json.Number, a string, a []jsonValue or an object.
	is any
}

// jsonKey leads to a value from the one that it is in.
type jsonKey struct {
	in   *jsonKey
	name string
}

// String is what people call the value, such as environments.test.env.
func (k *jsonKey) String() string {
	name := ""
	for ; k != nil; k = k.in {
		name = k.name + name
	}
	return strings.TrimPrefix(name, ".")
}

// plainKey is a key that people read without quotes.
var plainKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]+$`) })

// field is the key of a field.
func (k *jsonKey) field(name string) *jsonKey {
	if !plainKey().MatchString(name) {
		name = strconv.Quote(name)
	}
	return &jsonKey{k, "." + name}
}

// object are the values of a JSON object by key. Of two with one key the later
// counts.
type object map[string]jsonValue

// parseJSON reads the text of a JSON file. Errors name the line.
func parseJSON(text string) (jsonValue, error) {
	// The reader of tokens is lenient; this one is not.
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return jsonValue{}, syntaxError(text, err)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	r := jsonReader{decoder: d, text: text, line: 1}
	return r.value(nil)
}

// syntaxError says the line of a mistake.
func syntaxError(text string, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	// Offset counts the byte that is wrong, if there is one.
	before := text[:min(max(int(syntax.Offset)-1, 0), len(text))]
	line := 1 + strings.Count(before, "\n")
	start := before[strings.LastIndexByte(before, '\n')+1:] + text[len(before):]
	if marker := conflict(start); marker != "" {
		return fmt.Errorf("line %d: it is a conflict marker of a merge (%s); resolve the conflict and commit the file", line, marker)
	}
	return fmt.Errorf("line %d: %w; it has to be JSON, which has no comments and no comma before a bracket", line, err)
}

// jsonReader makes values of the tokens of a file.
type jsonReader struct {
	decoder *json.Decoder
	text    string
	// line is that of the text before at.
	line, at int
}

// where is the line of the last token.
func (r *jsonReader) where() int {
	now := int(r.decoder.InputOffset())
	r.line += strings.Count(r.text[r.at:now], "\n")
	r.at = now
	return r.line
}

func (r *jsonReader) value(key *jsonKey) (jsonValue, error) {
	token, err := r.decoder.Token()
	if err != nil {
		return jsonValue{}, err
	}
	v := jsonValue{line: r.where(), key: key, is: token}
	switch token {
	case json.Delim('{'):
		fields := object{}
		for r.decoder.More() {
			token, err := r.decoder.Token()
			if err != nil {
				return jsonValue{}, err
			}
			name, _ := token.(string)
			if fields[name], err = r.value(key.field(name)); err != nil {
				return jsonValue{}, err
			}
		}
		v.is = fields
	case json.Delim('['):
		list := []jsonValue{}
		for r.decoder.More() {
			one, err := r.value(&jsonKey{key, fmt.Sprintf("[%d]", len(list))})
			if err != nil {
				return jsonValue{}, err
			}
			list = append(list, one)
		}
		v.is = list
	default:
		return v, nil
	}
	// The bracket at the end.
	_, err = r.decoder.Token()
	return v, err
}

// errorf is an error with the line and the name of a value.
func (v jsonValue) errorf(format string, args ...any) error {
	name := "the file"
	if v.key != nil {
		name = v.key.String()
	}
	return fmt.Errorf("line %d: %s %w", v.line, name, fmt.Errorf(format, args...))
}

// expected is the error of a value of another kind.
func (v jsonValue) expected(what string) error {
	return v.errorf("is %s; expected %s", v.kind(), what)
}

func (v jsonValue) kind() string {
	switch v.is.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "text"
	case object:
		return "an object"
	}
	return "a list"
}

// object are the fields of an object; what says what was expected.
func (v jsonValue) object(what string) (object, error) {
	if fields, is := v.is.(object); is {
		return fields, nil
	}
	return nil, v.expected(what)
}
