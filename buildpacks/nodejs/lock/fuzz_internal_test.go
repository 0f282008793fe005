package lock

import (
	"errors"
	"testing"

	"github.com/slugc/slugc/stack/download"
)

// FuzzReaders reads what authors commit: it is a lock file that answers all that a build
// asks of it, or an error that is the author's to mend.
func FuzzReaders(f *testing.F) {
	for _, seed := range []string{
		classicLock, berryLock, "lockfileVersion: '9.0'\nimporters:\n  .: {}\n", "lockfileVersion: 5.4\nspecifiers: {a: 1}\n", "{\"workspaces\": {\"\": {}}, // x\n}", "\"a", "? b\n:", "a:\n  b:\n    \"c\": d\n", ":\n  version \"1\"\n",
		`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "^1"}}, "node_modules/a": {"version": "1.0.0", "os": "linux"}}}`,
		`{"lockfileVersion": 2, "packages": {"node_modules/b": {"link": true, "resolved": "../b"}}}`,
		`{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "1"}}, "node_modules/a": {"link": true, "resolved": "/a"}, "/a": {"dependencies": {"c": "1"}}}}`,
		`{"lockfileVersion": 3, "packages": {"": {"deprecated": "x"}, "packages/a": {"deprecated": "x"}}}`,
		`{"lockfileVersion": 1, "dependencies": {"a": {"version": "git+ssh://x"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, read := range map[string]func() (File, error){
			"npm":    func() (File, error) { return ReadNPM(NPMFile, []byte(text)) },
			"Yarn 1": func() (File, error) { return ReadClassic([]byte(text)) },
			"Yarn":   func() (File, error) { return ReadBerry([]byte(text), Manifest{}, false) },
			"pnpm":   func() (File, error) { return ReadPNPM([]byte(text), true) },
			"Bun":    func() (File, error) { return ReadBun([]byte(text)) },
		} {
			l, err := read()
			var app *download.Error
			if err != nil && (!errors.As(err, &app) || app.Fault != download.App) {
				t.Errorf("%s: %q: got %v", name, text, err)
			}
			if err != nil {
				continue
			}
			l.Differences("", Manifest{Dependencies: map[string]string{"a": "1"}})
			l.Workspaces()
			l.MayCompile()
			l.Packages()
			l.Deprecated()
			if l, is := l.(*Classic); is {
				if _, err := l.WithAddresses([]byte(text), "https://", func(name, version string) (string, error) { return name + version, nil }); err != nil {
					t.Errorf("%q: %v", text, err)
				}
			}
			if l, is := l.(*NPM); is && (len(l.Fetchable("x64", true)) > len(l.packages) || len(l.Reached("", "b")) > len(l.packages)+2) {
				t.Errorf("%q: it has more than there is", text)
			}
		}
		if plain := PlainJSON([]byte(text)); len(plain) != len(text) {
			t.Errorf("%q became %q", text, plain)
		}
	})
}
