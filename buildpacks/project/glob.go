package project

import "strings"

// kind is what a token of a glob does.
type kind int

const (
	// one byte of a set.
	set kind = iota
	// star is any number of bytes that are no slash, stars any number at all.
	star
	stars
	// skip leads to the next token, and past two more: asterisks before a slash
	// and the slash may stand for nothing.
	skip
	// never is what nothing matches: a set without an end.
	never
)

// token is a part of a glob.
type token struct {
	kind kind
	// bytes is the set.
	bytes *[256]bool
}

// glob is a shell pattern of git: its asterisk, question mark and sets do not
// match a slash, and between slashes two asterisks do (gitignore(5), "PATTERN
// FORMAT").
type glob []token

// compile reads a pattern.
func compile(text string) glob {
	var g glob
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '*':
			run := len(text[i:]) - len(strings.TrimLeft(text[i:], "*"))
			before, after := i == 0 || text[i-1] == '/', text[i+run:]
			special := run > 1 && before && (after == "" || after[0] == '/' || strings.HasPrefix(after, `\/`))
			switch {
			case special && strings.HasPrefix(after, "/"):
				g = append(g, token{kind: skip}, token{kind: stars})
			case special:
				g = append(g, token{kind: stars})
			default:
				g = append(g, token{kind: star})
			}
			i += run
		case '?':
			g = append(g, token{bytes: noSlash()})
			i++
		case '[':
			bytes, length := parseSet(text[i:])
			if length == 0 {
				return append(g, token{kind: never})
			}
			g = append(g, token{bytes: bytes})
			i += length
		case '\\':
			if i++; i == len(text) {
				return append(g, token{kind: never})
			}
			c = text[i]
			fallthrough
		default:
			var only [256]bool
			only[c] = true
			g = append(g, token{bytes: &only})
			i++
		}
	}
	return g
}

func noSlash() *[256]bool {
	var all [256]bool
	for i := range all {
		all[i] = i != '/'
	}
	return &all
}

// match holds the glob against a text. It follows all ways at once: the state
// is the set of tokens that may come next.
func (g glob) match(text string) bool {
	now, next := make([]bool, len(g)+1), make([]bool, len(g)+1)
	g.enter(now, 0)
	for i := range len(text) {
		clear(next)
		alive := false
		for at, is := range now[:len(g)] {
			if !is {
				continue
			}
			switch t := g[at]; {
			case t.kind == set && t.bytes[text[i]]:
				g.enter(next, at+1)
				alive = true
			case t.kind == stars, t.kind == star && text[i] != '/':
				g.enter(next, at)
				alive = true
			}
		}
		if !alive {
			return false
		}
		now, next = next, now
	}
	return now[len(g)]
}

// enter adds a token to a state, and those after it if it may match nothing.
func (g glob) enter(state []bool, at int) {
	for !state[at] {
		state[at] = true
		if at == len(g) {
			return
		}
		switch g[at].kind {
		case set, never:
			return
		case skip:
			g.enter(state, at+3)
		}
		at++
	}
}
