package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// person sits at a pseudo-terminal.
type person struct {
	t      *testing.T
	seen   strings.Builder
	keys   *os.File
	window *os.File
}

func newPerson(t *testing.T, columns uint16) *person {
	t.Helper()
	keys, window, err := pty.Open()
	if err != nil {
		t.Fatalf("opening a pseudo-terminal: %v", err)
	}
	t.Cleanup(func() {
		if err := window.Close(); err != nil {
			t.Error(err)
		}
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &person{t: t, keys: keys, window: window}
	a.resize(columns)
	if err := keys.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *person) resize(columns uint16) {
	a.t.Helper()
	if err := pty.Setsize(a.window, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		a.t.Fatal(err)
	}
}

// waitFor reads until the screen is as wanted.
func (a *person) waitFor(what string, wanted func(*screen) bool) {
	a.t.Helper()
	buffer := make([]byte, 4096)
	for {
		now := newScreen(a.t, strings.ReplaceAll(a.seen.String(), "\r\n", "\n"))
		if wanted(now) {
			return
		}
		n, err := a.keys.Read(buffer)
		if err != nil {
			a.t.Fatalf("waiting for %s: %v\nscreen:\n%s", what, err, now)
		}
		a.seen.Write(buffer[:n])
	}
}

func TestTerminal(t *testing.T) {
	a := newPerson(t, 100)
	p := New(Settings{Out: a.window, Err: a.window, Env: env("TERM", "xterm")})
	p.Stepf("Installing node")
	l := p.Live("Downloading node 22.1.0")
	l.Progress(5<<20, 10<<20)
	a.waitFor("the live line", func(s *screen) bool {
		return s.sawLive("       Downloading node 22.1.0  50%  5.0 MiB of 10.0 MiB")
	})

	a.resize(40)
	a.waitFor("a line that fits the narrow window", func(s *screen) bool {
		last := s.rows[len(s.rows)-1]
		return strings.HasPrefix(last, "       Downloading") && strings.HasSuffix(last, " s") && len([]rune(last)) < 40
	})

	w := p.Writer(nil)
	if _, err := w.Write([]byte("\x1b[32m       using a mirror\x1b[0m\n")); err != nil {
		t.Fatal(err)
	}
	p.Warningf("slow network")
	l.Detailf("Downloaded")
	a.waitFor("the end of the live line", func(s *screen) bool {
		return strings.HasPrefix(s.String(), ""+
			"-----> Installing node\n"+
			"       using a mirror\n"+
			" !     slow network\n"+
			"       Downloaded (") && strings.HasSuffix(s.String(), ")\n")
	})
	if !strings.Contains(a.seen.String(), yellow+" !     slow network"+reset) {
		t.Errorf("the warning has no colour: %q", a.seen.String())
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTerminalThatIsNone: what a person or a CI system sets turns the live line
// or the colours off.
func TestTerminalThatIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		settings     Settings
		live, colour bool
	}{
		"a terminal":    {Settings{Env: env("TERM", "xterm", "CI", "false")}, true, true},
		"NO_COLOR":      {Settings{Env: env("NO_COLOR", "1")}, true, false},
		"--no-color":    {Settings{Env: env(), NoColor: true}, true, false},
		"CI":            {Settings{Env: env("CI", "true")}, false, true},
		"TERM=dumb":     {Settings{Env: env("TERM", "dumb")}, false, false},
		"--json":        {Settings{Env: env(), JSON: true}, false, false},
		"empty setting": {Settings{Env: env("NO_COLOR", "", "CI", "")}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newPerson(t, 80)
			c.settings.Out, c.settings.Err = a.window, a.window
			p := New(c.settings)
			if p.terminal != c.live || p.out.colour != c.colour || p.err.colour != c.colour {
				t.Errorf("live line %t, colour %t; want %t, %t", p.terminal, p.out.colour, c.live, c.colour)
			}
		})
	}
}
