package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Kind says what an event is.
type Kind string

// The kinds of events, as "type" in JSON.
const (
	Step     Kind = "step"
	Detail   Kind = "detail"
	Warning  Kind = "warning"
	Error    Kind = "error"
	Progress Kind = "progress"
	Result   Kind = "result"
	// Output is a line that a buildpack or another foreign program printed.
	Output Kind = "output"
	// Reported is what a buildpack tells programs about its build; people do not
	// see it.
	Reported Kind = "report"
	// Reused is what of an earlier build was used again, or was not; people read of it in
	// details.
	Reused Kind = "reuse"
)

// Fields are what an event says to programs beside its text. In JSON they
// stand next to "type" and "text", which they cannot replace.
type Fields map[string]any

// Event is one thing to tell.
type Event struct {
	Kind Kind
	// Text may have several lines.
	Text string
	// Fields are shown in JSON only.
	Fields Fields
}

// marshal is the event as one line of JSON: type, text, then the fields in
// order of their names. Every string in it has been through redact.
func (e Event) marshal(redact func(string) string) ([]byte, error) {
	var line bytes.Buffer
	line.WriteString(`{"type":`)
	if err := appendJSON(&line, string(e.Kind)); err != nil {
		return nil, err
	}
	line.WriteString(`,"text":`)
	if err := appendJSON(&line, redact(e.Text)); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		if name == "type" || name == "text" {
			continue
		}
		value, err := redactValue(e.Fields[name], redact)
		if err != nil {
			return nil, fmt.Errorf("encoding the field %s of the event %q: %w", name, e.Text, err)
		}
		line.WriteByte(',')
		if err := appendJSON(&line, redact(name)); err != nil {
			return nil, err
		}
		line.WriteByte(':')
		if err := appendJSON(&line, value); err != nil {
			return nil, err
		}
	}
	line.WriteString("}\n")
	return line.Bytes(), nil
}

func appendJSON(line *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	line.Truncate(line.Len() - 1)
	return nil
}

// redactValue is value as JSON decodes it, with redact applied to its strings.
// Redacting the encoded bytes instead would miss values that JSON escapes, and
// could break the escapes of others.
func redactValue(value any, redact func(string) string) (any, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var decoded any
	if err := decoder.Decode(&decoded); err != nil {
		return nil, err
	}
	return redactStrings(decoded, redact), nil
}

func redactStrings(value any, redact func(string) string) any {
	switch value := value.(type) {
	case string:
		return redact(value)
	case []any:
		for i := range value {
			value[i] = redactStrings(value[i], redact)
		}
		return value
	case map[string]any:
		shown := make(map[string]any, len(value))
		for name := range value {
			shown[redact(name)] = redactStrings(value[name], redact)
		}
		return shown
	}
	return value
}
