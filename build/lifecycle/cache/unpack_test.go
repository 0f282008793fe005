package cache_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build/lifecycle/cache"
)

// TestUnpack unpacks what lies deep, what any mask would change the mode of, and what
// leads elsewhere.
func TestUnpack(t *testing.T) {
	deep := strings.Repeat("d/", 100) + "file"
	for _, c := range []struct {
		name    string
		entries []tar.Header
		want    map[string]fs.FileMode
		fails   bool
	}{
		{
			"deep, and back", []tar.Header{{Name: deep, Mode: 0o644}, {Name: "d/d/other", Mode: 0o600}, {Name: "e/f", Mode: 0o644}, {Name: "top", Mode: 0o755}},
			map[string]fs.FileMode{deep: 0o644, "d/d/other": 0o600, "e/f": 0o644, "top": 0o755}, false,
		},
		{
			"modes", []tar.Header{{Name: "a", Mode: 0o666}, {Name: "b", Mode: 0o666}, {Name: "c", Mode: 0o444}, {Name: "d", Mode: 0o4755}, {Name: "e", Mode: 0o4755}},
			map[string]fs.FileMode{"a": 0o666, "b": 0o666, "c": 0o444, "d": 0o755 | fs.ModeSetuid, "e": 0o755 | fs.ModeSetuid}, false,
		},
		{"below a link that leads out", []tar.Header{{Name: "out", Linkname: "/tmp", Typeflag: tar.TypeSymlink}, {Name: "out/file", Mode: 0o644}}, nil, true},
		{"a file twice", []tar.Header{{Name: "a/b", Mode: 0o644}, {Name: "a/b", Mode: 0o644}}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			const at = "/layers/bp/layer"
			var text bytes.Buffer
			w := tar.NewWriter(&text)
			for _, h := range append([]tar.Header{{Name: ".", Typeflag: tar.TypeDir, Mode: 0o755}}, c.entries...) {
				h.Name = at + "/" + h.Name
				if h.Typeflag == 0 {
					h.Size = int64(len(h.Name))
				}
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write([]byte(h.Name)[:h.Size]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(text.Bytes())
			dir := filepath.Join(t.TempDir(), "layer")
			err := cache.Unpack(t.Context(), &text, "sha256:"+hex.EncodeToString(sum[:]), at, dir)
			if bad, is := errors.AsType[*cache.LayerError](err); is != c.fails || err != nil && !is {
				t.Fatalf("fails: %v; %v (%v)", c.fails, err, bad)
			}
			for name, mode := range c.want {
				info, err := os.Lstat(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				content, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil || string(content) != at+"/"+name || info.Mode() != mode {
					t.Errorf("%s: mode %v, want %v; %q (%v)", name, info.Mode(), mode, content, err)
				}
			}
		})
	}
}
