package download_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/download/downloadtest"
)

func FuzzUnpackTarGz(f *testing.F) {
	var t testing.T
	f.Add(downloadtest.Tarball(&t, map[string]string{"a": "1", "b/c*": "2"}))
	f.Add(downloadtest.Tarball(&t, map[string]string{"../../evil": "1", "/etc/evil": "2"}))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "dir")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		// Whatever it is, it does not leave the directory.
		if err := download.UnpackTarGz(bytes.NewReader(data), dir, download.Selection{MaxFiles: 100, MaxBytes: 1 << 20}); err != nil {
			t.Log(err)
		}
		entries, err := os.ReadDir(outer)
		if err != nil || len(entries) != 1 {
			t.Errorf("found %v, %v beside the directory", entries, err)
		}
	})
}
