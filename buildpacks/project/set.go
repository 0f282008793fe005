package project

import "strings"

// parseSet reads a set of bytes, such as [a-z0-9_], [!a] or [[:alpha:]], at the
// start of a text. The length is 0 when it has no end, or names a class that
// there is not; nothing matches that. A slash is in no set.
func parseSet(text string) (bytes *[256]bool, length int) {
	bytes = &[256]bool{}
	i, negated := 1, false
	if i < len(text) && (text[i] == '!' || text[i] == '^') {
		negated = true
		i++
	}
	// before is the start of what a dash would make a range of, -1 for none.
	before := -1
	for first := true; ; first = false {
		if i >= len(text) {
			return nil, 0
		}
		c := text[i]
		switch {
		case c == ']' && !first:
			for b := range bytes {
				bytes[b] = bytes[b] != negated && b != '/'
			}
			return bytes, i + 1
		case c == '-' && before >= 0 && i+1 < len(text) && text[i+1] != ']':
			i++
			if text[i] == '\\' {
				if i++; i == len(text) {
					return nil, 0
				}
			}
			for b := before; b <= int(text[i]); b++ {
				bytes[b] = true
			}
			before = -1
		case c == '[' && strings.HasPrefix(text[i:], "[:"):
			end := strings.IndexByte(text[i+2:], ']')
			if end < 0 {
				return nil, 0
			}
			name, is := strings.CutSuffix(text[i+2:i+2+end], ":")
			if !is {
				bytes['['], before = true, '['
				break
			}
			if !addClass(bytes, name) {
				return nil, 0
			}
			i, before = i+2+end, -1
		default:
			if c == '\\' {
				if i++; i == len(text) {
					return nil, 0
				}
				c = text[i]
			}
			bytes[c], before = true, int(c)
		}
		i++
	}
}

// addClass adds the bytes of a class of POSIX.1-2017, "LC_CTYPE", in the C
// locale. It is false for a name that there is not.
func addClass(bytes *[256]bool, name string) bool {
	ranges, found := map[string]string{
		"alnum": "azAZ09", "alpha": "azAZ", "blank": "  \t\t", "cntrl": "\x00\x1f\x7f\x7f", "digit": "09", "graph": "!~",
		"lower": "az", "print": " ~", "punct": "!/:@[`{~", "space": "  \t\r", "upper": "AZ", "xdigit": "09afAF",
	}[name]
	for i := 0; i+1 < len(ranges); i += 2 {
		for b := int(ranges[i]); b <= int(ranges[i+1]); b++ {
			bytes[b] = true
		}
	}
	return found
}
