package platform

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Level is how much a Log tells: what is below it is not said.
type Level int

// The levels, by their names in -log-level.
const (
	Debug Level = iota
	Info
	Warn
	Error
	// Fatal says nothing at all.
	Fatal
)

// ParseLevel is the level of a name, in letters of any case.
func ParseLevel(name string) (Level, error) {
	switch strings.ToLower(name) {
	case "debug":
		return Debug, nil
	case "info":
		return Info, nil
	case "warn", "warning":
		return Warn, nil
	case "error":
		return Error, nil
	case "fatal":
		return Fatal, nil
	}
	return 0, fmt.Errorf("failed to parse log level: %q is none; expected debug, info, warn or error", name)
}

// Log is the voice of the phases. Platforms and their tests read what it says, so
// it is as that of the reference lifecycle: all on one writer, a line for each
// message, "ERROR: " and "Warning: " before those. It may be used by several
// goroutines. The nil Log says nothing.
type Log struct {
	Out   io.Writer
	Level Level
	// Plain leaves colours out.
	Plain bool

	mu sync.Mutex
}

const (
	red    = "\x1b[31;1m"
	yellow = "\x1b[33;1m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

func (l *Log) style(code, text string) string {
	if l.Plain {
		return text
	}
	return code + text + reset
}

// say writes a message as a line.
func (l *Log) say(level Level, prefix, text string) {
	if l == nil || level < l.Level {
		return
	}
	switch level {
	case Error:
		prefix = l.style(red, prefix)
	case Warn:
		prefix = l.style(yellow, prefix)
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprint(l.Out, prefix+text)
}

// Phase says that a phase of the creator begins.
func (l *Log) Phase(name string) {
	if l != nil {
		l.say(Info, "", l.style(cyan, "===> "+name))
	}
}

// Debugf says what helps to find mistakes.
func (l *Log) Debugf(format string, args ...any) { l.say(Debug, "", fmt.Sprintf(format, args...)) }

// Infof says what happens.
func (l *Log) Infof(format string, args ...any) { l.say(Info, "", fmt.Sprintf(format, args...)) }

// Warnf says what may be not as it should be.
func (l *Log) Warnf(format string, args ...any) {
	l.say(Warn, "Warning: ", fmt.Sprintf(format, args...))
}

// Errorf says what ends a phase.
func (l *Log) Errorf(format string, args ...any) {
	l.say(Error, "ERROR: ", fmt.Sprintf(format, args...))
}

// Timer says on debug level when something starts, and, when it is stopped, how
// long that took.
func (l *Log) Timer(name string) (stop func()) {
	start := time.Now()
	l.Debugf("Timer: %s started at %s", name, start.Format(time.RFC3339))
	return func() {
		end := time.Now()
		l.Debugf("Timer: %s ran for %v and ended at %s", name, end.Sub(start), end.Format(time.RFC3339))
	}
}
