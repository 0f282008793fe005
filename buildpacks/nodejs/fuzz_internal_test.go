package nodejs

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// FuzzReadApp reads what authors write: it is an app, or an error that is the
// author's to mend, with a text.
func FuzzReadApp(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"dependencies": {"a": "^1"}}`, `{"lockfileVersion": 3, "packages": {"": {}, "node_modules/a": {"version": "1.0.0", "os": "linux"}}}`},
		{`{"workspaces": ["b"], "engines": [], "volta": 7}`, `{"lockfileVersion": 2, "packages": {"node_modules/b": {"link": true, "resolved": "../b"}}}`},
		{`{"dependencies": {"a": "npm:b@1"}}`, `{"lockfileVersion": 1, "dependencies": {"a": {"version": "git+ssh://x"}}}`},
		{"{\n\"scripts\": {\"a\": 1}}", "<<<<<<< a"},
		{"\ufeff[", "{"},
	} {
		f.Add(seed[0], seed[1])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, manifest, lock string) {
		for name, text := range map[string]string{manifestFile: manifest, lockFile: lock} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := readApp(dir, "")
		if err != nil {
			var app *download.Error
			if !errors.As(err, &app) || app.Fault != download.App || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%q, %q: got %v", manifest, lock, err)
			}
			return
		}
		l, is := a.npmLock()
		if !is {
			return
		}
		packages := l.fetchable("x64", true)
		filled, err := l.withAddresses([]byte(lock), "x64", packageCache{dir: dir}, func(m npm.Manifest) (string, error) { return m.Name, nil })
		if err != nil || filled != nil && !json.Valid(filled) || len(packages) > len(l.Packages) {
			t.Errorf("%q: %q, %v", lock, filled, err)
		}
		if _, err := nodeVersion(a, nil, releases{Default: "24.x"}); err != nil {
			t.Error(err)
		}
	})
}

// FuzzRoot reads what lies above an app: it is taken, or refused with words that
// are its author's.
func FuzzRoot(f *testing.F) {
	for _, seed := range [][3]string{
		{`{"workspaces": ["packages/*"]}`, "packages: [packages/a]\nsharedWorkspaceLockfile: false\n", `{"packages": {"packages/a": {"dependencies": {"b": "1"}}, "node_modules/b": {"link": true, "resolved": "packages/a"}}, "lockfileVersion": 3}`},
		{`{"workspaces": {"packages": ["{packages,x}/**", "!packages/a"]}}`, "packages:\n- 7\n", "{}"},
		{`{"workspaces": 7, "packageManager": "pnpm"}`, "[", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	source := f.TempDir()
	dir := filepath.Join(source, "packages", "a")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestFile), []byte(`{"name": "a", "dependencies": {"b": "1"}}`), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, manifest, settings, lock string) {
		for name, text := range map[string]string{manifestFile: manifest, pnpmWorkspaceFile: settings, lockFile: lock} {
			if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := readApp(dir, source)
		if err != nil {
			var app *download.Error
			if !errors.As(err, &app) || app.Fault != download.App || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%q, %q, %q: got %v", manifest, settings, lock, err)
			}
			return
		}
		if l, is := a.npmLock(); is && a.root.member != "" && len(l.reached("", a.root.member)) > len(l.Packages)+2 {
			t.Errorf("%q: it needs more than there is", lock)
		}
	})
}

func FuzzLockFiles(f *testing.F) {
	for _, seed := range []string{classicLock, berryLock, "lockfileVersion: '9.0'\nimporters:\n  .: {}\n", "lockfileVersion: 5.4\nspecifiers: {a: 1}\n", "{\"workspaces\": {\"\": {}}, // x\n}", "\"a", "? b\n:", "a:\n  b:\n    \"c\": d\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, read := range map[string]func() (lockfile, error){
			"Yarn 1": func() (lockfile, error) { return readYarnClassic([]byte(text)) },
			"Yarn":   func() (lockfile, error) { return readYarnBerry([]byte(text), manifest{}) },
			"pnpm":   func() (lockfile, error) { return readPNPM([]byte(text)) },
			"Bun":    func() (lockfile, error) { return readBun([]byte(text)) },
		} {
			l, err := read()
			var app *download.Error
			if err != nil && (!errors.As(err, &app) || app.Fault != download.App) {
				t.Errorf("%s: %q: got %v", name, text, err)
			}
			if err == nil {
				l.differences("", manifest{Dependencies: map[string]string{"a": "1"}})
				l.workspaces()
				l.mayCompile()
			}
		}
		if plain := plainJSON([]byte(text)); len(plain) != len(text) {
			t.Errorf("%q became %q", text, plain)
		}
		for _, one := range braces(text) {
			matchPath(strings.Split(one, "/"), []string{"a", "b"})
		}
	})
}
