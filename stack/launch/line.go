package launch

import "strings"

// RelocateLine is a line of bash with every path below layersPath turned into
// one from $HOME on, if layersPath lies within appPath: what ProfileScript does
// to the environment of a slug, for a command of it. The path may stand between
// quotes of any kind. $HOME is appPath, or a directory subdir of it (EnterScript).
func RelocateLine(line, appPath, subdir, layersPath string) string {
	h := relocation(appPath, layersPath)
	if subdir != "" {
		h.rest = strings.Repeat("/..", 1+strings.Count(subdir, "/")) + h.rest
	}
	if h.find == nil {
		return line
	}
	var relocated strings.Builder
	var q quotation
	for {
		at := h.find.FindStringSubmatchIndex(line)
		if at == nil {
			return relocated.String() + line
		}
		before, path, after := line[:at[3]], line[at[3]:at[4]], line[at[4]:]
		relocated.WriteString(before)
		q.read(before)
		if q.escaped {
			// No one writes a path like this, and nothing can be put here.
			q.read(path)
			relocated.WriteString(path)
			line = after
			continue
		}
		relocated.WriteString(q.home())
		line = h.rest + after
	}
}

// quotation is what quotes and substitutions a reader of bash is in.
type quotation struct {
	// in are the open ones, the innermost last: ' and ", $ for $'...', ( for
	// $(...) and subshells, `, and # for a comment.
	in []byte
	// escaped says that a backslash stands before the next byte, last is the
	// byte before.
	escaped bool
	last    byte
}

// read goes on over text.
func (q *quotation) read(text string) {
	for i := range len(text) {
		q.next(text[i])
	}
}

func (q *quotation) next(c byte) {
	last := q.last
	q.last = c
	if q.escaped {
		q.escaped, q.last = false, 'x'
		return
	}
	switch in := q.innermost(); in {
	case '\'':
		q.closeOn(c == '\'')
	case '#':
		q.closeOn(c == '\n')
	case '$':
		q.escaped = c == '\\'
		q.closeOn(c == '\'')
	case '"':
		q.escaped = c == '\\'
		q.closeOn(c == '"')
		q.open('(', c == '(' && last == '$')
		q.open('`', c == '`')
	default:
		q.escaped = c == '\\'
		q.closeOn(c == ')' && in == '(' || c == '`' && in == '`')
		q.open('$', c == '\'' && last == '$')
		q.open('\'', c == '\'' && last != '$')
		q.open('`', c == '`' && in != '`')
		q.open('#', c == '#' && (last == 0 || strings.IndexByte(" \t\n;&|(", last) >= 0))
		q.open(c, c == '"' || c == '(')
	}
}

// innermost is what the reader is in, 0 for nothing.
func (q *quotation) innermost() byte {
	if len(q.in) == 0 {
		return 0
	}
	return q.in[len(q.in)-1]
}

func (q *quotation) closeOn(yes bool) {
	if yes {
		q.in = q.in[:len(q.in)-1]
	}
}

func (q *quotation) open(what byte, yes bool) {
	if yes {
		q.in = append(q.in, what)
	}
}

// home is what stands for the value of HOME, as one word with what is around.
func (q *quotation) home() string {
	switch q.innermost() {
	case '\'':
		return `'"$HOME"'`
	case '$':
		return `'"$HOME"$'`
	case '"':
		return `$HOME`
	}
	return `"$HOME"`
}
