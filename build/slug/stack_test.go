package slug_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/stack"
)

// withNote is an unpacked slug that says what it was built on.
func withNote(t *testing.T, text []byte) string {
	t.Helper()
	app := t.TempDir()
	if err := os.Mkdir(filepath.Join(app, ".slugc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, ".slugc", "stack.toml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return app
}

func TestStackNote(t *testing.T) {
	want := stack.Stack{ID: "slugc-13", Target: stack.Target{OS: "linux", Arch: "arm64", DistroName: "debian", DistroVersion: "13"}}
	note, err := slug.StackNote(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := slug.ReadStackNote(withNote(t, note.Content)); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := slug.ReadStackNote(t.TempDir()); err != nil || got != (stack.Stack{}) {
		t.Errorf("without a note: %+v, %v", got, err)
	}
}

func TestStackNoteOfAnybody(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("id = \"secret\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	leaky := withNote(t, nil)
	note := filepath.Join(leaky, ".slugc", "stack.toml")
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, note); err != nil {
		t.Fatal(err)
	}
	for app, want := range map[string]string{
		leaky: "path escapes",
		withNote(t, bytes.Repeat([]byte("#"), 1<<20)): "larger than 65536 bytes",
		withNote(t, []byte("id = 1")):                 "reading what the slug was built on, .slugc/stack.toml",
	} {
		if got, err := slug.ReadStackNote(app); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %+v, %v, want %q", got, err, want)
		}
	}
}
