package php

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// phpValue is a value of JSON in the order of its text, as PHP has it: texts,
// numbers, true, false, null, lists and tables.
type phpValue struct {
	// text is a value that has no parts, as PHP writes it.
	text string
	// list are the parts of a list, table those of an object.
	list  []phpValue
	table []phpEntry
	kind  byte
}

// phpEntry is a part of an object.
type phpEntry struct {
	key   string
	value phpValue
}

const maxDepth = 500

// readPHP reads JSON as PHP's json_decode does for arrays.
func readPHP(data []byte) (phpValue, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return phpValue{}, err
	}
	return v, nil
}

func readValue(d *json.Decoder, depth int) (phpValue, error) {
	if depth > maxDepth {
		return phpValue{}, errors.New("it is nested too deep")
	}
	token, err := d.Token()
	if err != nil {
		return phpValue{}, err
	}
	switch token := token.(type) {
	case json.Delim:
		return readParts(d, token, depth)
	case string:
		return phpValue{text: phpText(token)}, nil
	case json.Number:
		return phpValue{text: phpNumber(string(token))}, nil
	case bool:
		return phpValue{text: strconv.FormatBool(token)}, nil
	case nil:
		return phpValue{text: "null"}, nil
	}
	return phpValue{}, fmt.Errorf("unexpected %v", token)
}

func readParts(d *json.Decoder, open json.Delim, depth int) (phpValue, error) {
	v := phpValue{kind: byte(open)}
	for d.More() {
		if open == '[' {
			part, err := readValue(d, depth+1)
			if err != nil {
				return phpValue{}, err
			}
			v.list = append(v.list, part)
			continue
		}
		token, err := d.Token()
		if err != nil {
			return phpValue{}, err
		}
		key, is := token.(string)
		if !is {
			return phpValue{}, fmt.Errorf("unexpected %v", token)
		}
		part, err := readValue(d, depth+1)
		if err != nil {
			return phpValue{}, err
		}
		v.set(key, part)
	}
	_, err := d.Token()
	return v, err
}

// set sets a part of an object. One that is there keeps its place.
func (v *phpValue) set(key string, value phpValue) {
	for i := range v.table {
		if v.table[i].key == key {
			v.table[i].value = value
			return
		}
	}
	v.table = append(v.table, phpEntry{key, value})
}

// get is a part of an object.
func (v phpValue) get(key string) (phpValue, bool) {
	for _, entry := range v.table {
		if entry.key == key {
			return entry.value, true
		}
	}
	return phpValue{}, false
}

// String is the value as PHP's json_encode writes it. To PHP an empty object is an
// empty list, and so is one whose keys count from zero.
func (v phpValue) String() string {
	var out strings.Builder
	v.write(&out)
	return out.String()
}

func (v phpValue) write(out *strings.Builder) {
	switch {
	case v.kind == 0:
		out.WriteString(v.text)
	case v.kind == '[' || v.counts():
		out.WriteByte('[')
		for i, part := range v.list {
			if i > 0 {
				out.WriteByte(',')
			}
			part.write(out)
		}
		for i, entry := range v.table {
			if i > 0 {
				out.WriteByte(',')
			}
			entry.value.write(out)
		}
		out.WriteByte(']')
	default:
		out.WriteByte('{')
		for i, entry := range v.table {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString(phpText(entry.key) + ":")
			entry.value.write(out)
		}
		out.WriteByte('}')
	}
}

// counts tells whether the keys of an object are 0, 1, 2 and so on.
func (v phpValue) counts() bool {
	for i, entry := range v.table {
		if entry.key != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// phpText is a text as json_encode writes it: slashes and all that is not ASCII
// are escaped.
func phpText(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r == '/':
			out.WriteString("\\" + string(r))
		case r == '\b':
			out.WriteString(`\b`)
		case r == '\f':
			out.WriteString(`\f`)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		case r < ' ' || r >= utf8.RuneSelf:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// phpNumber is a number as json_encode writes what json_decode read.
func phpNumber(text string) string {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	exponent := 0
	if f != 0 {
		_, digits, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
		if exponent, err = strconv.Atoi(digits); err != nil {
			return text
		}
	}
	if exponent >= -4 && exponent < 17 {
		if f == 0 && math.Signbit(f) {
			return "-0.0"
		}
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	mantissa, _, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return fmt.Sprintf("%se%+d", mantissa, exponent)
}
