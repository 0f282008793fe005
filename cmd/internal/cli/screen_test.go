package cli

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// screen is what a person sees of the bytes that reached a terminal. It knows
// the few sequences that a live line may use and fails the test on others.
type screen struct {
	t    *testing.T
	rows []string
	// live are the states of the last row that were overwritten.
	live []string
}

var sequence = regexp.MustCompile(`^\x1b\[(K|\?7[lh]|[0-9;]*m)`)

func newScreen(t *testing.T, output string) *screen {
	t.Helper()
	s := &screen{t: t, rows: []string{""}}
	column := 0
	for len(output) > 0 {
		row := &s.rows[len(s.rows)-1]
		switch output[0] {
		case '\n':
			s.rows = append(s.rows, "")
			column, output = 0, output[1:]
		case '\r':
			if *row != "" {
				s.live = append(s.live, *row)
			}
			column, output = 0, output[1:]
		case '\x1b':
			match := sequence.FindString(output)
			switch match {
			case "":
				t.Fatalf("unexpected control sequence in %.20q", output)
			case "\x1b[K":
				*row = (*row)[:column]
			}
			output = output[len(match):]
		default:
			if column != len(*row) {
				t.Fatalf("%.20q overwrites a part of %q", output, *row)
			}
			*row += output[:1]
			column, output = column+1, output[1:]
		}
	}
	return s
}

func (s *screen) String() string { return strings.Join(s.rows, "\n") }

// sawLive says whether the live line once had all the words.
func (s *screen) sawLive(words ...string) bool {
	seen := append(slices.Clone(s.live), s.rows[len(s.rows)-1])
	return slices.ContainsFunc(seen, func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	})
}

// syncBuffer is a buffer that many may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// onTerminal is a printer that takes both writers for a terminal of some
// columns.
func onTerminal(out, err *syncBuffer, columns int) *Printer {
	p := New(Settings{Out: out, Err: err, Env: env()})
	p.terminal = true
	p.out.colour, p.err.colour = true, true
	p.width = func() int { return columns }
	return p
}
