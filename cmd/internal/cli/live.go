package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// frame is the least time between two drawings of the live line.
	frame = 100 * time.Millisecond
	// eventPause is the least time between two progress events of a step.
	eventPause = time.Second
)

// Live is a long step that runs. On a terminal a line at the bottom shows what
// it does, how far it is and how long it takes; of several at the same time the
// newest is shown. Programs get progress events, at most one a second. In plain
// mode there is nothing until it ends.
//
// Stop, Stepf, Detailf or End ends it; the first of them counts.
type Live struct {
	printer *Printer
	start   time.Time
	// foreign is whether the text is a line of another program.
	foreign bool

	// The rest is guarded by the printer's lock.

	text        string
	done, total int64
	measured    bool
	ended       bool
	reportedAt  time.Time
}

// Live starts a long step, such as "Downloading node 22.1.0".
func (p *Printer) Live(label string) *Live {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.begin(label, false)
	l.report()
	return l
}

// begin starts a live line, with the lock held.
func (p *Printer) begin(text string, foreign bool) *Live {
	l := &Live{printer: p, start: time.Now(), foreign: foreign, text: text}
	p.lives = append(slices.Clip(p.lives), l)
	if p.terminal && p.beat == nil {
		p.beat = startHeartbeat(p)
	}
	return l
}

// Progress says that done of total bytes are through; a total of 0 or less is
// unknown. It may be called as often as bytes arrive, from any goroutine.
func (l *Live) Progress(done, total int64) {
	p := l.printer
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.ended {
		return
	}
	l.done, l.total, l.measured = done, total, true
	l.report()
}

// show replaces the text, with the printer's lock held.
func (l *Live) show(text string) {
	l.text = text
	l.report()
}

// report sends a progress event to programs if the last one is long enough ago.
func (l *Live) report() {
	now := time.Now()
	if !l.printer.json || now.Sub(l.reportedAt) < eventPause {
		return
	}
	l.reportedAt = now
	fields := Fields{"seconds": seconds(now.Sub(l.start))}
	if l.measured {
		fields["done"] = l.done
	}
	if l.total > 0 {
		fields["total"] = l.total
	}
	l.printer.emit(Event{Kind: Progress, Text: l.text, Fields: fields})
}

// Stop ends the step without a word. It may be deferred.
func (l *Live) Stop() { l.end(nil) }

// Stepf ends the step with a line "-----> text (1.2 s)".
func (l *Live) Stepf(format string, args ...any) {
	l.End(Event{Kind: Step, Text: fmt.Sprintf(format, args...)})
}

// Detailf ends the step with a detail "text (1.2 s)".
func (l *Live) Detailf(format string, args ...any) {
	l.End(Event{Kind: Detail, Text: fmt.Sprintf(format, args...)})
}

// End ends the step with an event, to which it adds the time.
func (l *Live) End(last Event) { l.end(&last) }

// end takes the step off the live line and prints the last event, if any.
func (l *Live) end(last *Event) {
	p := l.printer
	p.mu.Lock()
	beat := l.remove()
	if last != nil && !l.ended {
		took := time.Since(l.start)
		if p.json {
			fields := Fields{"seconds": seconds(took)}
			maps.Copy(fields, last.Fields)
			last.Fields = fields
		} else {
			last.Text += " (" + Duration(took) + ")"
		}
		p.emit(*last)
	}
	l.ended = true
	p.mu.Unlock()
	beat.stop()
}

// remove takes the step off the live line, with the printer's lock held. It
// returns the heartbeat when the step was the last to need it; the caller
// stops it once the lock is free, because a beat waits for the lock.
func (l *Live) remove() *heartbeat {
	p := l.printer
	at := slices.Index(p.lives, l)
	if at < 0 {
		return nil
	}
	p.lives = slices.Delete(slices.Clone(p.lives), at, at+1)
	if at == len(p.lives) {
		p.erase()
	}
	if len(p.lives) > 0 {
		return nil
	}
	beat := p.beat
	p.beat = nil
	return beat
}

// erase takes the live line off the screen, with the lock held.
func (p *Printer) erase() {
	if p.shown != "" {
		p.write(&p.out, eraseLine)
		p.shown = ""
	}
}

// draw brings the live line up to date.
func (p *Printer) draw(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.lives) == 0 || now.Sub(p.shownAt) < frame {
		return
	}
	// the last column stays free: a cursor that stands in it wraps on some
	// terminals
	line := eraseLine + marginsOff + p.liveLine(now, p.width()-1) + marginsOn
	if line == p.shown {
		return
	}
	p.write(&p.out, line)
	p.shown, p.shownAt = line, now
}

// liveLine is the text of the live line in at most width columns.
func (p *Printer) liveLine(now time.Time, width int) string {
	l := p.lives[len(p.lives)-1]
	facts := l.facts(now)
	if others := len(p.lives) - 1; others > 0 {
		facts = append(facts, fact{fmt.Sprintf("(and %d more)", others), 1})
	}
	text := strings.ReplaceAll(p.secrets.redact(plain(l.text)), "\n", " ")
	if !l.foreign {
		text = detailPrefix + text
	}
	// what is done has half of the line before any fact but the time
	tail := join(facts)
	for len(facts) > 1 && columns(tail) > width-min(columns(text), width/2) {
		least := slices.MinFunc(facts, func(a, b fact) int { return a.weight - b.weight })
		facts = slices.DeleteFunc(facts, func(f fact) bool { return f == least })
		tail = join(facts)
	}
	return cut(cut(text, width-columns(tail))+tail, width)
}

// fact is a part of the live line; in a narrow window the lightest go first.
type fact struct {
	text   string
	weight int
}

// facts are how far the step is, how fast, and for how long it runs.
func (l *Live) facts(now time.Time) []fact {
	var facts []fact
	elapsed := now.Sub(l.start)
	switch {
	case l.measured && l.total > 0:
		percent := min(100, int64(float64(l.done)/float64(l.total)*100))
		facts = append(facts, fact{fmt.Sprintf("%d%%", percent), 4}, fact{Bytes(l.done) + " of " + Bytes(l.total), 3})
	case l.measured:
		facts = append(facts, fact{Bytes(l.done), 3})
	}
	if s := elapsed.Seconds(); l.measured && s > 0 {
		facts = append(facts, fact{Bytes(int64(float64(l.done)/s)) + "/s", 2})
	}
	return append(facts, fact{Duration(elapsed.Truncate(frame)), 5})
}

func join(facts []fact) string {
	var tail strings.Builder
	for _, f := range facts {
		tail.WriteString("  " + f.text)
	}
	return tail.String()
}

// columns is how wide text is, if no character of it is a wide one.
func columns(text string) int { return utf8.RuneCountInString(text) }

// cut is text in at most n characters, with tabs as spaces.
func cut(text string, n int) string {
	runes := []rune(strings.ReplaceAll(text, "\t", " "))
	if len(runes) <= n {
		return string(runes)
	}
	if n < 1 {
		return ""
	}
	return strings.TrimRight(string(runes[:n-1]), " ") + "…"
}

// seconds is d for a program, exact to the millisecond.
func seconds(d time.Duration) float64 {
	return float64(d.Milliseconds()) / 1000
}

// heartbeat draws the live line again and again, so that its time moves even
// when nothing arrives.
type heartbeat struct {
	quit, gone chan struct{}
}

func startHeartbeat(p *Printer) *heartbeat {
	h := &heartbeat{quit: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(h.gone)
		ticks := time.NewTicker(frame)
		defer ticks.Stop()
		for {
			select {
			case <-h.quit:
				return
			case now := <-ticks.C:
				p.draw(now)
			}
		}
	}()
	return h
}

// stop ends the heartbeat and waits for it; a nil heartbeat has ended.
func (h *heartbeat) stop() {
	if h == nil {
		return
	}
	close(h.quit)
	<-h.gone
}
