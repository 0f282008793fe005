package tool

import (
	"io"
	"strings"
)

// Lines is a Writer that hands on what a tool prints line by line, but for what
// it prints for people at their own machine.
type Lines struct {
	To io.Writer
	// Skip tells of a line, with its end, that it is not handed on.
	Skip func(line string) bool
	rest string
}

// Write implements io.Writer.
func (l *Lines) Write(data []byte) (int, error) {
	text := l.rest + string(data)
	end := strings.LastIndexByte(text, '\n') + 1
	l.rest = text[end:]
	for line := range strings.Lines(text[:end]) {
		if l.Skip(line) {
			continue
		}
		if _, err := io.WriteString(l.To, line); err != nil {
			return 0, err
		}
	}
	return len(data), nil
}

// Flush hands on what has no end of line.
func (l *Lines) Flush() error {
	_, err := io.WriteString(l.To, l.rest)
	l.rest = ""
	return err
}
