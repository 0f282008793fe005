package cli

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// longestLine is the number of bytes after which a line of foreign output is
// printed although it goes on, so that output without newlines needs no more
// memory than this.
const longestLine = 64 << 10

// Writer passes the output of a foreign program through, line by line. A
// line that ends in a carriage return is a passing state, such as a progress
// bar: a terminal shows it on the live line, programs get a progress event,
// plain mode drops it. In JSON, lines with the arrow of a step are steps, other
// lines are output; each has the fields.
//
// Closing it prints an unfinished last line. Writing never fails; Printer.Close
// tells of output that could not be written.
func (p *Printer) Writer(fields Fields) *Writer {
	return &Writer{printer: p, fields: fields}
}

// Writer is an io.WriteCloser for foreign output; see Printer.Writer. It is
// safe for concurrent use, but two streams of a program should have a Writer
// each, lest their lines mix.
type Writer struct {
	printer *Printer
	fields  Fields

	mu      sync.Mutex
	escapes escapes
	// line is the text of the line so far, with colours.
	line []byte
	// passing is the text that a carriage return ended, if nothing has
	// followed it yet. A newline makes it a line after all.
	passing []byte
	live    *Live
	// reportedAt is when the last progress event was sent.
	reportedAt time.Time
}

// Write takes the next bytes.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, c := range b {
		switch w.escapes.next(c) {
		case tokenText:
			w.line = append(w.line, c)
		case tokenColour:
			w.line = append(w.line, w.escapes.colour()...)
		case tokenReturn:
			if i+1 == len(b) || b[i+1] != '\n' {
				w.pass()
			}
		case tokenErase:
			w.line, w.passing = w.line[:0], w.passing[:0]
		case tokenEraseRight:
			w.passing = w.passing[:0]
		case tokenNewline:
			w.finish()
		case tokenNone:
		}
		if len(w.line) >= longestLine {
			w.split()
		}
	}
	return len(b), nil
}

// Close prints an unfinished line and takes a passing one away.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passing = w.passing[:0]
	if len(w.line) > 0 {
		w.finish()
	}
	w.endLive()
	return nil
}

// finish prints the line that a newline ended.
func (w *Writer) finish() {
	line := w.line
	if len(line) == 0 {
		line = w.passing
	}
	w.endLive()
	w.print(string(line))
	w.line, w.passing = w.line[:0], w.passing[:0]
}

// split prints the part of an overlong line that can be printed without
// cutting a character or a secret in two.
func (w *Writer) split() {
	text := string(w.line)
	whole := len(text)
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if utf8.RuneStart(text[len(text)-i]) {
			if !utf8.FullRuneInString(text[len(text)-i:]) {
				whole = len(text) - i
			}
			break
		}
	}
	head, tail := plain(text[:whole]), text[whole:]
	at := w.printer.cut(head)
	if at == 0 {
		at = len(head)
	}
	w.print(head[:at])
	w.line = append(w.line[:0], head[at:]+tail...)
}

func (p *Printer) cut(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secrets.cut(text)
}

func (w *Writer) print(line string) {
	e := Event{Kind: Output, Text: line, Fields: w.fields}
	if w.printer.json {
		if step, is := strings.CutPrefix(plain(line), stepPrefix); is {
			e.Kind, e.Text = Step, step
		}
	}
	w.printer.Emit(e)
}

// pass shows the line that a carriage return ended.
func (w *Writer) pass() {
	if len(w.line) == 0 {
		return
	}
	w.line, w.passing = w.passing[:0], w.line
	p := w.printer
	text := plain(string(w.passing))
	if !p.json && !p.terminal || strings.TrimSpace(text) == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.live == nil {
		w.live = p.begin("", true)
		w.live.reportedAt = w.reportedAt
	}
	w.live.show(text)
}

func (w *Writer) endLive() {
	if w.live != nil {
		w.live.Stop()
		w.reportedAt = w.live.reportedAt
		w.live = nil
	}
}
