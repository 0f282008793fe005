package download_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/download"
)

func TestParseIntegrity(t *testing.T) {
	const (
		sha1   = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="
		sha512 = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
	)
	for _, test := range []struct{ text, want, err string }{
		{text: sha512, want: sha512},
		{text: sha1 + "  " + sha512 + "?opt", want: sha512},
		{text: sha1, want: sha1},
		{text: "", err: "holds no checksum"},
		{text: "md5-1B2M2Y8AsgTpgAmY7PhCfg==", err: "holds no checksum"},
		{text: "sha512-AAAA", err: "is not a sha512 checksum"},
	} {
		got, err := download.ParseIntegrity(test.text)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: got %v, expected an error with %q", test.text, err, test.err)
			}
			continue
		}
		if err != nil || got.String() != test.want {
			t.Errorf("%q: got %s, %v", test.text, got, err)
			continue
		}
		if err := got.Check("nothing", got.Hash()); err != nil {
			t.Errorf("%q is the checksum of nothing: %v", test.text, err)
		}
	}
}

func FuzzParseIntegrity(f *testing.F) {
	f.Add("sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==")
	f.Add("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	f.Fuzz(func(t *testing.T, text string) {
		i, err := download.ParseIntegrity(text)
		if err != nil {
			return
		}
		again, err := download.ParseIntegrity(i.String())
		if err != nil || again.String() != i.String() || i.Hash() == nil {
			t.Errorf("%q: %s, %v", text, again, err)
		}
	})
}
