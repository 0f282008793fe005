package cli

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sclevine/spec"
)

// Each test runs in a bubble of synctest: its clock moves only when all sleep,
// and it fails if a goroutine is left behind.
func TestLive(t *testing.T) { spec.Run(t, "Live", testLive) }

func testLive(t *testing.T, when spec.G, it spec.S) {
	var out, err syncBuffer
	const mib = 1 << 20

	// tick lets the time pass and every goroutine come to rest.
	tick := func(d time.Duration) {
		time.Sleep(d)
		synctest.Wait()
	}

	when("on a terminal", func() {
		it("shows how far it is, at what speed, for how long; then the last line alone", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 100)
				p.Stepf("Installing node")
				l := p.Live("Downloading node 22.1.0")
				tick(time.Second)
				l.Progress(12*mib, 48*mib)
				tick(time.Second + frame/2)
				same(t, newScreen(t, out.String()).String(), ""+
					"-----> Installing node\n"+
					"       Downloading node 22.1.0  25%  12.0 MiB of 48.0 MiB  6.0 MiB/s  2.0 s")

				l.Detailf("Downloaded node 22.1.0")
				same(t, newScreen(t, out.String()).String(), ""+
					"-----> Installing node\n"+
					"       Downloaded node 22.1.0 (2.0 s)\n")
			})
		})

		it("moves the time although nothing arrives", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 100)
				l := p.Live("Packing")
				defer l.Stop()
				tick(3*time.Second + frame/2)
				seen := newScreen(t, out.String())
				if !seen.sawLive("Packing", "1.0 s") || !seen.sawLive("Packing", "3.0 s") {
					t.Fatalf("live lines: %q", seen.live)
				}
			})
		})

		it("is drawn at most ten times a second", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 100)
				l := p.Live("Walking")
				for n := range 2000 {
					l.Progress(int64(n), 0)
					time.Sleep(time.Millisecond)
				}
				l.Stop()
				if n := strings.Count(out.String(), "Walking"); n < 10 || n > 20 {
					t.Fatalf("drawn %d times in two seconds", n)
				}
			})
		})

		it("is never seen when it is over at once", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 100)
				p.Live("Walking").Stepf("Walked")
				same(t, out.String(), "-----> Walked (0 ms)\n")
			})
		})

		it("stays below the lines that are printed meanwhile, on either stream", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &out, 60)
				l := p.Live("Packing")
				tick(2 * frame)
				p.Detailf("one")
				p.Warningf("two")
				same(t, newScreen(t, out.String()).String(), "       one\n !     two\n       Packing  0.2 s")
				l.Stop()
				same(t, newScreen(t, out.String()).String(), "       one\n !     two\n")
			})
		})

		it("asks for the width each time, and keeps the time in view", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 80)
				columns := 80
				p.width = func() int { return columns }
				l := p.Live("Downloading a package with quite a long name")
				defer l.Stop()
				tick(2 * frame)
				p.mu.Lock()
				columns = 30
				p.mu.Unlock()
				tick(frame)
				same(t, newScreen(t, out.String()).String(), "       Downloading a…  0.3 s")
				l.Progress(5*mib, 10*mib)
				tick(frame)
				same(t, newScreen(t, out.String()).String(), "       Downloadi…  50%  0.4 s")
				p.mu.Lock()
				columns = 1
				p.mu.Unlock()
				tick(frame)
				same(t, newScreen(t, out.String()).String(), "")
			})
		})

		it("shows the newest of several, then the one before", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 80)
				first, second := p.Live("first"), p.Live("second")
				tick(2 * frame)
				same(t, newScreen(t, out.String()).String(), "       second  0.2 s  (and 1 more)")
				second.Stop()
				same(t, newScreen(t, out.String()).String(), "")
				tick(frame)
				same(t, newScreen(t, out.String()).String(), "       first  0.3 s")
				first.Stop()
			})
		})

		it("ends once, also by Close, and says nothing after that", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 80)
				one, two := p.Live("one"), p.Live("two")
				tick(2 * frame)
				if e := p.Close(); e != nil {
					t.Fatal(e)
				}
				one.Progress(1, 2)
				one.Stepf("one")
				two.Stop()
				two.Stop()
				same(t, newScreen(t, out.String()).String(), "")
			})
		})

		it("shows no secret", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &err, 80)
				p.Redact("hunter2")
				l := p.Live("Cloning user:hunter2@host")
				tick(2 * frame)
				l.Stepf("Cloned hunter2")
				if strings.Contains(out.String(), "hunter2") {
					t.Fatal(out.String())
				}
			})
		})
	})

	when("plain", func() {
		it("prints the last line alone", func() {
			synctest.Test(t, func(t *testing.T) {
				p := New(Settings{Out: &out, Err: &err, Env: env()})
				l := p.Live("Downloading")
				l.Progress(1, 2)
				tick(90 * time.Second)
				l.Stepf("Downloaded %s", "node")
				same(t, out.String(), "-----> Downloaded node (1 min 30 s)\n")
			})
		})

		it("prints nothing for a step that is stopped", func() {
			p := New(Settings{Out: &out, Err: &err, Env: env()})
			p.Live("Downloading").Stop()
			same(t, out.String(), "")
		})
	})

	when("in JSON", func() {
		it("sends progress at most once a second, and the time at the end", func() {
			synctest.Test(t, func(t *testing.T) {
				p := New(Settings{Out: &out, Err: &err, JSON: true, Env: env()})
				l := p.Live("Downloading")
				for n := range 15 {
					tick(frame)
					l.Progress(int64(n), 15)
				}
				l.End(Event{Kind: Detail, Text: "Downloaded", Fields: Fields{"package": "node"}})
				same(t, out.String(), ""+
					`{"type":"progress","text":"Downloading","seconds":0}`+"\n"+
					`{"type":"progress","text":"Downloading","done":9,"seconds":1,"total":15}`+"\n"+
					`{"type":"detail","text":"Downloaded","package":"node","seconds":1.5}`+"\n")
			})
		})
	})

	when("the terminal is gone", func() {
		it("comes to an end all the same", func() {
			synctest.Test(t, func(t *testing.T) {
				gone := errors.New("gone")
				p := onTerminal(&out, &err, 80)
				p.out.Writer = failing{gone}
				p.err.Writer = io.Discard
				l := p.Live("Packing")
				tick(time.Second)
				l.Stepf("Packed")
				if e := p.Close(); !errors.Is(e, gone) {
					t.Fatalf("Close: %v", e)
				}
			})
		})
	})
}
