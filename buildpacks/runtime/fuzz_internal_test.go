package runtime

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzNumber reads versions as registries write them.
func FuzzNumber(f *testing.F) {
	for _, text := range []string{"3.11.2-6+deb12u9", "17.0.19+10-1~deb12u1", "1:3.1", "26~5ea-1", "1.26rc1", "1.63.0+dfsg1-2", "x", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := number(text)
		if got == "" {
			return
		}
		if head, _, _ := strings.Cut(got, "-"); strings.Count(head, ".") < 2 || strings.Trim(head, "0123456789.") != "" {
			t.Errorf("%q is read as %q", text, got)
		}
	})
}

// FuzzUnembed unpacks trees that lead elsewhere, if that is not seen.
func FuzzUnembed(f *testing.F) {
	f.Add("bin/x", "", int64(3), false)
	f.Add("../x", "", int64(3), false)
	f.Add("x", "../../y", int64(0), false)
	f.Add("x", "y", int64(0), false)
	f.Add("/x", "", int64(3), true)
	f.Add("files.json", "", int64(-1), true)
	f.Fuzz(func(t *testing.T, name, link string, size int64, compressed bool) {
		outer := t.TempDir()
		from, dir := filepath.Join(outer, "from"), filepath.Join(outer, "dir")
		list, err := json.Marshal(embedding{Files: []embeddedFile{{Name: name, Size: size, Perm: 0o644, Symlink: link, Compressed: compressed}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(from, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"files.json": string(list), "x": "abc"} {
			if err := os.WriteFile(filepath.Join(from, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := unembed(t.Context(), from, dir); err != nil {
			t.Log(err)
		}
		entries, err := os.ReadDir(outer)
		if err != nil || len(entries) > 2 {
			t.Errorf("got %v, %v beside the tree", entries, err)
		}
	})
}
