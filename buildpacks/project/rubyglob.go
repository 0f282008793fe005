package project

import (
	"errors"
	"slices"
	"strings"
)

// rubyGlob is a pattern of Ruby's Dir.glob, without FNM_DOTMATCH and with every
// {a,b} written out (Ruby's dir.c).
type rubyGlob struct {
	parts []part
	// dirOnly patterns match directories.
	dirOnly bool
}

// part is what stands between two slashes.
type part struct {
	// deep is "**/": any number of directories whose names begin with no dot.
	deep bool
	// literal is the name, when there is nothing but a name.
	literal string
	// glob is held against a name; one that begins with a dot it matches only if
	// the glob does too, which makes it dotted.
	glob   glob
	dotted bool
}

func (p part) match(name string) bool {
	switch {
	case p.glob == nil:
		return name == p.literal
	case name[0] == '.' && !p.dotted:
		return false
	}
	return p.glob.match(name, nextRune)
}

// match is whether a path, or a directory above it, is matched. Names are those
// between the slashes. It follows all ways at once: the state is the set of
// parts that may come next.
func (g rubyGlob) match(names []string, isDir bool) bool {
	var some [32]bool
	states := some[:]
	if size := 2 * (len(g.parts) + 1); size > len(some) {
		states = make([]bool, size)
	}
	now, then := states[:len(g.parts)+1], states[len(g.parts)+1:][:len(g.parts)+1]
	g.enter(now, 0)
	for i, name := range names {
		clear(then)
		alive := false
		for at, is := range now[:len(g.parts)] {
			switch {
			case !is:
			case g.parts[at].deep && name[0] != '.':
				g.enter(then, at)
				alive = true
			case !g.parts[at].deep && g.parts[at].match(name):
				g.enter(then, at+1)
				alive = true
			}
		}
		now, then = then, now
		switch {
		case now[len(g.parts)] && (!g.dirOnly || isDir || i+1 < len(names)):
			return true
		case !alive:
			return false
		}
	}
	return false
}

// enter adds a part to a state, and those after it if it may match nothing.
func (g rubyGlob) enter(state []bool, at int) {
	state[at] = true
	for at < len(g.parts) && g.parts[at].deep {
		at++
		state[at] = true
	}
}

// compileRuby reads a pattern without braces. One that is not anchored is held
// against the names at any depth.
func compileRuby(text string, anchored bool) (rubyGlob, error) {
	var g rubyGlob
	if !anchored {
		g.parts = append(g.parts, part{deep: true})
	}
	for rest := text; rest != ""; {
		var name string
		name, rest = cutPart(rest)
		slash := rest != ""
		rest = strings.TrimPrefix(rest, "/")
		if slash && name == "**" {
			if len(g.parts) == 0 || !g.parts[len(g.parts)-1].deep {
				g.parts = append(g.parts, part{deep: true})
			}
			g.dirOnly = true
			continue
		}
		p, err := compilePart(name)
		if err != nil {
			return rubyGlob{}, err
		}
		switch {
		case p.glob == nil && p.literal == "." && len(g.parts) > 0 && g.parts[len(g.parts)-1].deep && anchored:
			return rubyGlob{}, errors.New(`has a "." behind "**/", where it is nothing, and is ignored; leave the "." out`)
		case p.glob == nil && p.literal == "..":
			return rubyGlob{}, errors.New(`leads up with ".." and is ignored; expected a path from the top of the app`)
		case p.glob == nil && (p.literal == "" || p.literal == "."):
			g.dirOnly = true
		default:
			g.parts = append(g.parts, p)
			g.dirOnly = slash
		}
	}
	if !slices.ContainsFunc(g.parts, func(p part) bool { return !p.deep }) && !strings.Contains(text, "**") {
		return rubyGlob{}, errors.New("names the app itself and is ignored; expected the path of something in it")
	}
	return g, nil
}

// cutPart cuts a pattern before the next slash that is in no set.
func cutPart(text string) (name, rest string) {
	open := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[':
			open = true
		case ']', '}':
			open = false
		case '\\':
			// An escaped slash is a slash.
			if i+1 < len(text) && text[i+1] != '/' {
				i++
			}
		case '/':
			if !open {
				return text[:i], text[i:]
			}
		}
	}
	return text, ""
}

// compilePart reads what stands between two slashes.
func compilePart(text string) (part, error) {
	if text == `\` {
		return part{}, errors.New(`has a "\" with nothing behind it and is ignored; the slash of paths is "/"`)
	}
	plain := strings.TrimPrefix(text, `\`)
	p := part{dotted: strings.HasPrefix(plain, ".")}
	magic := false
	var literal strings.Builder
	for i := 0; i < len(text); {
		c, size := nextRune(text[i:])
		switch c {
		case '*':
			magic = true
			if len(p.glob) == 0 || p.glob[len(p.glob)-1].kind != star {
				p.glob = append(p.glob, token{kind: star})
			}
		case '?':
			magic = true
			p.glob = append(p.glob, token{kind: set, set: charset{negated: true}})
		case '[':
			chars, length := parseRubySet(text[i:])
			if length == 0 {
				return part{}, errors.New(`has a "[" without a "]" and is ignored; write "\[" for the name with a bracket`)
			}
			magic, size = true, length
			p.glob = append(p.glob, token{kind: set, set: chars})
		case '\\':
			i++
			if i == len(text) {
				size = 0
				break
			}
			c, size = nextRune(text[i:])
			fallthrough
		default:
			p.glob = append(p.glob, token{only: c})
			literal.WriteString(text[i : i+size])
		}
		i += size
	}
	if !magic {
		return part{literal: literal.String()}, nil
	}
	return p, nil
}

// parseRubySet reads a set of Ruby, such as [a-z] or [^a], at the start of a
// text. It knows no classes, and a "]" ends it also where it comes first. The
// length is 0 when it has no end.
func parseRubySet(text string) (chars charset, length int) {
	i := 1
	if i < len(text) && (text[i] == '!' || text[i] == '^') {
		chars.negated = true
		i++
	}
	char := func() (rune, bool) {
		if i < len(text) && text[i] == '\\' {
			i++
		}
		if i >= len(text) {
			return 0, false
		}
		c, size := nextRune(text[i:])
		i += size
		return c, true
	}
	for i < len(text) {
		if text[i] == ']' {
			return chars, i + 1
		}
		first, is := char()
		if !is {
			break
		}
		// The ends are in it also when they are the wrong way round.
		chars.add(first, first)
		if i+1 < len(text) && text[i] == '-' && text[i+1] != ']' {
			i++
			last, is := char()
			if !is {
				break
			}
			chars.add(last, last)
			chars.add(first, last)
		}
	}
	return charset{}, 0
}

var (
	errOpenBrace = errors.New(`has a "{" without a "}" and is ignored; write "\{" for the name with a brace`)
	errExpansion = errors.New("has too many alternatives in braces and is ignored; write them on lines of their own")
)

// expandBraces writes out every {a,b}, as Ruby does before it looks at anything
// else. What that takes, in bytes, is taken from left.
func expandBraces(text string, left *int) ([]string, error) {
	if *left -= len(text) + 1; *left < 0 {
		return nil, errExpansion
	}
	start, end := braces(text)
	switch {
	case start < 0:
		return []string{text}, nil
	case end < 0:
		return nil, errOpenBrace
	}
	var all []string
	for _, alternative := range alternatives(text[start+1 : end]) {
		some, err := expandBraces(text[:start]+alternative+text[end+1:], left)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// braces are where the first pair of them is; -1 where there is none.
func braces(text string) (start, end int) {
	start = -1
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			if depth == 0 {
				start = i
			}
			depth++
		case '}':
			if depth > 0 {
				depth--
				if depth == 0 {
					return start, i
				}
			}
		case '\\':
			i++
		}
	}
	return start, -1
}

// alternatives are what the commas of a pair of braces are between.
func alternatives(text string) []string {
	var list []string
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '\\':
			i++
		case ',':
			if depth == 0 {
				list = append(list, text[from:i])
				from = i + 1
			}
		}
	}
	return append(list, text[from:])
}
