package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
)

// tell is a build in a few events.
func tell(p *Printer) {
	p.Stepf("Node.js app detected")
	p.Detailf("node %s\nnpm %s", "22.1.0", "10.2.0")
	p.Warningf("No lock file\nVersions may change from build to build")
	p.Errorf("It broke: 100%%")
	p.Emit(Event{Kind: Progress, Text: "Walking"})
	p.Result("slug.tgz", Fields{"size": 1 << 40, "layers": []string{"app"}, "type": "x"})
	p.Result("", Fields{"html": "<b>"})
}

func TestPrinter(t *testing.T) { spec.Run(t, "Printer", testPrinter) }

func testPrinter(t *testing.T, when spec.G, it spec.S) {
	var out, err syncBuffer

	when("it is recorded", func() {
		it("writes what --json prints, and when it was, beside what people see", func() {
			var record syncBuffer
			p := New(Settings{Out: &out, Err: &err, Env: env()})
			p.Stepf("Not recorded")
			p.Record(&record)
			p.Redact("hunter2")
			w := p.Writer(nil)
			fmt.Fprint(w, "\x1b[1m-----> Installing\x1b[0m\n       with hunter2\n")
			p.Emit(Event{Kind: Reused, Text: "app", Fields: Fields{"reused": true}})
			Report(p, errors.New("it broke"))
			same(t, out.String(), "-----> Not recorded\n-----> Installing\n       with [redacted]\n")
			var got []string
			last := 0.0
			for line := range strings.Lines(record.String()) {
				var e map[string]any
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				at, is := e["elapsed_ns"].(float64)
				if !is || at < last {
					t.Errorf("%s: it was at %v, after %v", line, e["elapsed_ns"], last)
				}
				last = at
				got = append(got, fmt.Sprint(e["type"], ": ", e["text"], " ", e["reused"], " ", e["code"]))
			}
			same(t, strings.Join(got, "\n"), "step: Installing <nil> <nil>\noutput:        with [redacted] <nil> <nil>\nreuse: app true <nil>\nerror: it broke <nil> 1")
		})
	})

	when("the output is no terminal", func() {
		it("prints as Heroku does, faults on the stream of errors", func() {
			p := New(Settings{Out: &out, Err: &err, Env: env()})
			tell(p)
			same(t, out.String(), ""+
				"-----> Node.js app detected\n"+
				"       node 22.1.0\n"+
				"       npm 10.2.0\n"+
				"slug.tgz\n")
			same(t, err.String(), ""+
				" !     No lock file\n"+
				" !     Versions may change from build to build\n"+
				" !     It broke: 100%\n")
		})

		it("keeps one stream in order when both writers are the same", func() {
			p := New(Settings{Out: &out, Err: &out, Env: env()})
			p.Stepf("Installing\nall of it")
			p.Warningf("old lock file\n\nrenew it\n")
			p.Detailf("done")
			same(t, out.String(), ""+
				"-----> Installing\n"+
				"       all of it\n"+
				" !     old lock file\n"+
				" !\n"+
				" !     renew it\n"+
				"       done\n")
		})

		it("prints no control sequences that are in a text", func() {
			p := New(Settings{Out: &out, Err: &err, Env: env()})
			p.Detailf("a\x1b[31mb\x1b]0;title\x07c\rd\x00e\xff\u009b")
			same(t, out.String(), "       abcde\uFFFD\n")
		})
	})

	when("the output is a terminal", func() {
		it("shows warnings in yellow and errors in red", func() {
			p := onTerminal(&out, &err, 80)
			tell(p)
			same(t, err.String(), ""+
				"\x1b[33m !     No lock file\x1b[0m\n"+
				"\x1b[33m !     Versions may change from build to build\x1b[0m\n"+
				"\x1b[31m !     It broke: 100%\x1b[0m\n")
		})
	})

	when("the person asked for JSON", func() {
		it("prints one object per event on one stream", func() {
			p := New(Settings{Out: &out, Err: &err, JSON: true, Env: env()})
			tell(p)
			same(t, out.String(), ""+
				`{"type":"step","text":"Node.js app detected"}`+"\n"+
				`{"type":"detail","text":"node 22.1.0\nnpm 10.2.0"}`+"\n"+
				`{"type":"warning","text":"No lock file\nVersions may change from build to build"}`+"\n"+
				`{"type":"error","text":"It broke: 100%"}`+"\n"+
				`{"type":"progress","text":"Walking"}`+"\n"+
				`{"type":"result","text":"slug.tgz","layers":["app"],"size":1099511627776}`+"\n"+
				`{"type":"result","text":"","html":"<b>"}`+"\n")
			same(t, err.String(), "")
		})

		it("tells at the end of an event that cannot be encoded", func() {
			p := New(Settings{Out: &out, Err: &err, JSON: true, Env: env()})
			p.Result("figures", Fields{"ratio": math.NaN()})
			same(t, out.String(), "")
			if e := p.Close(); e == nil || !strings.Contains(e.Error(), "ratio") {
				t.Fatalf("Close: %v, want an error that names the field", e)
			}
		})
	})

	when("the output cannot be written", func() {
		it("goes on, and tells at the end", func() {
			full := errors.New("disk full")
			p := New(Settings{Out: failing{full}, Err: &err, Env: env()})
			p.Stepf("one")
			p.Warningf("two")
			if e := p.Close(); !errors.Is(e, full) {
				t.Fatalf("Close: %v, want %v", e, full)
			}
			same(t, err.String(), " !     two\n")
		})
	})

	when("many print at the same time", func() {
		for name, p := range map[string]*Printer{
			"plain":    New(Settings{Out: &out, Err: &out, Env: env()}),
			"JSON":     New(Settings{Out: &out, Err: &out, JSON: true, Env: env()}),
			"terminal": onTerminal(&out, &out, 80),
		} {
			it("keeps lines whole: "+name, func() {
				const workers, lines = 8, 50
				var all sync.WaitGroup
				for id := range workers {
					all.Go(func() {
						w := p.Writer(nil)
						l := p.Live(fmt.Sprintf("worker %d", id))
						for n := range lines {
							l.Progress(int64(n), lines)
							put(t, w, "%d%%\r", n)
							for _, part := range []string{"out", fmt.Sprint(id, "-"), fmt.Sprint(n, "\n")} {
								put(t, w, "%s", part)
							}
							p.Stepf("step%d-%d", id, n)
							p.Redact(fmt.Sprintf("secret-%d", id))
						}
						l.Stop()
						if e := w.Close(); e != nil {
							t.Error(e)
						}
					})
				}
				all.Wait()
				if e := p.Close(); e != nil {
					t.Fatal(e)
				}
				seen := map[string]int{}
				text := out.String()
				if name == "terminal" {
					text = newScreen(t, text).String()
				}
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if name == "JSON" {
						e := parse(t, line)
						if e["type"] == "progress" {
							continue
						}
						line = e["text"].(string)
					}
					seen[strings.TrimPrefix(line, "-----> ")]++
				}
				for id := range workers {
					for n := range lines {
						for _, line := range []string{fmt.Sprintf("out%d-%d", id, n), fmt.Sprintf("step%d-%d", id, n)} {
							if seen[line] != 1 {
								t.Fatalf("line %q came %d times", line, seen[line])
							}
							delete(seen, line)
						}
					}
				}
				if len(seen) != 0 {
					t.Fatalf("lines that nobody wrote: %v", seen)
				}
			})
		}
	})
}

func TestColourAndMode(t *testing.T) {
	var out syncBuffer
	p := New(Settings{Out: &out, Err: &out, Env: env()})
	if p.terminal || p.out.colour || p.JSON() {
		t.Errorf("a buffer is taken for a terminal: %+v", p)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func same(t *testing.T, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
}

// parse is one line as a JSON object.
func parse(t *testing.T, line string) map[string]any {
	t.Helper()
	var e map[string]any
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return e
}
