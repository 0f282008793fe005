package cli

import "strings"

// longestSGR is the length in bytes beyond which a colour sequence is taken
// for noise.
const longestSGR = 64

// token is what one byte of foreign output means once the control sequences
// are understood.
type token int

const (
	// tokenNone is a byte that shows nothing: it is part of a sequence.
	tokenNone token = iota
	// tokenText is a byte of text.
	tokenText
	// tokenColour ends a colour sequence (ECMA-48 SGR).
	tokenColour
	// tokenReturn moves to the start of the line.
	tokenReturn
	// tokenErase empties the line.
	tokenErase
	// tokenEraseRight empties the line from where the cursor is.
	tokenEraseRight
	// tokenNewline ends the line.
	tokenNewline
)

type escapeState int

const (
	stateGround escapeState = iota
	// stateEscape follows ESC.
	stateEscape
	// stateControl is within a control sequence, which follows ESC [.
	stateControl
	// stateString is within a string of the terminal (a window title, a
	// link), which ends with BEL or ESC \.
	stateString
	// stateStringEscape is an ESC within such a string.
	stateStringEscape
)

// escapes understands the control sequences of ECMA-48 in a stream of bytes,
// as much as is needed to take them out. A newline ends every sequence, so
// that one that is never closed cannot swallow the rest of the output.
type escapes struct {
	state  escapeState
	params []byte
}

// next takes one byte.
func (e *escapes) next(b byte) token {
	switch b {
	case '\n':
		e.state = stateGround
		return tokenNewline
	case 0x18, 0x1a: // CAN and SUB give a sequence up
		e.state = stateGround
		return tokenNone
	}
	switch e.state {
	case stateEscape:
		return e.afterEscape(b)
	case stateControl:
		return e.inControl(b)
	case stateString:
		switch b {
		case 0x07:
			e.state = stateGround
		case 0x1b:
			e.state = stateStringEscape
		}
		return tokenNone
	case stateStringEscape:
		if b == '\\' {
			e.state = stateGround
			return tokenNone
		}
		return e.afterEscape(b)
	case stateGround:
	}
	return e.onGround(b)
}

func (e *escapes) onGround(b byte) token {
	e.state = stateGround
	switch {
	case b == 0x1b:
		e.state = stateEscape
		return tokenNone
	case b == '\r':
		return tokenReturn
	case b == '\t':
		return tokenText
	case b < 0x20 || b == 0x7f:
		return tokenNone
	}
	return tokenText
}

func (e *escapes) afterEscape(b byte) token {
	switch {
	case b == '[':
		e.state, e.params = stateControl, e.params[:0]
	case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
		e.state = stateString
	case b >= 0x20 && b <= 0x2f:
		e.state = stateEscape
	case b >= 0x30 && b <= 0x7e:
		e.state = stateGround
	default:
		return e.onGround(b)
	}
	return tokenNone
}

func (e *escapes) inControl(b byte) token {
	switch {
	case b >= 0x20 && b <= 0x3f:
		if len(e.params) <= longestSGR {
			e.params = append(e.params, b)
		}
		return tokenNone
	case b < 0x40 || b > 0x7e:
		return e.onGround(b)
	}
	e.state = stateGround
	switch params := string(e.params); {
	case b == 'm' && len(params) <= longestSGR && strings.Trim(params, "0123456789;:") == "":
		return tokenColour
	case b == 'G' && (params == "" || params == "0" || params == "1"):
		return tokenReturn
	case b == 'K' && params == "2":
		return tokenErase
	case b == 'K' && (params == "" || params == "0"):
		return tokenEraseRight
	}
	return tokenNone
}

// colour is the sequence that the last tokenColour ended.
func (e *escapes) colour() string { return "\x1b[" + string(e.params) + "m" }

// plain is text without control sequences and control characters; newlines and
// tabs stay. Bytes that are not UTF-8 become U+FFFD.
func plain(text string) string { return strip(text, false) }

// coloured is plain, but colours stay.
func coloured(text string) string { return strip(text, true) }

func strip(text string, colours bool) string {
	var e escapes
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		switch b := text[i]; e.next(b) {
		case tokenText, tokenNewline:
			out = append(out, b)
		case tokenColour:
			if colours {
				out = append(out, e.colour()...)
			}
		case tokenNone, tokenReturn, tokenErase, tokenEraseRight:
		}
	}
	return clean(string(out))
}

// clean makes text valid UTF-8 and drops the control characters that only
// decoding shows: U+0080 to U+009F, which some terminals obey.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r <= 0x9f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
