package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sclevine/spec"
)

func TestLogs(t *testing.T) {
	spec.Run(t, "the stream", testStream)
	spec.Run(t, "the files", testFile)
	spec.Run(t, "reading", testTail)
	spec.Run(t, "a drain", testDrain)
}

// collected is a sink in memory.
type collected struct {
	mu sync.Mutex
	bytes.Buffer
}

func (c *collected) Write(lines []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Buffer.Write(lines)
}

func (c *collected) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Buffer.String()
}

// copyAll hands the lines of a process to a stream.
func copyAll(stream *Stream, process string, from io.Reader) error {
	lines := stream.Lines(process)
	_, err := io.Copy(lines, from)
	return errors.Join(err, lines.Close())
}

func noon() time.Time {
	return time.Date(2026, 1, 2, 13, 0, 0, 500, time.FixedZone("CET", 3600)).Add(45 * time.Microsecond)
}

func testStream(t *testing.T, _ spec.G, it spec.S) {
	var out *collected
	var stream *Stream

	it.Before(func() {
		out = &collected{}
		stream = NewStream(out)
		stream.Now = noon
	})

	it("has time and source before every line", func() {
		if err := copyAll(stream, "web.1", strings.NewReader("one\r\n\n  two\nthe rest")); err != nil {
			t.Fatal(err)
		}
		stream.Sayf("web.1", "State changed from %s to %s", "starting", "up")
		want := `2026-01-02T12:00:00.000045+00:00 app[web.1]: one
2026-01-02T12:00:00.000045+00:00 app[web.1]: 
2026-01-02T12:00:00.000045+00:00 app[web.1]:   two
2026-01-02T12:00:00.000045+00:00 app[web.1]: the rest
2026-01-02T12:00:00.000045+00:00 heroku[web.1]: State changed from starting to up
`
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out, want)
		}
	})

	it("lets nobody make lines of the platform", func() {
		stream.Sayf("api", "Deploy %s", "x\n2026-01-02T12:00:00.000045+00:00 heroku[api]: Release v9\x1b[2J")
		if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%q", out)
		}
	})

	it("cuts only what is longer than any line", func() {
		long := strings.Repeat("x", MaxLine)
		if err := copyAll(stream, "web.1", strings.NewReader("a\n"+long+"\n"+long+"yz\nb\n")); err != nil {
			t.Fatal(err)
		}
		var lengths []int
		for line := range strings.Lines(out.String()) {
			parsed, ok := Parse([]byte(line))
			if !ok {
				t.Fatalf("no line: %.80q", line)
			}
			lengths = append(lengths, len(parsed.Text))
		}
		if want := fmt.Sprint([]int{1, MaxLine, MaxLine, 2, 1}); fmt.Sprint(lengths) != want {
			t.Errorf("lines of %v bytes, expected %s", lengths, want)
		}
	})

	it("neither loses nor mixes lines of many that talk at once", func() {
		const processes, lines = 8, 20_000
		var group sync.WaitGroup
		for p := range processes {
			r, w := io.Pipe()
			group.Go(func() {
				buffered := bufio.NewWriterSize(w, 4096+p)
				for n := range lines {
					fmt.Fprintf(buffered, "%d %d of a flood\n", p, n)
				}
				if err := errors.Join(buffered.Flush(), w.Close()); err != nil {
					t.Error(err)
				}
			})
			group.Go(func() {
				if err := copyAll(stream, fmt.Sprintf("web.%d", p), r); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		next := map[string]int{}
		for line := range bytes.Lines(out.Bytes()) {
			parsed, ok := Parse(line)
			var p, n int
			if _, err := fmt.Sscanf(string(parsed.Text), "%d %d of a flood", &p, &n); !ok || err != nil {
				t.Fatalf("a line is %q", line)
			}
			if parsed.Process != fmt.Sprintf("web.%d", p) || n != next[parsed.Process] {
				t.Fatalf("after line %d of %s came %q", next[parsed.Process]-1, parsed.Process, line)
			}
			next[parsed.Process]++
		}
		for p := range processes {
			if name := fmt.Sprintf("web.%d", p); next[name] != lines {
				t.Errorf("%s has %d lines of %d", name, next[name], lines)
			}
		}
	})

	it("goes on where a sink fails", func() {
		stream.sinks = []Sink{broken{}, out}
		stream.Sayf("api", "Release v2 created")
		if !strings.Contains(out.String(), "Release v2 created") {
			t.Errorf("%q", out)
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no room") }

func testFile(t *testing.T, _ spec.G, it spec.S) {
	it("rotates between lines and keeps the youngest files", func() {
		name := filepath.Join(t.TempDir(), "logs", "app.log")
		f, err := Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.size = 100
		for n := range 60 {
			if _, err := fmt.Fprintf(f, "line %04d of the log\n", n); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(name + "*")
		if err != nil || len(files) != MaxFiles {
			t.Fatalf("%d files, expected %d: %v", len(files), MaxFiles, err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil || info.Size() != 84 || info.Mode() != 0o600 {
				t.Errorf("%s: %v, %v", file, info, err)
			}
		}
		var out bytes.Buffer
		if err := (Tail{Name: name, Lines: 1000}).Print(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if want := "line 0040 of the log\n"; !strings.HasPrefix(out.String(), want) || !strings.HasSuffix(out.String(), "line 0059 of the log\n") {
			t.Errorf("the log is\n%s", &out)
		}
	})

	it("goes on where it stopped, and tells an error at the end", func() {
		name := filepath.Join(t.TempDir(), "app.log")
		for range 2 {
			f, err := Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte("a line\n")); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if content, err := os.ReadFile(name); err != nil || string(content) != "a line\na line\n" {
			t.Errorf("%q, %v", content, err)
		}
		full := &File{name: "/dev/full", size: MaxFile, max: MaxFiles}
		if _, err := full.Write([]byte("a line\n")); err == nil {
			t.Error("nothing fails on a full disk")
		}
		if err := full.Close(); err == nil {
			t.Error("the end hides that the disk was full")
		}
	})
}

func testTail(t *testing.T, _ spec.G, it spec.S) {
	var name string
	var f *File
	var stream *Stream

	it.Before(func() {
		name = filepath.Join(t.TempDir(), "app.log")
		var err error
		if f, err = Create(name); err != nil {
			t.Fatal(err)
		}
		stream = NewStream(f)
		stream.Now = noon
	})
	it.After(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})

	texts := func(log string) (all []string) {
		for line := range strings.Lines(log) {
			parsed, ok := Parse([]byte(line))
			if !ok {
				t.Errorf("no line: %q", line)
			}
			all = append(all, string(parsed.Text))
		}
		return all
	}
	show := func(tail Tail) string {
		t.Helper()
		var out bytes.Buffer
		tail.Name = name
		if err := tail.Print(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return strings.Join(texts(out.String()), ",")
	}

	it("shows the last lines of a process, a type or a source", func() {
		for _, line := range []string{"web.1 a", "web.2 b", "worker.1 c", "web.10 d", "webber.1 e"} {
			process, text, _ := strings.Cut(line, " ")
			if err := copyAll(stream, process, strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		stream.Sayf("web.1", "f")
		for want, tail := range map[string]Tail{
			"a,b,c,d,e,f": {Lines: 100},
			"e,f":         {Lines: 2},
			"a,f":         {Lines: 100, Filter: Filter{Process: "web.1"}},
			"a,b,d,f":     {Lines: 100, Filter: Filter{Process: "web"}},
			"b,d":         {Lines: 2, Filter: Filter{Process: "web", Source: App}},
			"f":           {Lines: 100, Filter: Filter{Source: Platform}},
			"":            {Lines: 0},
		} {
			if got := show(tail); got != want {
				t.Errorf("%+v: got %q, expected %q", tail, got, want)
			}
		}
	})

	it("shows nothing where there is no log", func() {
		name += ".none"
		if got := show(Tail{Lines: 10}); got != "" {
			t.Errorf("got %q", got)
		}
	})

	it("follows through new files", func() {
		f.size = 2000
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		r, w := io.Pipe()
		done := make(chan error, 1)
		stream.Sayf("api", "line 0")
		go func() {
			done <- errors.Join(Tail{Name: name, Lines: 1, Follow: true}.Print(ctx, w), w.Close())
		}()
		lines := bufio.NewScanner(r)
		const all = 200
		for n := range all {
			if !lines.Scan() {
				t.Fatal(lines.Err())
			}
			if parsed, _ := Parse(lines.Bytes()); string(parsed.Text) != fmt.Sprintf("line %d", n) {
				t.Fatalf("line %d is %q", n, lines.Text())
			}
			// Some come one by one, others many between two looks.
			if n%40 == 0 {
				for next := n + 1; next <= n+40 && next < all; next++ {
					stream.Sayf("api", "line %d", next)
				}
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func testDrain(t *testing.T, _ spec.G, it spec.S) {
	listen := func(address string) net.Listener {
		t.Helper()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return listener
	}
	drain := func(listener net.Listener) (*Drain, *Stream) {
		t.Helper()
		d, err := NewDrain("syslog://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		d.host = "machine"
		stream := NewStream(d)
		stream.Now = noon
		return d, stream
	}

	it("sends frames of syslog", func() {
		listener := listen("127.0.0.1:0")
		defer listener.Close()
		d, stream := drain(listener)
		if err := copyAll(stream, "web.1", strings.NewReader("hello\n"+strings.Repeat("x", 2*MaxDrainLine))); err != nil {
			t.Fatal(err)
		}
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		first := "<13>1 2026-01-02T12:00:00.000045+00:00 machine app web.1 - - hello\n"
		want := fmt.Sprintf("%d %s", len(first), first)
		if !strings.HasPrefix(string(got), want) || len(got) > 2*len(want)+MaxDrainLine+10 {
			t.Errorf("it sent %d bytes, %.200q; expected %q first", len(got), got, want)
		}
	})

	it("sends what came while the server was away, and says what it lost", func() {
		listener := listen("127.0.0.1:0")
		address := listener.Addr().String()
		d, stream := drain(listener)
		listener.Close()
		chunk := strings.Repeat(strings.Repeat("x", MaxDrainLine-1)+"\n", 100)
		for range 2*MaxDrain/len(chunk) + 1 {
			if err := copyAll(stream, "web.1", strings.NewReader(chunk)); err != nil {
				t.Fatal(err)
			}
		}
		listener = listen(address)
		defer listener.Close()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		received := make(chan []byte)
		go func() {
			got, err := io.ReadAll(conn)
			if err != nil {
				t.Error(err)
			}
			received <- got
		}()
		if err := d.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := <-received
		if !bytes.Contains(got, []byte("heroku logplex - - Error L10 (output buffer overflow): drain dropped ")) {
			t.Errorf("%d bytes, ending in %q", len(got), got[max(0, len(got)-300):])
		}
	})

	it("ends in time when nobody takes the lines", func() {
		listener := listen("127.0.0.1:0")
		d, stream := drain(listener)
		listener.Close()
		stream.Sayf("api", "a line")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := d.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close returned %v", err)
		}
		<-d.done
	})

	it("wants an address", func() {
		for _, target := range []string{"", "localhost:514", "syslog://localhost", "https://localhost:443", "syslog://localhost:514/x", "syslog://:514", "\x00"} {
			if d, err := NewDrain(target); err == nil {
				d.stop()
				t.Errorf("%q is no error", target)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("2026-01-02T12:00:00.000045+00:00 app[web.1]: hello\n"))
	f.Add([]byte("2026-01-02T12:00:00.000045+00:00 [web]]: hello"))
	f.Fuzz(func(t *testing.T, line []byte) {
		parsed, ok := Parse(line)
		if !ok {
			return
		}
		again := fmt.Appendf(nil, "%s %s[%s]: %s", parsed.Time.Format(TimeFormat), parsed.Source, parsed.Process, parsed.Text)
		if second, ok := Parse(again); !ok || !second.Time.Equal(parsed.Time) || second.Source != parsed.Source ||
			second.Process != parsed.Process || !bytes.Equal(second.Text, parsed.Text) {
			t.Errorf("%q is %+v, and then %+v", line, parsed, second)
		}
	})
}
