package nodejs

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/nodejs/lock"
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
	f.Fuzz(func(t *testing.T, manifest, locked string) {
		for name, text := range map[string]string{manifestFile: manifest, lock.NPMFile: locked} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := readApp(dir, "")
		if err != nil {
			var app *download.Error
			if !errors.As(err, &app) || app.Fault != download.App || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%q, %q: got %v", manifest, locked, err)
			}
			return
		}
		l, is := a.npmLock()
		if !is {
			return
		}
		packages := l.Fetchable("x64", true)
		filled, err := packageCache{dir: dir}.withAddresses(l, []byte(locked), "x64", func(m npm.Manifest) (string, error) { return m.Name, nil })
		if err != nil || filled != nil && !json.Valid(filled) || len(packages) > len(l.Packages()) {
			t.Errorf("%q: %q, %v", locked, filled, err)
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
	f.Fuzz(func(t *testing.T, manifest, settings, locked string) {
		for name, text := range map[string]string{manifestFile: manifest, pnpmWorkspaceFile: settings, lock.NPMFile: locked} {
			if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		a, err := readApp(dir, source)
		if err != nil {
			var app *download.Error
			if !errors.As(err, &app) || app.Fault != download.App || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%q, %q, %q: got %v", manifest, settings, locked, err)
			}
			return
		}
		if l, is := a.npmLock(); is && a.root.member != "" && len(l.Reached("", a.root.member)) > len(l.Packages())+2 {
			t.Errorf("%q: it needs more than there is", locked)
		}
	})
}

// FuzzGlobs reads patterns of workspaces: one without braces stands for itself alone.
func FuzzGlobs(f *testing.F) {
	for _, seed := range []string{"packages/*", "{a,{b,c}}/**", "{a,", "[", "!a/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all := braces(text)
		if !strings.Contains(text, "{") && (len(all) != 1 || all[0] != text) {
			t.Errorf("%q became %q", text, all)
		}
		for _, one := range all {
			matchPath(strings.Split(one, "/"), []string{"a", "b"})
		}
	})
}
