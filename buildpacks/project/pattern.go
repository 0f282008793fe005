package project

import (
	"strings"
)

// Patterns are the patterns of a gitignore(5) file.
type Patterns struct {
	list []pattern
}

// pattern is one of them.
type pattern struct {
	// negated patterns take back what earlier ones matched.
	negated bool
	// dirOnly patterns match directories.
	dirOnly bool
	// anchored patterns are held against the whole path, others against the
	// last name of it.
	anchored bool
	// literal is what a path begins with, before the glob.
	literal string
	glob    glob
}

// ParsePatterns reads the lines of a gitignore file. Each line is a pattern,
// and none is a mistake: one that makes no sense matches nothing.
func ParsePatterns(lines []string) Patterns {
	var p Patterns
	for _, text := range lines {
		for line := range strings.SplitSeq(text, "\n") {
			if one, is := parsePattern(line); is {
				p.list = append(p.list, one)
			}
		}
	}
	return p
}

// Match is whether a path is matched: the last pattern that matches decides,
// and what is below a directory that is matched is matched too. The path is
// relative, with slashes.
func (p Patterns) Match(path string, isDir bool) bool {
	path = strings.Trim(path, "/")
	for i := range len(path) {
		if path[i] == '/' && p.decides(path[:i], true) {
			return true
		}
	}
	return path != "" && p.decides(path, isDir)
}

// decides is Match for a path alone.
func (p Patterns) decides(path string, isDir bool) bool {
	for i := len(p.list) - 1; i >= 0; i-- {
		if p.list[i].match(path, isDir) {
			return !p.list[i].negated
		}
	}
	return false
}

func (p pattern) match(path string, isDir bool) bool {
	if p.dirOnly && !isDir {
		return false
	}
	if !p.anchored {
		path = path[strings.LastIndexByte(path, '/')+1:]
	}
	rest, begins := strings.CutPrefix(path, p.literal)
	return begins && p.glob.match(rest, nextByte)
}

// parsePattern reads a line. It is false for a comment and an empty line.
func parsePattern(line string) (p pattern, is bool) {
	line = trimEnd(line, " ")
	if line == "" || line[0] == '#' {
		return pattern{}, false
	}
	if rest, found := strings.CutPrefix(line, "!"); found {
		p.negated, line = true, rest
	}
	if rest, found := strings.CutSuffix(line, "/"); found {
		p.dirOnly, line = true, rest
	}
	p.anchored = strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	// As git does it: two asterisks behind the literal part are at the start of
	// a glob, whatever comes before them.
	special := strings.IndexAny(line, `*?[\`)
	if special < 0 {
		special = len(line)
	}
	p.literal, p.glob = line[:special], compile(line[special:])
	return p, line != ""
}

// trimEnd removes characters at the end that no backslash stands before.
func trimEnd(line, cutset string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		if strings.IndexByte(cutset, line[i]) >= 0 {
			continue
		}
		if line[i] == '\\' {
			if i++; i == len(line) {
				return line
			}
		}
		end = i + 1
	}
	return line[:end]
}
