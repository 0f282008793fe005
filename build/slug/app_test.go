package slug_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build/slug"
)

func TestAppNote(t *testing.T) {
	top := withNote(t, nil)
	write := func(text []byte) {
		if err := os.WriteFile(filepath.Join(top, ".slugc", "app.toml"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := slug.ReadAppNote(top); got != "" || err != nil {
		t.Errorf("without a note: %q, %v", got, err)
	}
	for _, want := range []string{"packages/web", "a \"b\"\n'c'"} {
		note, err := slug.AppNote(want)
		if err != nil || note.Path != ".slugc/app.toml" {
			t.Fatal(note.Path, err)
		}
		write(note.Content)
		if got, err := slug.ReadAppNote(top); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	for text, want := range map[string]string{
		"directory = \"../x\"": "leads out of it", "directory = \"/etc\"": "leads out of it", "directory = 1": ".slugc/app.toml",
		strings.Repeat("#", 1<<20): "larger than 65536 bytes",
	} {
		write([]byte(text))
		if got, err := slug.ReadAppNote(top); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}
