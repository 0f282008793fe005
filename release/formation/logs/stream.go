package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// Copy adds the lines of a process until there are no more, and returns what
// reading them failed with. What comes after the last newline is a line, too.
func (s *Stream) Copy(process string, from io.Reader) error {
	var rest, held, lines []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := from.Read(chunk)
		rest = append(rest, chunk[:n]...)
		prefix := s.prefix(App, process)
		lines = lines[:0]
		for {
			end := bytes.IndexByte(rest, '\n')
			if end < 0 || end > MaxLine {
				if len(rest) < MaxLine {
					break
				}
				lines = appendLine(lines, prefix, rest[:MaxLine])
				rest = rest[MaxLine:]
				continue
			}
			lines = appendLine(lines, prefix, rest[:end])
			rest = rest[end+1:]
		}
		if err != nil && len(rest) > 0 {
			lines = appendLine(lines, prefix, rest)
		}
		if len(lines) > 0 {
			s.write(lines)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// What only moves on through its array would never be let go.
		held = append(held[:0], rest...)
		rest = held
	}
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
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sink := range s.sinks {
		// A sink that fails keeps its error and tells it when it is closed:
		// the processes go on, and so do the other sinks.
		sink.Write(lines)
	}
}
