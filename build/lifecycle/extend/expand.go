package extend

import (
	"fmt"
	"strings"
)

// expander puts values in the place of variables, and takes quotes away, as a
// Dockerfile has it outside of RUN: $NAME, ${NAME}, and ${NAME} with one of -, :-, +,
// :+, ? and :? and a word.
type expander struct {
	escape byte
	lookup func(name string) (string, bool)
}

// expand is a text with values.
func (x expander) expand(text string) (string, error) {
	var out strings.Builder
	rest, err := x.until(text, 0, &out)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q: unexpected %q", text, rest)
	}
	return out.String(), err
}

// until expands a text up to a character, which is left out, or to its end where that
// is none. It returns what follows.
func (x expander) until(text string, end byte, out *strings.Builder) (rest string, err error) {
	quoted := false
	for text != "" {
		c := text[0]
		switch {
		case end != 0 && c == end && !quoted:
			return text[1:], nil
		case c == '\'' && !quoted:
			inside, after, closed := strings.Cut(text[1:], "'")
			if !closed {
				return "", fmt.Errorf("a quote that begins has no end: %.40s", text)
			}
			out.WriteString(inside)
			text = after
		case c == '"':
			quoted = !quoted
			text = text[1:]
		case c == x.escape && len(text) > 1:
			// Within quotes it takes the meaning from few.
			if quoted && strings.IndexByte(`"$`+string(x.escape), text[1]) < 0 {
				out.WriteByte(c)
			}
			out.WriteByte(text[1])
			text = text[2:]
		case c == x.escape:
			text = ""
		case c == '$':
			if text, err = x.variable(text[1:], out); err != nil {
				return "", err
			}
		default:
			out.WriteByte(c)
			text = text[1:]
		}
	}
	switch {
	case quoted:
		return "", fmt.Errorf("a quote that begins has no end")
	case end != 0:
		return "", fmt.Errorf("a variable that begins with ${ has no }")
	}
	return "", nil
}

// variable expands what follows a dollar sign.
func (x expander) variable(text string, out *strings.Builder) (rest string, err error) {
	if !strings.HasPrefix(text, "{") {
		name := nameOf(text)
		if name == "" {
			out.WriteByte('$')
			return text, nil
		}
		value, _ := x.lookup(name)
		out.WriteString(value)
		return text[len(name):], nil
	}
	name := nameOf(text[1:])
	if name == "" {
		return "", fmt.Errorf("${ without the name of a variable: $%.40s", text)
	}
	value, set := x.lookup(name)
	text = text[1+len(name):]
	if after, plain := strings.CutPrefix(text, "}"); plain {
		out.WriteString(value)
		return after, nil
	}
	after, nonempty := strings.CutPrefix(text, ":")
	if nonempty {
		set = set && value != ""
	}
	if after == "" || strings.IndexByte("-+?", after[0]) < 0 {
		return "", fmt.Errorf("${%s%.10s: expected }, or one of - + ? :- :+ :?", name, text)
	}
	var word strings.Builder
	if rest, err = x.until(after[1:], '}', &word); err != nil {
		return "", err
	}
	switch {
	case after[0] == '?' && !set:
		return "", fmt.Errorf("%s: %s", name, word.String())
	case after[0] == '+' && set, after[0] == '-' && !set:
		out.WriteString(word.String())
	case after[0] != '+':
		out.WriteString(value)
	}
	return rest, nil
}

// nameOf is the name of a variable that a text begins with, or a digit.
func nameOf(text string) string {
	for i := range len(text) {
		c := text[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		if i == 0 && digit {
			return text[:1]
		}
		if !letter && !digit {
			return text[:i]
		}
	}
	return text
}
