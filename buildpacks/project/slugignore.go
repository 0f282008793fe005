package project

import (
	"fmt"
	"path"
	"strings"
)

const (
	// SlugIgnoreFile names what of an app is removed before it is built (Heroku
	// Dev Center, "Slug Compiler", "Ignoring files with .slugignore").
	SlugIgnoreFile = ".slugignore"
	// LaunchIgnoreFile names, in the same grammar, what is removed after the
	// build, from what runs.
	LaunchIgnoreFile = ".launchignore"
)

// Ignore is what a .slugignore or a .launchignore says.
type Ignore struct {
	list []rubyGlob
}

// ReadIgnore reads a file of patterns at the top of an app: SlugIgnoreFile or
// LaunchIgnoreFile. The error of one that is not there is fs.ErrNotExist.
func ReadIgnore(dir, name string) (Ignore, []Warning, error) {
	text, err := readText(dir, name)
	if err != nil {
		return Ignore{}, nil, err
	}
	ignore, warnings := ParseSlugignore(text)
	return ignore, of(name, warnings), nil
}

// ParseSlugignore reads the text of a .slugignore. A line is a pattern of
// Ruby's Dir.glob: one with a slash anywhere in it is held against the path from
// the top of the app, another against the names at the top and, by way of
// directories whose names begin with no dot, at any depth. Nothing takes a
// pattern back (Heroku's slug compiler, prune_slugignore). No line is a mistake;
// the warnings are about those that do not mean what they look like.
func ParseSlugignore(text string) (Ignore, []Warning) {
	p := ignoreParser{left: maxExpanded}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		n++
		p.take(n, strings.TrimRight(line, "\r\n"))
	}
	return p.ignore, p.warnings
}

// Match is whether a path is removed: it is when the path, or a directory above
// it, matches a pattern. The path is relative to the app, with slashes. A link
// is no directory, wherever it leads.
func (g Ignore) Match(name string, isDir bool) bool {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return false
	}
	names := strings.Split(name, "/")
	for _, pattern := range g.list {
		if pattern.match(names, isDir) {
			return true
		}
	}
	return false
}

// Empty is whether nothing is removed.
func (g Ignore) Empty() bool { return len(g.list) == 0 }

const (
	// maxLine bounds a line, in bytes: no path is longer.
	maxLine = 4096
	// maxExpanded bounds what the lines of a file are together when every {a,b}
	// is written out.
	maxExpanded = 4 * maxFile
)

// ignoreParser gathers the patterns of a file.
type ignoreParser struct {
	ignore   Ignore
	warnings []Warning
	// left is what may still be written out, in bytes.
	left int
}

func (p *ignoreParser) warn(n int, format string, args ...any) {
	p.warnings = append(p.warnings, Warning{Line: n, Text: fmt.Sprintf(format, args...)})
}

// take reads one line.
func (p *ignoreParser) take(n int, line string) {
	if marker := conflict(line); marker != "" {
		p.warn(n, "is a conflict marker of a merge (%s) and is ignored; resolve the conflict and commit the file", marker)
		return
	}
	line = uncommented(line)
	switch {
	case line == "":
		return
	case len(line) > maxLine:
		p.warn(n, "is longer than %d bytes and is ignored; no path is that long", maxLine)
		return
	case strings.ContainsRune(line, 0):
		p.warn(n, "is not text and is ignored; save the file as UTF-8")
		return
	case line[0] == '!':
		p.warn(n, `takes nothing back, because "!" is part of the name here; remove the line, and let the lines before it name only what is to go`)
	}
	texts, err := expandBraces(line, &p.left)
	if err != nil {
		p.warn(n, "%v", err)
		return
	}
	anchored := strings.Contains(line, "/")
	for _, text := range texts {
		one, err := compileRuby(text, anchored)
		if err != nil {
			p.warn(n, "%v", err)
			continue
		}
		p.ignore.list = append(p.ignore.list, one)
	}
}

// uncommented is a line without white space around it and without a comment, which
// begins with a # at the start or behind white space. A backslash keeps a space
// at the end or a #.
func uncommented(line string) string {
	line = strings.TrimLeft(line, " \t")
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '#':
			if i == 0 || line[i-1] == ' ' || line[i-1] == '\t' {
				return trimEnd(line[:i], " \t")
			}
		}
	}
	return trimEnd(line, " \t")
}
