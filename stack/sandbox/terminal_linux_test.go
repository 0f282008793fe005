package sandbox_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/sclevine/spec"
)

func TestTerminal(t *testing.T) { spec.Run(t, "on a terminal", testTerminal) }

func testTerminal(t *testing.T, _ spec.G, it spec.S) {
	var screen *outerSide

	// start runs the probe on a terminal.
	start := func(args ...string) {
		t.Helper()
		terminal, err := pty.Start(outside(t, args...))
		if err != nil {
			t.Fatal(err)
		}
		screen = &outerSide{terminal: terminal}
		t.Cleanup(func() {
			if err := terminal.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	// begin runs a line of the shell in a sandbox on a terminal.
	begin := func(line string) { start("terminal", line) }

	it("knows its terminal", func() {
		begin("tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo yes")
		screen.await(t, "/dev/console\r\nyes\r\nreturned <nil>, foreground true")
	})

	it("is told of its size", func() {
		begin("trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.01; done")
		screen.await(t, "ready")
		if err := pty.Setsize(screen.terminal, &pty.Winsize{Rows: 33, Cols: 44}); err != nil {
			t.Fatal(err)
		}
		screen.await(t, "33 44\r\nreturned exit status 3")
	})

	it("is interrupted, and Run returns its status", func() {
		begin("trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.01; done")
		screen.await(t, "ready")
		screen.press(t, "\x03")
		screen.await(t, "caught\r\nreturned exit status 5, foreground true")
	})

	it("is ended by an interrupt that it does not catch", func() {
		begin("exec /opt/sandbox-probe read")
		screen.await(t, "ready")
		screen.press(t, "\x03")
		screen.await(t, "returned ended by signal 2 (interrupt), foreground true")
	})

	it("may be a shell with jobs, and the terminal comes back", func() {
		begin("PS1='> ' exec bash --norc --noprofile -i")
		screen.await(t, "> ")
		screen.press(t, "sh -c 'echo sleeping; exec sleep 1000'\r")
		screen.await(t, "sleeping\r\n")
		screen.press(t, "\x1a")
		screen.await(t, "Stopped")
		screen.press(t, "kill %1; fg\r")
		screen.await(t, "Terminated")
		screen.press(t, "exit 4\r")
		screen.await(t, "returned exit status 4, foreground true")
	})

	it("has nothing to do with it unless it is interactive", func() {
		dir, _ := shared(t, "/shared")
		start("aside", dir)
		screen.await(t, "ready")
		screen.press(t, "\x03")
		screen.await(t, "over")
		if before := screen.before; strings.Contains(before, "hit") || strings.Contains(before, "terminal") {
			t.Errorf("it printed %q", before)
		}
	})

	it("cannot type for the caller", func() {
		begin("/opt/sandbox-probe type")
		screen.await(t, "operation not permitted\r\nreturned exit status 1")
	})
}

// outerSide is where a terminal is looked at and typed on.
type outerSide struct {
	terminal *os.File
	// shown is what is there to be awaited, before what was skipped last.
	shown, before string
}

// await reads until the terminal shows a text.
func (s *outerSide) await(t *testing.T, text string) {
	t.Helper()
	piece := make([]byte, 1024)
	for !strings.Contains(s.shown, text) {
		n, err := s.terminal.Read(piece)
		s.shown += string(piece[:n])
		if err != nil {
			t.Fatalf("the terminal shows no %q (%v), but\n%s", text, err, s.shown)
		}
	}
	s.before, s.shown, _ = strings.Cut(s.shown, text)
}

func (s *outerSide) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(s.terminal, keys); err != nil {
		t.Fatal(err)
	}
}
