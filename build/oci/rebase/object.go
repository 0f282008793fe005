package rebase

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// object is a JSON object whose members keep their order and their bytes.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

var _ json.Unmarshaler = (*object)(nil)

// UnmarshalJSON reads an object; null is an empty one.
func (o *object) UnmarshalJSON(data []byte) error {
	*o = nil
	d := json.NewDecoder(bytes.NewReader(data))
	switch token, err := d.Token(); {
	case err != nil:
		return err
	case token == nil:
		return nil
	case token != json.Delim('{'):
		return errors.New("expected a JSON object")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, isName := token.(string)
		if !isName {
			return errors.New("expected a JSON object")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		*o = append(*o, member{name, value})
	}
	return nil
}

// text is the object as JSON.
func (o object) text() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) find(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.name == name })
}

func (o object) has(name string) bool { return o.find(name) >= 0 }

// set gives a member a value, in its place if there is one.
func (o *object) set(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	o.put(name, text)
	return nil
}

func (o *object) put(name string, text []byte) {
	if at := o.find(name); at >= 0 {
		(*o)[at].value = text
		return
	}
	*o = append(*o, member{name, text})
}

func (o *object) remove(name string) {
	*o = slices.DeleteFunc(*o, func(m member) bool { return m.name == name })
}

// change changes a member that is an object itself, or becomes one.
func (o *object) change(name string, how func(*object) error) error {
	var inner object
	if at := o.find(name); at >= 0 {
		if err := json.Unmarshal((*o)[at].value, &inner); err != nil {
			return err
		}
	}
	if err := how(&inner); err != nil {
		return err
	}
	text, err := inner.text()
	if err == nil {
		o.put(name, text)
	}
	return err
}
