package memory

import (
	"fmt"
	"time"
)

const (
	// Interval is the time between two looks.
	Interval = time.Second
	// Repeat is the time after which it is said again that a process is over its
	// quota.
	Repeat = 20 * time.Second
	// vast is how many times its quota a process may not use.
	vast = 2
)

// Meter compares what the processes of a sandbox use with their quota.
type Meter struct {
	// Quota is in bytes; 0 for none.
	Quota int64
	// First is the process that all others descend from.
	First int
	// Say is told the lines of the log.
	Say func(line string)

	said time.Time
}

// Over looks at the processes at a time and tells whether they use so much that
// they are to be ended.
func (m *Meter) Over(t Tree, now time.Time) bool {
	if m.Quota <= 0 || t.AtMost(m.First) <= m.Quota {
		m.said = time.Time{}
		return false
	}
	used := t.Used(m.First)
	switch {
	case used > vast*m.Quota:
		m.running(used)
		m.Say("Error R15 (Memory quota vastly exceeded)")
		m.Say("Stopping process with SIGKILL")
		return true
	case used <= m.Quota:
		m.said = time.Time{}
	case m.said.IsZero() || now.Sub(m.said) >= Repeat:
		m.said = now
		m.running(used)
		m.Say("Error R14 (Memory quota exceeded)")
	}
	return false
}

func (m *Meter) running(used int64) {
	const mebi = 1 << 20
	m.Say(fmt.Sprintf("Process running mem=%dM(%.1f%%)", used/mebi, 100*float64(used)/float64(m.Quota)))
}
