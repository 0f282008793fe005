package project

import (
	"fmt"
	"regexp"
	"strings"
)

// source is the text of a file, in which lines are looked for.
type source string

// header is the line of the n-th header [[table]], from 0; 0 when there is
// none, because the tables are written inline.
func (s source) header(table string, n int) int {
	names := strings.Split(table, ".")
	for i, name := range names {
		names[i] = `["']?` + regexp.QuoteMeta(name) + `["']?`
	}
	return s.find(regexp.MustCompile(`^\s*\[\[\s*`+strings.Join(names, `\s*\.\s*`)+`\s*\]\]`), n)
}

// key is the line on which a key is set first; 0 when it is nowhere at the
// start of a line.
func (s source) key(name string) int {
	return s.find(regexp.MustCompile(`^\s*["']?`+regexp.QuoteMeta(name)+`["']?\s*=`), 0)
}

// find is the line of the n-th match, from 1.
func (s source) find(form *regexp.Regexp, n int) int {
	number := 0
	for line := range strings.Lines(string(s)) {
		number++
		if form.MatchString(line) {
			if n == 0 {
				return number
			}
			n--
		}
	}
	return 0
}

// errorf is an error with its line, where that is known.
func (s source) errorf(line int, format string, args ...any) error {
	if line == 0 {
		return fmt.Errorf(format, args...)
	}
	return fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
}
