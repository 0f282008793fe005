package tool

import (
	"bytes"
	"io"
	"strings"
)

// Tail passes on what is written to it and remembers the end.
type Tail struct {
	to    io.Writer
	bytes []byte
}

// tailSize is how much a Tail remembers.
const tailSize = 64 << 10

// NewTail returns a Tail that passes on to a writer.
func NewTail(to io.Writer) *Tail { return &Tail{to: to} }

// Write implements io.Writer.
func (t *Tail) Write(data []byte) (int, error) {
	t.bytes = append(t.bytes, data...)
	if extra := len(t.bytes) - 2*tailSize; extra > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[len(t.bytes)-tailSize:]...)
	}
	return t.to.Write(data)
}

// Text is what is remembered.
func (t *Tail) Text() string { return string(t.bytes) }

// Lines are the last lines, at most n, without empty ones.
func (t *Tail) Lines(n int) []string {
	var lines []string
	for line := range bytes.Lines(t.bytes) {
		if text := strings.TrimRight(string(line), " \t\r\n"); text != "" {
			lines = append(lines, text)
		}
	}
	return lines[max(0, len(lines)-n):]
}
