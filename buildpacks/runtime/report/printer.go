package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Printer prints the lines of a buildpack. It may be used from several
// goroutines. An error of the writer is kept for Err, so that a step need not
// check what it prints.
type Printer struct {
	out io.Writer
	now func() time.Time

	mu       sync.Mutex
	err      error
	progress time.Time
}

// New returns a Printer that writes to out.
func New(out io.Writer, now func() time.Time) *Printer {
	return &Printer{out: out, now: now}
}

// progressEvery is the time between two transient lines.
const progressEvery = 100 * time.Millisecond

// Step begins a step.
func (p *Printer) Step(format string, args ...any) { p.print("-----> ", "\n", format, args...) }

// Detail says more about a step.
func (p *Printer) Detail(format string, args ...any) { p.print("       ", "\n", format, args...) }

// Warn says what a person should look at. A text of several lines stays
// together.
func (p *Printer) Warn(format string, args ...any) { p.print(" !     ", "\n", format, args...) }

// Progress prints a transient line, unless the last one is too recent.
func (p *Printer) Progress(format string, args ...any) {
	p.mu.Lock()
	now := p.now()
	due := now.Sub(p.progress) >= progressEvery
	if due {
		p.progress = now
	}
	p.mu.Unlock()
	if due {
		p.print("       ", "\r", format, args...)
	}
}

// Working prints a transient line that stands until the next line, while a
// program runs that may say nothing for long.
func (p *Printer) Working(format string, args ...any) { p.print("       ", "\r", format, args...) }

// Err is what went wrong with the writer.
func (p *Printer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *Printer) print(prefix, end, format string, args ...any) {
	var text strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		text.WriteString(strings.TrimRight(prefix+line, " "))
		text.WriteString(end)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.out, text.String())
	p.err = errors.Join(p.err, err)
}

// Writer returns a writer for the output of another program: it passes the
// lines on, indented as details. Flush prints a last line without end.
func (p *Printer) Writer() *Lines { return &Lines{printer: p} }

// Lines is an io.Writer that prints whole lines. Blank lines before the first
// text are left out.
type Lines struct {
	printer *Printer
	rest    []byte
	begun   bool
}

// maxLine is where a line without end is broken.
const maxLine = 64 << 10

// Write implements io.Writer.
func (l *Lines) Write(data []byte) (int, error) {
	l.rest = append(l.rest, data...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 && len(l.rest) < maxLine {
			return len(data), l.printer.Err()
		}
		if end < 0 {
			end = maxLine - 1
		}
		l.line(l.rest[:end+1])
		l.rest = l.rest[end+1:]
	}
}

// Flush prints what is left.
func (l *Lines) Flush() {
	if len(l.rest) > 0 {
		l.line(l.rest)
		l.rest = nil
	}
}

func (l *Lines) line(line []byte) {
	text := strings.TrimRight(string(line), "\r\n")
	if text == "" && !l.begun {
		return
	}
	l.begun = true
	l.printer.Detail("%s", text)
}
