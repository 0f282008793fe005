package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"
)

// The prefixes of Heroku's build output. The first line of a step has
// stepPrefix, further lines of it and details have detailPrefix.
const (
	stepPrefix   = "-----> "
	detailPrefix = "       "
	faultPrefix  = " !     "
)

// Colours of warnings and errors.
const (
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	reset  = "\x1b[0m"
)

// Settings say where a Printer writes and what the person asked for.
type Settings struct {
	// Out receives steps, details, output and results, and with JSON every
	// event; Err receives warnings and errors. A command that hands stdout to
	// a process gives its stderr as both.
	Out, Err io.Writer
	// JSON prints one JSON object per event (--json).
	JSON bool
	// NoColor shows no colours (--no-color).
	NoColor bool
	// Env looks up an environment variable. NO_COLOR, TERM and CI are read.
	Env func(name string) string
}

// Printer tells a person, or with JSON a program, what happens. It is safe for
// concurrent use: what goes out is always whole lines.
type Printer struct {
	out, err stream
	json     bool
	// terminal is whether out has a live line.
	terminal bool
	// width is the number of columns of the terminal at this moment.
	width func() int

	mu      sync.Mutex
	secrets redactor
	// lives are the running long steps; the last of them is shown.
	lives []*Live
	beat  *heartbeat
	// shown is the live line on the screen, empty when there is none.
	shown   string
	shownAt time.Time
	// record gets every event as JSON, too, and how long after began it was; nil for none.
	record io.Writer
	began  time.Time
	// broken is the first error of a write.
	broken error
}

// stream is a writer and whether it shows colours.
type stream struct {
	io.Writer
	colour bool
}

// New returns the printer for s.
func New(s Settings) *Printer {
	out := terminalOf(s.Out)
	dumb := s.Env("TERM") == "dumb"
	ci := s.Env("CI") != "" && s.Env("CI") != "false"
	return &Printer{
		out:      stream{s.Out, Colours(s, s.Out)},
		err:      stream{s.Err, Colours(s, s.Err)},
		json:     s.JSON,
		terminal: out.is && !s.JSON && !dumb && !ci,
		width:    out.width,
	}
}

// Colours says whether what else goes to a writer may have colours.
func Colours(s Settings, w io.Writer) bool {
	return terminalOf(w).is && !s.NoColor && !s.JSON && s.Env("TERM") != "dumb" && s.Env("NO_COLOR") == ""
}

// JSON says whether events are printed as JSON.
func (p *Printer) JSON() bool { return p.json }

// Redact makes values known as secret: from now on "[redacted]" stands in
// their place in everything that is printed. Values shorter than four bytes are
// too likely to be there by chance and are not redacted.
func (p *Printer) Redact(values ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets.add(values...)
}

// Record has every event from now on written to w, too: as with --json, one object a line,
// with elapsed_ns, the nanoseconds since now.
func (p *Printer) Record(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record, p.began = w, time.Now()
}

// keep writes an event to the record. The steps of buildpacks are steps there, as they are with
// --json.
func (p *Printer) keep(e Event) {
	e.Text = plain(e.Text)
	if step, is := strings.CutPrefix(e.Text, stepPrefix); is && e.Kind == Output {
		e.Kind, e.Text = Step, step
	}
	fields := Fields{"elapsed_ns": time.Since(p.began).Nanoseconds()}
	maps.Copy(fields, e.Fields)
	e.Fields = fields
	line, err := e.marshal(p.secrets.redact)
	if err != nil {
		p.broken = errors.Join(p.broken, err)
		return
	}
	p.write(&stream{Writer: p.record}, string(line))
}

// Stepf prints a step: "-----> text".
func (p *Printer) Stepf(format string, args ...any) {
	p.Emit(Event{Kind: Step, Text: fmt.Sprintf(format, args...)})
}

// Detailf prints a detail of the step before it, indented by seven spaces.
func (p *Printer) Detailf(format string, args ...any) {
	p.Emit(Event{Kind: Detail, Text: fmt.Sprintf(format, args...)})
}

// Warningf prints what a person should know although all goes on: " !     text".
func (p *Printer) Warningf(format string, args ...any) {
	p.Emit(Event{Kind: Warning, Text: fmt.Sprintf(format, args...)})
}

// Errorf prints what went wrong: " !     text". The error that ends a command
// is printed by Report.
func (p *Printer) Errorf(format string, args ...any) {
	p.Emit(Event{Kind: Error, Text: fmt.Sprintf(format, args...)})
}

// Result prints what a command was asked for: text as it is for people, fields
// for programs. Without a text people see nothing.
func (p *Printer) Result(text string, fields Fields) {
	p.Emit(Event{Kind: Result, Text: text, Fields: fields})
}

// Emit prints an event. Progress and reports reach programs only; of progress
// people see the live line.
func (p *Printer) Emit(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit(e)
}

// emit is Emit with the lock held.
func (p *Printer) emit(e Event) {
	if p.record != nil {
		p.keep(e)
	}
	if p.json {
		e.Text = plain(e.Text)
		line, err := e.marshal(p.secrets.redact)
		if err != nil {
			p.broken = errors.Join(p.broken, err)
			return
		}
		p.write(&p.out, string(line))
		return
	}
	switch e.Kind {
	case Step:
		p.print(&p.out, "", stepPrefix, detailPrefix, e.Text)
	case Detail:
		p.print(&p.out, "", detailPrefix, detailPrefix, e.Text)
	case Warning:
		p.print(&p.err, yellow, faultPrefix, faultPrefix, e.Text)
	case Error:
		p.print(&p.err, red, faultPrefix, faultPrefix, e.Text)
	case Result:
		if e.Text != "" {
			p.print(&p.out, "", "", "", e.Text)
		}
	case Output:
		p.printOutput(e.Text)
	case Progress, Reported, Reused:
	}
}

// print writes the lines of text to s, the first behind the prefix first, the
// others behind rest.
func (p *Printer) print(s *stream, colour, first, rest, text string) {
	var lines strings.Builder
	prefix := first
	for line := range strings.SplitSeq(strings.TrimRight(plain(text), "\n"), "\n") {
		line = strings.TrimRight(prefix+p.secrets.redact(line), " ")
		if s.colour && colour != "" {
			line = colour + line + reset
		}
		lines.WriteString(line + "\n")
		prefix = rest
	}
	p.writeLines(s, lines.String())
}

// printOutput writes a line of foreign output. It keeps its colours, unless a
// secret is in it, which they might hide from view.
func (p *Printer) printOutput(line string) {
	bare := plain(line)
	shown := p.secrets.redact(bare)
	if shown == bare && p.out.colour {
		if shown = coloured(line); shown != bare {
			shown += reset
		}
	}
	p.writeLines(&p.out, shown+"\n")
}

// writeLines writes whole lines to s and leaves the live line below them.
func (p *Printer) writeLines(s *stream, lines string) {
	switch {
	case p.shown == "":
		p.write(s, lines)
	case s == &p.out:
		p.write(s, eraseLine+lines+p.shown)
	default:
		p.write(&p.out, eraseLine)
		p.write(s, lines)
		p.write(&p.out, p.shown)
	}
}

// write writes to s and keeps the first error: output that nobody can read is
// no reason to end a build, but it must not go unnoticed.
func (p *Printer) write(s *stream, text string) {
	if _, err := io.WriteString(s, text); err != nil && p.broken == nil {
		p.broken = fmt.Errorf("writing output: %w", err)
	}
}

// Close ends all long steps, takes the live line away and returns the first
// error that writing met. The printer can still print lines afterwards.
func (p *Printer) Close() error {
	p.mu.Lock()
	lives := p.lives
	p.mu.Unlock()
	for _, l := range lives {
		l.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}
