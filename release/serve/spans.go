package serve

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a part of a line of a log in one style.
type Span struct {
	// Class is its style as CSS classes, such as "b c1"; empty for none. It is made of
	// those of the page alone.
	Class string `json:"class,omitempty"`
	Text  string `json:"text"`
}

// longestLine is what the page shows of a line of a log, in bytes.
const longestLine = 16 << 10

// Spans is a line of a log as a terminal shows it: colours and weights are classes, what
// was written over is gone, and so is every other control of terminals and of the
// direction of text (ECMA-48; Unicode UAX #9).
func Spans(line string) []Span {
	line = strings.TrimRight(line, "\r\n")
	if at := strings.LastIndexByte(line, '\r'); at >= 0 {
		line = line[at+1:]
	}
	cut := len(line) > longestLine
	if cut {
		line = line[:longestLine]
	}
	var spans []Span
	var now style
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			spans = append(spans, Span{now.class(), text.String()})
			text.Reset()
		}
	}
	for len(line) > 0 {
		if line[0] == 0x1b {
			var parameters string
			var colour bool
			parameters, colour, line = escape(line)
			if colour {
				flush()
				now.apply(parameters)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(line)
		line = line[n:]
		switch {
		case r == '\t':
			text.WriteByte('\t')
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
		default:
			text.WriteRune(r)
		}
	}
	if cut {
		text.WriteString(" […]")
	}
	flush()
	return spans
}

// Plain is the text of a line alone.
func Plain(line string) string {
	var text strings.Builder
	for _, s := range Spans(line) {
		text.WriteString(s.Text)
	}
	return text.String()
}

// escape reads an escape sequence at the start of a text, and returns what comes after
// it; colour is whether it is one that selects a style.
func escape(text string) (parameters string, colour bool, rest string) {
	if len(text) < 2 {
		return "", false, ""
	}
	switch text[1] {
	case '[':
		i := 2
		for i < len(text) && text[i] >= 0x20 && text[i] <= 0x3f {
			i++
		}
		if i == len(text) {
			return "", false, ""
		}
		if text[i] < 0x40 || text[i] > 0x7e {
			return "", false, text[i:]
		}
		return text[2:i], text[i] == 'm', text[i+1:]
	case ']', 'P', 'X', '^', '_':
		// A string that ends with BEL or ST; one without an end is all that is left.
		for i := 2; i < len(text); i++ {
			if text[i] == 0x07 {
				return "", false, text[i+1:]
			}
			if text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\' {
				return "", false, text[i+2:]
			}
		}
		return "", false, ""
	}
	i := 1
	for i < len(text) && text[i] >= 0x20 && text[i] <= 0x2f {
		i++
	}
	if i < len(text) && text[i] >= 0x30 && text[i] <= 0x7e {
		i++
	}
	return "", false, text[i:]
}

// style is how text looks.
type style struct {
	bold, faint, italic, underlined bool
	// colour is 1 to 16 for the colours of terminals, 0 for none.
	colour int
}

func (s *style) apply(parameters string) {
	codes := strings.FieldsFunc(parameters+";", func(r rune) bool { return r == ';' || r == ':' })
	if len(codes) == 0 {
		codes = []string{"0"}
	}
	for i := 0; i < len(codes); i++ {
		code, err := strconv.Atoi(codes[i])
		switch {
		case err != nil:
			return
		case code == 0:
			*s = style{}
		case code == 1:
			s.bold = true
		case code == 2:
			s.faint = true
		case code == 3:
			s.italic = true
		case code == 4:
			s.underlined = true
		case code == 22:
			s.bold, s.faint = false, false
		case code == 23:
			s.italic = false
		case code == 24:
			s.underlined = false
		case code >= 30 && code <= 37:
			s.colour = code - 29
		case code >= 90 && code <= 97:
			s.colour = code - 81
		case code == 39:
			s.colour = 0
		case code == 38 || code == 48:
			i = s.extended(codes, i, code == 38)
		}
	}
}

// extended reads a colour of the table of 256, or of red, green and blue, which has no
// class, and returns where it ends.
func (s *style) extended(codes []string, at int, text bool) int {
	if at+1 >= len(codes) {
		return at
	}
	if codes[at+1] == "2" {
		return at + 4
	}
	if at+2 < len(codes) && text {
		if n, err := strconv.Atoi(codes[at+2]); err == nil && n >= 0 && n < 16 {
			s.colour = n + 1
		}
	}
	return at + 2
}

func (s *style) class() string {
	var words []string
	for _, one := range []struct {
		is   bool
		word string
	}{{s.bold, "b"}, {s.faint, "f"}, {s.italic, "i"}, {s.underlined, "u"}} {
		if one.is {
			words = append(words, one.word)
		}
	}
	if s.colour > 0 {
		words = append(words, "c"+strconv.Itoa(s.colour-1))
	}
	return strings.Join(words, " ")
}
