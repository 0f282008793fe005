package check

import "strings"

// Comments are how a language writes comments and long strings.
type Comments struct {
	// Line starts a comment that ends with the line; empty for none.
	Line string
	// Open and Close are those of a comment over several lines.
	Open, Close string
	// Long are the quotes of strings over several lines. That of Python is also its
	// comment, and is left out.
	Long   string
	Triple bool
}

func (k kind) comments() Comments {
	switch k {
	case javaScript:
		return Comments{Line: "//", Open: "/*", Close: "*/", Long: "`"}
	case golang:
		return Comments{Line: "//", Open: "/*", Close: "*/", Long: "`"}
	case java, php:
		return Comments{Line: "//", Open: "/*", Close: "*/"}
	case python:
		return Comments{Line: "#", Triple: true}
	case markup:
		return Comments{Open: "<!--", Close: "-->"}
	default:
		return Comments{Line: "#"}
	}
}

// Lines are the lines of a text without their comments, as many as the text has. It
// knows strings, so that an address in one is no comment, but no language: what it
// cannot tell it leaves as it is.
func Lines(text string, c Comments) []string {
	var lines []string
	// until is what ends the comment or the string that a line begins in, kept
	// whether it is left in.
	until, kept := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > maxLine {
			lines = append(lines, "")
			continue
		}
		var b strings.Builder
		for i := 0; i < len(line); {
			rest := line[i:]
			if until != "" {
				switch {
				case kept && rest[0] == '\\' && len(rest) > 1:
					b.WriteString(rest[:2])
					i += 2
				case strings.HasPrefix(rest, until):
					if kept {
						b.WriteString(until)
					}
					i += len(until)
					until = ""
				default:
					if kept {
						b.WriteByte(rest[0])
					}
					i++
				}
				continue
			}
			switch {
			case c.Triple && (strings.HasPrefix(rest, `"""`) || strings.HasPrefix(rest, "'''")):
				until, kept = rest[:3], false
				i += 3
				continue
			case c.Open != "" && strings.HasPrefix(rest, c.Open):
				until, kept = c.Close, false
				i += len(c.Open)
				continue
			case c.Line != "" && strings.HasPrefix(rest, c.Line) && (c.Line != "#" || i == 0 || strings.ContainsRune(" \t;", rune(line[i-1]))):
				i = len(line)
				continue
			case rest[0] == '"' || rest[0] == '\'' || c.Long != "" && rest[0] == c.Long[0]:
				until, kept = rest[:1], true
			}
			b.WriteByte(rest[0])
			i++
		}
		if kept && until != "" && until != c.Long {
			// A quote alone is an apostrophe, or a mistake: a string ends with its line.
			until = ""
		}
		lines = append(lines, b.String())
	}
	return lines
}
