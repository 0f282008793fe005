package cli

import (
	"io"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	for name, c := range map[string]struct {
		secrets  []string
		in, want string
	}{
		"a value":                         {[]string{"hunter2"}, "pw=hunter2;hunter2!", "pw=[redacted];[redacted]!"},
		"nothing known":                   {nil, "hunter2", "hunter2"},
		"a short value":                   {[]string{"dev", ""}, "NODE_ENV=dev", "NODE_ENV=dev"},
		"a value within a longer one":     {[]string{"hunt", "hunter2"}, "hunter2 hunt", "[redacted] [redacted]"},
		"values that overlap":             {[]string{"abcd", "cdef"}, "xabcdefx", "x[redacted]x"},
		"a value that overlaps itself":    {[]string{"abab"}, "ababab", "[redacted]"},
		"a value with space around it":    {[]string{" hunter2\n"}, "hunter2", "[redacted]"},
		"each line of a value":            {[]string{"-----BEGIN-----\nMIIabc\n--\n"}, "MIIabc -----BEGIN----- --", "[redacted] [redacted] --"},
		"a value in a URL":                {[]string{"p@ss/wörd"}, "https://u:p%40ss%2Fw%C3%B6rd@host", "https://u:[redacted]@host"},
		"a quoted value":                  {[]string{`say "hi"`}, `unexpected "say \"hi\""`, `unexpected "[redacted]"`},
		"a value in base64":               {[]string{"user:hunter2"}, "Basic dXNlcjpodW50ZXIy", "Basic [redacted]"},
		"a value that is not quite UTF-8": {[]string{"bin\xffary"}, "bin\xffary", "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			var out syncBuffer
			p := New(Settings{Out: &out, Err: io.Discard, Env: env()})
			p.Redact(c.secrets...)
			p.Result(c.in, nil)
			same(t, out.String(), c.want+"\n")
		})
	}
}

func TestRedactWherePeopleLook(t *testing.T) {
	const secret = `hun"ter2`
	for name, json := range map[string]bool{"plain": false, "JSON": true} {
		t.Run(name, func(t *testing.T) {
			var out syncBuffer
			p := New(Settings{Out: &out, Err: &out, JSON: json, Env: env()})
			p.Redact(secret)
			p.Stepf("a %s", secret)
			p.Warningf("a\nb %s", secret)
			p.Result("x "+secret, Fields{
				"list": []any{map[string]string{"k " + secret: "v " + secret}}, "n": 12345678901234567, secret: 1,
			})
			w := p.Writer(Fields{"from": secret})
			for _, b := range []byte("token " + secret + " in \x1b[1m" + secret[:3] + "\x1b[0m" + secret[3:]) {
				if _, err := w.Write([]byte{b}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); strings.Contains(got, "ter2") || !strings.Contains(got, "token [redacted] in [redacted]") {
				t.Fatal(got)
			}
			if json {
				for line := range strings.Lines(out.String()) {
					parse(t, line)
				}
				if !strings.Contains(out.String(), `"n":12345678901234567`) {
					t.Errorf("a number lost digits: %s", out.String())
				}
			}
		})
	}
}

func TestRedactAtTheCutOfALongLine(t *testing.T) {
	secrets := []string{"hunter2", "2much"}
	for _, text := range secrets {
		for shift := range len(text) + 2 {
			var out syncBuffer
			p := New(Settings{Out: &out, Err: io.Discard, Env: env()})
			p.Redact(secrets...)
			w := p.Writer(nil)
			in := strings.Repeat("x", longestLine-shift) + text + "yy" + strings.Repeat("z", longestLine)
			if _, err := io.WriteString(w, in); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(in, text, redacted)
			if got := strings.ReplaceAll(out.String(), "\n", ""); got != want {
				t.Fatalf("secret %q %d bytes before the cut: got …%q…", text, shift, got[longestLine-20:longestLine+20])
			}
		}
	}
}
