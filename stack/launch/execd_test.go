package launch

import (
	"strings"
	"testing"
)

func FuzzParseExecD(f *testing.F) {
	for _, document := range []string{
		"", "A = \"1\"\n", "# c\n'B' = '''\nx'''", "A = 1", "[a]\nb = \"c\"", "A = \"\\u0000\"", "\"=\" = \"x\"",
		"A = \"\"\"\"in\"\"\"\"", "A = [[{b = [", "a.b.c.d = \"1\"", "A = \"\\",
	} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := parseExecD(data)
		if err != nil {
			return
		}
		for _, word := range env.List() {
			if strings.HasPrefix(word, "=") || strings.Contains(word, "\x00") {
				t.Errorf("%q became the variable %q", data, word)
			}
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add("")
	f.Add("it's")
	f.Add("'\\''")
	f.Fuzz(func(t *testing.T, s string) {
		// Between two quotes only quotes mean anything to a shell, and outside
		// of them only an escaped one is written.
		var got strings.Builder
		rest := quote(s)
		for rest != "" {
			switch {
			case rest[0] == '\'':
				inside, after, found := strings.Cut(rest[1:], "'")
				if !found {
					t.Fatalf("the word %s for %q does not end", quote(s), s)
				}
				got.WriteString(inside)
				rest = after
			case strings.HasPrefix(rest, `\'`):
				got.WriteByte('\'')
				rest = rest[2:]
			default:
				t.Fatalf("the word %s for %q is not quoted", quote(s), s)
			}
		}
		if got.String() != s {
			t.Errorf("the word %s stands for %q, want %q", quote(s), got.String(), s)
		}
	})
}
