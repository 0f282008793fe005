package cache_test

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build/lifecycle/cache"
)

func TestLaunch(t *testing.T) {
	dir := t.TempDir()
	l, err := cache.OpenLaunch(dir)
	if err != nil {
		t.Fatal(err)
	}
	// has fails unless these layers are there and no others.
	has := func(want ...string) {
		t.Helper()
		entries, err := os.ReadDir(filepath.Join(dir, "committed"))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(want) {
			t.Errorf("got %v, want %q", entries, want)
		}
		for _, diffID := range want {
			if file, found := l.Find(diffID); !found || filepath.Base(file) != diffID+".tar" {
				t.Errorf("%s: found %t, %s", diffID, found, file)
			}
		}
	}
	first, file := layer(t, t.TempDir(), tar.Header{Name: "/layers/b", Typeflag: tar.TypeDir, Mode: 0o755})
	second, other := layer(t, t.TempDir(), tar.Header{Name: "/layers/c", Typeflag: tar.TypeDir, Mode: 0o755})
	missing := "sha256:" + strings.Repeat("0", 64)
	replace := func(layers map[string]string) {
		t.Helper()
		if err := l.Replace(t.Context(), layers); err != nil {
			t.Fatal(err)
		}
	}
	has()
	replace(map[string]string{first: file, missing: ""})
	has(first)
	replace(map[string]string{first: "", second: other})
	has(first, second)
	if err := l.Replace(t.Context(), map[string]string{second: "", missing: "/nowhere"}); err == nil {
		t.Error("a file that is not there was added")
	}
	has(first, second)
	if l, err = cache.OpenLaunch(dir); err != nil {
		t.Fatal(err)
	}
	replace(map[string]string{second: ""})
	has(second)
	for _, diffID := range []string{first, missing, "", "../" + second} {
		if file, found := l.Find(diffID); found {
			t.Errorf("%s: found %s", diffID, file)
		}
	}
}
