package logs

import (
	"bytes"
	"strings"
	"time"
)

// Line is a line of the log, taken apart.
type Line struct {
	Time time.Time
	// Source is App or Platform, Process what it is about, such as web.1.
	Source, Process string
	Text            []byte
}

// Parse takes a line apart, which may end with its newline. It says no to what
// is no line of a log; Text points into the line.
func Parse(line []byte) (Line, bool) {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	stamp, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return Line{}, false
	}
	at, err := time.Parse(TimeFormat, string(stamp))
	if err != nil {
		return Line{}, false
	}
	who, text, ok := bytes.Cut(rest, []byte("]: "))
	if !ok {
		return Line{}, false
	}
	source, process, ok := bytes.Cut(who, []byte{'['})
	if !ok || len(source) == 0 || bytes.ContainsAny(who, " ]") {
		return Line{}, false
	}
	return Line{Time: at, Source: string(source), Process: string(process), Text: text}, true
}

// Filter chooses lines.
type Filter struct {
	// Source is App or Platform; empty for both.
	Source string
	// Process is a process such as web.1, or a process type such as web, for
	// all of its processes; empty for everybody.
	Process string
}

// Chooses says whether a line is wanted.
func (f Filter) Chooses(line Line) bool {
	if f.Source != "" && f.Source != line.Source {
		return false
	}
	if f.Process == "" || f.Process == line.Process {
		return true
	}
	return strings.HasPrefix(line.Process, f.Process+".")
}
