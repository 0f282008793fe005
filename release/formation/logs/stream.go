package logs

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The sources of lines.
const (
	// App is what an app's processes print.
	App = "app"
	// Platform is what runs the processes, in the word that tools look for.
	Platform = "heroku"
)

// Names of the platform's own sources.
const (
	Router = "router"
	API    = "api"
)

// TimeFormat is that of a line's time: RFC 3339 in UTC with microseconds.
const TimeFormat = "2006-01-02T15:04:05.000000+00:00"

// MaxLine is the length in bytes up to which a line is one line. The rest of a
// longer one follows as lines of their own.
const MaxLine = 1 << 20

// Sink takes lines. They come whole, one or many at a time, each with its
// newline, and in order; the bytes are the sink's only until Write returns.
// What it cannot take is its own affair.
type Sink interface {
	Write(lines []byte) (int, error)
}

// Stream is the one log of an app.
type Stream struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time

	mu    sync.Mutex
	sinks []Sink
}

// NewStream is a stream into sinks.
func NewStream(sinks ...Sink) *Stream { return &Stream{sinks: sinks} }

// Sayf adds a line of the platform about a process, or about the router. Line
// breaks and control characters in it become spaces.
func (s *Stream) Sayf(process, format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	line := append(s.prefix(Platform, process), text...)
	s.write(append(line, '\n'))
}

// Lines is where a process writes, its standard output and its standard error
// both, so that what it prints stays in order.
type Lines struct {
	stream  *Stream
	process string
	// rest is the beginning of a line, lines the memory of the last write.
	rest, lines []byte
}

// Lines are those of a process. They are for one writer at a time.
func (s *Stream) Lines(process string) *Lines { return &Lines{stream: s, process: process} }

// Write adds the lines that are whole. It takes everything.
func (l *Lines) Write(text []byte) (int, error) {
	prefix := l.stream.prefix(App, l.process)
	l.lines = l.lines[:0]
	rest := text
	if len(l.rest) > 0 {
		rest = append(l.rest, text...)
	}
	for {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 || end > MaxLine {
			if len(rest) < MaxLine {
				break
			}
			l.lines = appendLine(l.lines, prefix, rest[:MaxLine])
			rest = rest[MaxLine:]
			continue
		}
		l.lines = appendLine(l.lines, prefix, rest[:end])
		rest = rest[end+1:]
	}
	l.rest = append(l.rest[:0], rest...)
	l.stream.write(l.lines)
	return len(text), nil
}

// Close adds what came after the last newline.
func (l *Lines) Close() error {
	if len(l.rest) > 0 {
		l.stream.write(appendLine(nil, l.stream.prefix(App, l.process), l.rest))
		l.rest = nil
	}
	return nil
}

func appendLine(lines, prefix, text []byte) []byte {
	lines = append(lines, prefix...)
	lines = append(lines, bytes.TrimSuffix(text, []byte{'\r'})...)
	return append(lines, '\n')
}

// prefix is how a line of now begins.
func (s *Stream) prefix(source, process string) []byte {
	now := s.Now
	if now == nil {
		now = time.Now
	}
	line := now().UTC().AppendFormat(make([]byte, 0, 128), TimeFormat)
	return fmt.Appendf(line, " %s[%s]: ", source, process)
}

func (s *Stream) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sink := range s.sinks {
		// A sink that fails keeps its error and tells it when it is closed:
		// the processes go on, and so do the other sinks.
		_, _ = sink.Write(lines)
	}
}
