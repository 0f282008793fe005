package project

import "strings"

// charset is a set of characters. A slash is in none.
type charset struct {
	spans []span
	// negated sets have what is in no span.
	negated bool
}

// span is a range of characters, with its ends.
type span struct{ first, last rune }

func (s charset) has(c rune) bool {
	if c == '/' {
		return false
	}
	for _, p := range s.spans {
		if p.first <= c && c <= p.last {
			return !s.negated
		}
	}
	return s.negated
}

func (s *charset) add(first, last rune) { s.spans = append(s.spans, span{first, last}) }

// parseSet reads a set of git, such as [a-z0-9_], [!a] or [[:alpha:]], at the
// start of a text. The length is 0 when it has no end, or names a class that
// there is not; nothing matches that.
func parseSet(text string) (chars charset, length int) {
	i := 1
	if i < len(text) && (text[i] == '!' || text[i] == '^') {
		chars.negated = true
		i++
	}
	// before is the start of what a dash would make a range of, -1 for none.
	before := rune(-1)
	for first := true; ; first = false {
		if i >= len(text) {
			return charset{}, 0
		}
		c := text[i]
		switch {
		case c == ']' && !first:
			return chars, i + 1
		case c == '-' && before >= 0 && i+1 < len(text) && text[i+1] != ']':
			i++
			if text[i] == '\\' {
				if i++; i == len(text) {
					return charset{}, 0
				}
			}
			chars.add(before, rune(text[i]))
			before = -1
		case c == '[' && strings.HasPrefix(text[i:], "[:"):
			end := strings.IndexByte(text[i+2:], ']')
			if end < 0 {
				return charset{}, 0
			}
			name, is := strings.CutSuffix(text[i+2:i+2+end], ":")
			if !is {
				chars.add('[', '[')
				before = '['
				break
			}
			if !chars.addClass(name) {
				return charset{}, 0
			}
			i, before = i+2+end, -1
		default:
			if c == '\\' {
				if i++; i == len(text) {
					return charset{}, 0
				}
				c = text[i]
			}
			before = rune(c)
			chars.add(before, before)
		}
		i++
	}
}

// addClass adds the characters of a class of POSIX.1-2017, "LC_CTYPE", in the C
// locale. It is false for a name that there is not.
func (s *charset) addClass(name string) bool {
	ranges, found := map[string]string{
		"alnum": "azAZ09", "alpha": "azAZ", "blank": "  \t\t", "cntrl": "\x00\x1f\x7f\x7f", "digit": "09", "graph": "!~",
		"lower": "az", "print": " ~", "punct": "!/:@[`{~", "space": "  \t\r", "upper": "AZ", "xdigit": "09afAF",
	}[name]
	for i := 0; i+1 < len(ranges); i += 2 {
		s.add(rune(ranges[i]), rune(ranges[i+1]))
	}
	return found
}
