package project

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token of a glob does.
type kind int

const (
	// one is a certain character, and set one of several.
	one kind = iota
	set
	// star is any number of characters that are no slash, stars any number at
	// all.
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
	// only is the one.
	only rune
	set  charset
}

// glob is a shell pattern. Its asterisk, question mark and sets do not match a
// slash.
type glob []token

// compile reads a pattern of git, in which two asterisks between slashes match
// them (gitignore(5), "PATTERN FORMAT"). Its characters are bytes.
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
			g = append(g, token{kind: set, set: charset{negated: true}})
			i++
		case '[':
			chars, length := parseSet(text[i:])
			if length == 0 {
				return append(g, token{kind: never})
			}
			g = append(g, token{kind: set, set: chars})
			i += length
		case '\\':
			if i++; i == len(text) {
				return append(g, token{kind: never})
			}
			c = text[i]
			fallthrough
		default:
			g = append(g, token{only: rune(c)})
			i++
		}
	}
	return g
}

// match holds the glob against a text, whose characters next tells one by one.
// It follows all ways at once: the state is the set of tokens that may come
// next.
func (g glob) match(text string, next func(string) (rune, int)) bool {
	now, then := make([]bool, len(g)+1), make([]bool, len(g)+1)
	g.enter(now, 0)
	for text != "" {
		c, size := next(text)
		text = text[size:]
		clear(then)
		alive := false
		for at, is := range now[:len(g)] {
			if !is {
				continue
			}
			switch t := g[at]; {
			case t.kind == one && t.only == c, t.kind == set && t.set.has(c):
				g.enter(then, at+1)
				alive = true
			case t.kind == stars, t.kind == star && c != '/':
				g.enter(then, at)
				alive = true
			}
		}
		if !alive {
			return false
		}
		now, then = then, now
	}
	return now[len(g)]
}

// nextByte is the first byte of a text: a character of git.
func nextByte(text string) (rune, int) { return rune(text[0]), 1 }

// nextRune is the first character of a text in UTF-8: one of Ruby. A byte that
// is part of none is one by itself, and like no other.
func nextRune(text string) (rune, int) {
	c, size := utf8.DecodeRuneInString(text)
	if c == utf8.RuneError && size <= 1 {
		return utf8.MaxRune + 1 + rune(text[0]), 1
	}
	return c, size
}

// enter adds a token to a state, and those after it if it may match nothing.
func (g glob) enter(state []bool, at int) {
	for !state[at] {
		state[at] = true
		if at == len(g) {
			return
		}
		switch g[at].kind {
		case one, set, never:
			return
		case skip:
			g.enter(state, at+3)
		}
		at++
	}
}
