package java

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzPOM(f *testing.F) {
	f.Add([]byte(simplePOM))
	f.Add([]byte("<project><properties><a>${b}</a><b>${a}</b><java.version>${a}</java.version></properties><modules><module>${a}</module></modules></project>"))
	f.Add([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><project><name>` + "\xe4" + `</name></project>`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		p, err := parsePOM(pomFile, data)
		if err != nil {
			return
		}
		p.compiles()
		p.toolchain()
		p.modules()
		p.moving(pomFile, nil)
	})
}

func FuzzProperties(f *testing.F) {
	f.Add([]byte("a=b\\\n c\nd\\u00e4: e"))
	f.Fuzz(func(_ *testing.T, data []byte) { properties(data) })
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("Manifest-Version: 1.0\r\nClass-Path: a\r\n b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		once := parseManifest(parseManifest(data).text())
		if twice := once.text(); !bytes.Equal(twice, parseManifest(twice).text()) {
			t.Errorf("%q is not read as it was written", twice)
		}
	})
}

func FuzzUnzip(f *testing.F) {
	for _, name := range []string{"a/../../evil", "/etc/evil", "a/b", "a\\..\\b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/*") {
			return // a directory has no text
		}
		dir := t.TempDir()
		archive := filepath.Join(dir, "a.zip")
		if err := os.WriteFile(archive, []byte(zipped(t, map[string]string{name: "x"})), 0o600); err != nil {
			t.Fatal(err)
		}
		inside := filepath.Join(dir, "deep", "inside")
		// What it says does not matter: nothing may appear outside.
		unpackErr := unpackTool(archive, inside)
		entries, err := os.ReadDir(filepath.Join(dir, "deep"))
		if err != nil || len(entries) != 1 {
			t.Errorf("%q wrote %v outside (%v, %v)", name, entries, err, unpackErr)
		}
	})
}
