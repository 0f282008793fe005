package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/untar"
)

// FuzzParse: no reference makes the reader panic, and what is shown of one has
// no password.
func FuzzParse(f *testing.F) {
	for _, ref := range []string{"a", "docker://a/b:c", "oci:a:b", "https://u:PASSWORD@a/b.tgz#sha256=00", "git@a:b#c", "git+https://a/b?q=PASSWORD#c", "file:///a#b", "urn:cnb:x"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		r, err := parse(ref)
		if err == nil && r.medium == gitRepository && strings.HasPrefix(r.fragment, "-") {
			t.Errorf("git would take %q for an option", r.fragment)
		}
		if strings.HasPrefix(ref, "https://me:PASSWORD@") && !strings.Contains(ref[20:], "PASSWORD") && strings.Contains(redacted(ref), "PASSWORD") {
			t.Error(redacted(ref))
		}
	})
}

// FuzzLabels: no label makes the reader panic, and none leads out of the
// directory of buildpacks.
func FuzzLabels(f *testing.F) {
	f.Add(`{"id":"a/b","version":"1"}`, `{"a/b":{"1":{"layerDiffID":"sha256:`+strings.Repeat("0", 64)+`"}}}`)
	f.Add(`{"id":"..","version":".."}`, `{"..":{"..":{"layerDiffID":"sha256:`+strings.Repeat("0", 64)+`"}}}`)
	f.Add(`[]`, `{}`)
	f.Fuzz(func(t *testing.T, meta, layers string) {
		c, err := parseLabels(map[string]string{packageLabel: meta, layersLabel: layers})
		if err != nil {
			return
		}
		if len(c.paths) == 0 || len(c.paths) != len(c.names) {
			t.Errorf("%+v", c)
		}
		for _, p := range c.paths {
			if !filepath.IsLocal(p) || strings.Count(p, "/") != 3 || !strings.HasPrefix(p, "cnb/buildpacks/") {
				t.Errorf("the path %q", p)
			}
		}
	})
}

// FuzzDependencies: no package.toml makes the reader panic.
func FuzzDependencies(f *testing.F) {
	f.Add([]byte("[[dependencies]]\nuri = \"a\"\n[[dependencies]]\nimage = \"b\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		uris, err := parseDependencies(data)
		for _, uri := range uris {
			if err == nil && uri == "" {
				t.Error("an empty reference")
			}
		}
	})
}

// FuzzArchive: nothing that a file says is written outside of the store, and
// all of the store can be removed.
func FuzzArchive(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\xfd7zXZ\x00\x00\x04"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00"))
	f.Add([]byte("buildpack.toml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		file := filepath.Join(top, "file")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		store := filepath.Join(top, "store")
		fetcher := Fetcher{Dir: store, Limits: untar.Limits{Entries: 50, Bytes: 1 << 20, FileBytes: 1 << 19, Depth: 20}}
		if _, err := fetcher.Fetch(t.Context(), file); err != nil {
			t.Log(err)
		}
		if err := os.RemoveAll(store); err != nil {
			t.Error(err)
		}
		if entries, err := os.ReadDir(top); err != nil || len(entries) != 1 {
			t.Error(entries, err)
		}
	})
}
