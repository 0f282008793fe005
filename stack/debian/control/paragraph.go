package control

import (
	"bytes"
	"iter"
	"strings"
)

// Paragraph is one stanza of a control file: a window on its bytes, which must
// not change as long as it is used.
type Paragraph struct {
	text []byte
}

// Paragraphs walks over the stanzas of a control file (deb822(5)): what lines
// without a field, of blanks at most, set apart. It neither copies nor checks.
func Paragraphs(data []byte) iter.Seq[Paragraph] {
	return func(yield func(Paragraph) bool) {
		for start := 0; start < len(data); {
			end, next := stanza(data[start:])
			if end > 0 && !yield(Paragraph{text: data[start : start+end]}) {
				return
			}
			start += next
		}
	}
}

// stanza returns where the first stanza of data ends, with its last line's end,
// and where to look for the one after it. It has no length when a blank line is
// first.
func stanza(data []byte) (end, next int) {
	for end < len(data) {
		line, after := nextLine(data, end)
		if blank(line) {
			return end, after
		}
		end = after
	}
	return end, end
}

// nextLine returns the line that begins at start, without its end, and where
// the one after it begins.
func nextLine(data []byte, start int) (line []byte, next int) {
	if n := bytes.IndexByte(data[start:], '\n'); n >= 0 {
		return data[start : start+n], start + n + 1
	}
	return data[start:], len(data)
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// Text is the stanza as it was published, with the end of its last line where
// it has one.
func (p Paragraph) Text() string { return string(p.text) }

// Get returns the value of a field, "" when there is none; letter case does not
// count in names, and the first of several fields of a name does. Blanks around
// the value are taken off. The lines of a folded or multiline value are joined
// by a line end, each without the one blank that marks it as a continuation.
func (p Paragraph) Get(field string) string {
	if field == "" {
		return ""
	}
	for at := 0; at < len(p.text); {
		line, next := nextLine(p.text, at)
		if value, found := valueOf(line, field); found {
			return p.fold(value, next)
		}
		at = next
	}
	return ""
}

// valueOf returns what follows "field:" at the start of a line.
func valueOf(line []byte, field string) ([]byte, bool) {
	// Most lines differ in the first letter or have no colon there, and a
	// Packages file has a million of them.
	if len(line) <= len(field) || line[len(field)] != ':' || line[0]|0x20 != field[0]|0x20 {
		return nil, false
	}
	if !strings.EqualFold(string(line[:len(field)]), field) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(field)+1:]), true
}

// fold joins a value with the continuation lines from at on. Lines of a
// comment may stand between them (deb822(5)).
func (p Paragraph) fold(first []byte, at int) string {
	var value strings.Builder
	value.Write(first)
	for at < len(p.text) {
		// No line of a stanza is empty.
		line, next := nextLine(p.text, at)
		switch line[0] {
		case ' ', '\t':
			value.WriteByte('\n')
			value.Write(bytes.TrimRight(line[1:], " \t\r"))
		case '#':
		default:
			return value.String()
		}
		at = next
	}
	return value.String()
}
