package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sclevine/spec"
)

// put writes to w.
func put(t *testing.T, w io.Writer, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(w, format, args...); err != nil {
		t.Error(err)
	}
}

func TestWriter(t *testing.T) { spec.Run(t, "Writer", testWriter) }

func testWriter(t *testing.T, when spec.G, it spec.S) {
	var out syncBuffer

	write := func(p *Printer, parts ...string) {
		t.Helper()
		w := p.Writer(Fields{"buildpack": "heroku/nodejs"})
		for _, part := range parts {
			put(t, w, "%s", part)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}

	when("plain", func() {
		for name, c := range map[string]struct {
			in   []string
			want string
		}{
			"lines as they are":             {[]string{"-----> Step\n       det", "ail\n\n !     oh\n"}, "-----> Step\n       detail\n\n !     oh\n"},
			"an unfinished last line":       {[]string{"a\nb"}, "a\nb\n"},
			"nothing":                       {nil, ""},
			"Windows newlines":              {[]string{"a\r\nb\r", "\nc\r\r\n"}, "a\nb\nc\n"},
			"the last state of a line":      {[]string{"10%\r20%\r", "done\n"}, "done\n"},
			"states that lead the line":     {[]string{"\r10%\r20%\r30%\n"}, "30%\n"},
			"a state that ends the output":  {[]string{"a\n99%\r"}, "a\n"},
			"an erased state":               {[]string{"99%\r\x1b[K\nb\n"}, "\nb\n"},
			"erase and go to column one":    {[]string{"one\x1b[2K\x1b[1Gtwo\x1b[2K\x1b[G", "three\n"}, "three\n"},
			"colours":                       {[]string{"\x1b[1;31mred\x1b[0m\n"}, "red\n"},
			"a colour in two writes":        {[]string{"\x1b[3", "1mred\x1b", "[m\n"}, "red\n"},
			"cursor movements":              {[]string{"\x1b[2Ja\x1b[10;5Hb\x1b[?25lc\x1b7d\x1b(Be\n"}, "abcde\n"},
			"window titles and links":       {[]string{"\x1b]0;pwned\x07a\x1b]8;;x:y\x1b\\b\x1b]8;;\x1b\\\n"}, "ab\n"},
			"a title that never ends":       {[]string{"\x1b]0;title\nnext\n"}, "\nnext\n"},
			"control characters":            {[]string{"a\x00\x07\x08b\tc\x7f\u0085\u009b\n"}, "ab\tc\n"},
			"bytes that are not UTF-8":      {[]string{"a\xff\xfeb\n"}, "a\uFFFDb\n"},
			"a character in two writes":     {[]string{"caf\xc3", "\xa9\n"}, "café\n"},
			"an escape that a line cancels": {[]string{"a\x1b\nb\x1b[3\x18c\n"}, "a\nbc\n"},
		} {
			it("prints "+name, func() {
				write(New(Settings{Out: &out, Err: io.Discard, Env: env()}), c.in...)
				same(t, out.String(), c.want)
			})
		}

		it("prints a line without end in parts, at whole characters", func() {
			text := strings.Repeat("é", longestLine)
			write(New(Settings{Out: &out, Err: io.Discard, Env: env()}), text, "\n")
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			same(t, strings.Join(lines, ""), text)
			for _, line := range lines {
				if len(line) > longestLine {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	})

	when("in JSON", func() {
		it("makes lines events, with the fields, and arrows steps", func() {
			write(New(Settings{Out: &out, Err: io.Discard, JSON: true, Env: env()}),
				"\x1b[1m-----> Installing\x1b[0m\n       node \"22\"\n")
			same(t, out.String(), ""+
				`{"type":"step","text":"Installing","buildpack":"heroku/nodejs"}`+"\n"+
				`{"type":"output","text":"       node \"22\"","buildpack":"heroku/nodejs"}`+"\n")
		})

		it("sends passing states as progress, at most one a second", func() {
			synctest.Test(t, func(t *testing.T) {
				p := New(Settings{Out: &out, Err: io.Discard, JSON: true, Env: env()})
				w := p.Writer(nil)
				for n := range 25 {
					put(t, w, "%d%%\r", n)
					if n == 13 {
						put(t, w, "half\n")
					}
					time.Sleep(100 * time.Millisecond)
				}
				put(t, w, "100%%\n")
				same(t, out.String(), ""+
					`{"type":"progress","text":"0%","seconds":0}`+"\n"+
					`{"type":"progress","text":"10%","seconds":1}`+"\n"+
					`{"type":"output","text":"half"}`+"\n"+
					`{"type":"progress","text":"20%","seconds":0.6}`+"\n"+
					`{"type":"output","text":"100%"}`+"\n")
			})
		})

		it("sends no progress for Windows newlines", func() {
			write(New(Settings{Out: &out, Err: io.Discard, JSON: true, Env: env()}), "a\r\nb\r\n")
			if strings.Contains(out.String(), "progress") {
				t.Fatal(out.String())
			}
		})
	})

	when("on a terminal", func() {
		it("keeps colours, and ends them with the line", func() {
			write(onTerminal(&out, &out, 80), "\x1b[32mgreen\x1b[2J\nplain\n")
			same(t, out.String(), "\x1b[32mgreen\x1b[0m\nplain\n")
		})

		it("shows passing states on the live line with the time, then takes them away", func() {
			synctest.Test(t, func(t *testing.T) {
				p := onTerminal(&out, &out, 40)
				w := p.Writer(nil)
				put(t, w, "fetched 10%%\r")
				time.Sleep(time.Second + frame/2)
				synctest.Wait()
				same(t, newScreen(t, out.String()).String(), "fetched 10%  1.0 s")

				put(t, w, "%s\r", strings.Repeat("wide ", 20))
				p.Stepf("meanwhile")
				time.Sleep(time.Second)
				synctest.Wait()
				same(t, newScreen(t, out.String()).String(),
					"-----> meanwhile\nwide wide wide wide wide wide w…  2.0 s")

				put(t, w, "fetched all\n")
				same(t, newScreen(t, out.String()).String(), "-----> meanwhile\nfetched all\n")
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
			})
		})
	})
}

// FuzzWriter: whatever a program prints, in whatever pieces, a plain log has
// only text, the same text, and no secret.
func FuzzWriter(f *testing.F) {
	for _, seed := range []string{
		"-----> Step\n", "10%\r20%\r\n", "\x1b[31mred\x1b[0m\n", "\x1b]0;t\x07\x1b[2K\x1b[1Gx",
		"\xff\xc3", "token=hunter2hunter2\n", "hun\x1b[1mter2\n", "\x1bP\x1b\\a\x9bb",
	} {
		f.Add(seed, uint8(3), true)
	}
	const secret = "hunter2"
	f.Fuzz(func(t *testing.T, in string, step uint8, colour bool) {
		run := func(step int) string {
			var out syncBuffer
			p := New(Settings{Out: &out, Err: io.Discard, Env: env()})
			p.out.colour = colour
			p.Redact(secret)
			w := p.Writer(nil)
			for len(in) > 0 && step > 0 {
				n := min(step, len(in))
				if _, err := io.WriteString(w, in[:n]); err != nil {
					t.Fatal(err)
				}
				in = in[n:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		text := in
		whole := run(max(len(in), 1))
		in = text
		if pieces := run(int(step%7) + 1); pieces != whole {
			t.Fatalf("in pieces %q, whole %q", pieces, whole)
		}
		if !utf8.ValidString(whole) {
			t.Fatalf("not UTF-8: %q", whole)
		}
		if strings.Contains(plain(whole), secret) {
			t.Fatalf("the secret is in %q", whole)
		}
		for _, r := range plain(whole) {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Fatalf("control character %q in %q", r, whole)
			}
		}
		if !colour && strings.Contains(whole, "\x1b") {
			t.Fatalf("escape in %q", whole)
		}
	})
}
